"""`licet mesh redirect`: rules that lead traffic through a sidecar."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import click

from licet.cli.options import SECONDS, epilog
from licet.mesh.envoy.names import PORT_PROBES
from licet.mesh.redirect import UID


@click.command(
    "redirect",
    epilog=epilog(
        [
            "licet mesh redirect --print                    the rules, for nft -f -",
            "licet mesh redirect --apply                    in the namespace of this process",
            "licet mesh redirect --apply --pid 4711         in that of another process",
            "licet mesh redirect --check --wait 60          until somebody has applied them",
        ],
        ["0    done; they hold", "1    --check: they do not hold", "2    the input or the usage is wrong"],
    ),
)
@click.option("--print", "what", flag_value="print", default="print", help="Print the rules (default).")
@click.option("--apply", "what", flag_value="apply", help="Apply them, in the place of those that are there.")
@click.option("--remove", "what", flag_value="remove", help="Take them away.")
@click.option("--check", "what", flag_value="check", help="See whether they hold, before a sidecar runs.")
@click.option("--uid", type=click.IntRange(0), default=UID, show_default=True, help="The sidecar's user.")
@click.option(
    "--pass-in",
    type=click.IntRange(1, 65535),
    multiple=True,
    default=[PORT_PROBES],
    show_default=True,
    metavar="PORT",
    help="A port that is reached from outside without the sidecar.",
)
@click.option("--beyond", multiple=True, metavar="CIDR", help="A network that is reached without the sidecar.")
@click.option("--resolver", multiple=True, metavar="ADDRESS", help="A resolver (default: those in /etc/resolv.conf).")
@click.option("--netns", metavar="PATH", help="The network namespace to apply them in.")
@click.option("--pid", type=click.IntRange(1), help="A process that runs in it.")
@click.option("--wait", type=SECONDS, default=0.0, metavar="SECONDS", help="How long --check waits for them.")
def command(
    what: str,
    uid: int,
    pass_in: tuple[int, ...],
    beyond: tuple[str, ...],
    resolver: tuple[str, ...],
    netns: str | None,
    pid: int | None,
    wait: float,
) -> int:
    """Lead the traffic of a network namespace through its sidecar.

    TCP that leaves comes to port 15001 and TCP that arrives to port 15006, but for the sidecar's own, for loopback, for
    probes and for the cluster's resolver. Where no sidecar listens it is refused. UDP, and so QUIC, passes by: it is
    network policies that decide about it.
    """
    from licet.app.mesh.redirecting import apply, hold, resolvers
    from licet.mesh.redirect import Redirect, removal, ruleset

    if netns and pid:
        raise click.UsageError("`--netns` and `--pid` are two places: give one")
    place = netns or (f"/proc/{pid}/ns/net" if pid else "")
    if what == "check":
        return int(not hold(wait))
    asked = tuple(_written(one, ip_address, "--resolver") for one in resolver) or resolvers(pid)
    redirect = Redirect(uid, pass_in, tuple(_written(one, ip_network, "--beyond") for one in beyond), asked)
    match what:
        case "apply":
            apply(ruleset(redirect), place)
        case "remove":
            apply(removal(), place)
        case _:
            click.echo(ruleset(redirect), nl=False)
    return 0


def _written(text: str, kind: object, option: str) -> str:
    try:
        return str(kind(text))  # type: ignore[operator]
    except ValueError as problem:
        raise click.UsageError(f"`{option}` is no address or network: {problem}") from problem
