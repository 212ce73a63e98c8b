"""`licet audit`: the log."""

from __future__ import annotations

import click

from licet.cli.group import Commands
from licet.cli.options import epilog

LISTING = {
    "verify": "Whether the log is what was written and signed, or a proof holds.",
    "show": "Records, the newest last.",
    "prove": "A proof that stands alone: of a record, or that the log only grew.",
    "export": "Records as lines of JSON in the form of OCSF.",
}
"""Every command and what the list of commands says of it."""


@click.command(
    "audit",
    cls=Commands,
    listing=LISTING,
    package=__name__,
    epilog=epilog(
        [
            "licet audit verify --key log.pub               by a key kept elsewhere",
            "licet audit show --kind svid --follow          what is issued, as it is",
            "licet audit prove --record 4711 > proof.json   for somebody without the log",
            "licet audit export --since 2026-01-01T00:00:00Z | gzip > january.jsonl.gz",
        ],
        ["0    done, nothing wrong", "1    the log or the proof is not sound", "2    the input or the usage is wrong"],
    ),
)
def command() -> None:
    """The log of every issuance and change: verify, show, prove, export."""
