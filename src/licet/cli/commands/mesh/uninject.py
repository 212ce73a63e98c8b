"""`licet mesh uninject`: manifests without the sidecars that were put in."""

from __future__ import annotations

import click

from licet.cli.options import Options, epilog, every_command
from licet.cli.render.sidecars import place, put
from licet.cli.session import Session


@click.command(
    "uninject",
    epilog=epilog(
        ["licet mesh uninject k8s --in-place", "kubectl get deploy -o yaml | licet mesh uninject -"],
        [
            "0    no workload has a sidecar",
            "1    findings at or above --fail-on",
            "2    the input or the usage is wrong",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@place()
@every_command("yaml")
def command(options: Options, paths: tuple[str, ...], out: str | None, in_place: bool) -> int:
    """Take sidecars out of manifests again.

    What stood there before is written as it was, to the byte where nobody has changed it since.
    """
    from licet.app.mesh.injecting import uninjecting

    session = Session(options)
    loaded = session.work(lambda tell: session.load(paths, tell, keep=True))
    return put(session, loaded, uninjecting(loaded, session.settings.templates), out, in_place=in_place)
