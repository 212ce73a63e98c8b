"""`licet identity rotate`: let the next authority sign."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "rotate",
    epilog=epilog(
        [
            "licet identity rotate intermediate",
            "licet identity rotate svids              replace every SVID now",
            "licet identity rotate root --prepare     publish the next root, unused",
        ],
        ["0    rotated", "2    the next one is not published for long enough, or the input is wrong"],
    ),
)
@click.argument("what", type=click.Choice(["svids", "intermediate", "root", "jwt"]))
@click.option("--prepare", "only_prepare", is_flag=True, help="Publish the next one, and leave it unused.")
@click.option("--force", is_flag=True, help="Use the next one although it was published only just now.")
@placed()
def command(where: Where, what: str, only_prepare: bool, force: bool) -> None:
    """Let the next authority sign.

    The server does this by itself when it is due. What the forerunner signed is believed until it has expired; `svids`
    takes a new intermediate and has every SVID issued again at once.
    """
    from licet.app.identity import rotation
    from licet.cli.render.identity import described, described_json
    from licet.identity.authority import Kind

    kind = Kind("intermediate" if what == "svids" else what)
    if only_prepare:
        state = rotation.prepare(where.place, kind)
    else:
        state = rotation.rotate(where.place, kind, force=force, reissue=what == "svids")
    where.write(described(state), lambda: described_json(state))
