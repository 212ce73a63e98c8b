"""`licet identity`: short-lived SPIFFE identities."""

from __future__ import annotations

import click

from licet.cli.group import Commands
from licet.cli.options import epilog

LISTING = {
    "init": "Found a trust domain: its secret, its database, its first authorities.",
    "entries": "Who gets which identity: add, list, remove, or take them from contracts.",
    "serve": "Run the server, and the Workload API of this machine.",
    "fetch": "Ask the Workload API which identities this process is given.",
    "status": "What there is: authorities, entries, nodes, other trust domains, the log; and what is due.",
    "doctor": "Look for what is wrong or will be, and say what to do.",
    "agents": "Nodes: let one join, list them, ban one.",
    "agent": "Run the Workload API of another machine, fed by a server.",
    "revoke": "Revoke an identity: nothing more is issued for it.",
    "permit": "Take a revocation back.",
    "issue": "Sign a certificate request by hand.",
    "bundle": "Print the bundle and the pins that others verify this domain with.",
    "federation": "Other trust domains: trust one, list them, distrust one.",
    "rotate": "Let the next authority sign.",
    "taint": "Replace a stolen key: everything is issued again, and the old root is dropped.",
    "keeper": "Choose who keeps the keys of authorities from now on.",
    "reseal": "Change the secret that keys are sealed with.",
    "backup": "Write everything into one encrypted file.",
    "restore": "Bring a trust domain back from a backup.",
}
"""Every command and what the list of commands says of it."""


@click.command(
    "identity",
    cls=Commands,
    listing=LISTING,
    package=__name__,
    epilog=epilog(
        [
            "licet identity init --trust-domain shop.example",
            "licet identity entries add --spiffe-id spiffe://shop.example/cart \\",
            "    --selector unix:uid:1000",
            "licet identity serve --socket run/agent.sock",
            "licet identity fetch --socket run/agent.sock    in another terminal",
        ],
        ["0    done", "1    the answer is no", "2    the input or the usage is wrong"],
    ),
)
def command() -> None:
    """Short-lived SPIFFE identities: the server, nodes, registration and keys."""
