"""`licet up`: a whole platform on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from licet.cli.options import SECONDS, Named, Options, epilog, every_command
from licet.cli.session import Session

_TRAFFIC = 60.0


@click.command(
    "up",
    epilog=epilog(
        [
            "licet up k8s                          until Ctrl-C",
            "licet up k8s --seconds 30 -o json     for half a minute, for a program to read",
            "licet up k8s --shadow shop/cart       have one workload refuse nothing, and tell what it would",
            "licet up k8s --keep state             keep certificates, configuration and logs in `state`",
        ],
        [
            "0    what sidecars saw is what was agreed",
            "1    it is not, or the contracts have errors",
            "2    the input or the usage is wrong, or the platform does not come up",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--seconds", type=SECONDS, help="Seconds of traffic (default: until Ctrl-C on a terminal, else 60).")
@click.option(
    "--rate", type=click.FloatRange(0.1, 1000), default=10.0, show_default=True, help="Calls a second of each workload."
)
@click.option(
    "--undeclared",
    type=click.IntRange(0, 10000),
    default=20,
    show_default=True,
    help="Calls of a round that nobody agreed to.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Chooses which ones.")
@click.option(
    "--shadow", multiple=True, metavar="WORKLOAD", help="Have it refuse nothing, and tell what it would (repeatable)."
)
@click.option("--keep", type=Named(path_type=Path), metavar="DIR", help="Keep what is written, in an empty folder.")
@every_command("table", "json")
def command(
    options: Options,
    paths: tuple[str, ...],
    seconds: float | None,
    rate: float,
    undeclared: int,
    seed: int,
    shadow: tuple[str, ...],
    keep: Path | None,
) -> int:
    """Bring the platform up on this machine, with real mutual TLS and an Envoy sidecar for each workload.

    A stand-in for each workload answers HTTP/1.1, HTTP/2, gRPC and TCP as its contract says, and makes every call that
    is declared, and some that are not: past its own sidecar, straight to another's, with its own certificate or none.
    What the sidecars let through and refuse is shown by edge, beside what was agreed. When it ends nothing of it is
    left running.
    """
    import gc

    import msgspec

    from licet.app.ends import Ends
    from licet.app.mesh.declared import read
    from licet.app.up.traffic import Asked
    from licet.app.up.up import TRUST_DOMAIN, up
    from licet.cli.render.up import render, render_json
    from licet.cli.screen import Screen

    session = Session(options)
    found = session.work(lambda _: read(paths or (".",), session.setting, otherwise=TRUST_DOMAIN))
    told = found.diagnostics if options.verbose else tuple(found.errors)
    if session.tell(msgspec.structs.replace(found.loaded, diagnostics=told)):
        return 1
    ends = Ends(found.loaded.cluster)
    asked = Asked(
        seconds=seconds if seconds is not None or sys.stdout.isatty() else _TRAFFIC,
        rate=rate,
        undeclared=undeclared,
        seed=seed,
        shadow=frozenset(ends.workload(each).name for each in shadow),
        folder=keep,
    )
    gc.enable()
    with Screen(session.paint, quiet=options.quiet) as screen:
        report = up(asked, found, screen.tell, screen.show)
    if options.output == "json":
        session.write(render_json(report))
    else:
        session.write(render(report, session.paint, grouped=sys.stdout.isatty()))
    return int(not report.equal)
