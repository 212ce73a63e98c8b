"""`licet identity keeper`: who keeps the keys of authorities."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "keeper",
    epilog=epilog(
        [
            "licet identity keeper pkcs11 && licet identity rotate intermediate",
            "licet identity keeper sealed",
        ],
        ["0    chosen", "2    it does not answer, or the input is wrong"],
    ),
)
@click.argument("name", type=click.Choice(["sealed", "command", "pkcs11"]))
@placed("table")
def command(where: Where, name: str) -> None:
    """Choose who keeps the keys of authorities from now on.

    `sealed` keeps them in the database; `command` asks a program of yours for each signature, `pkcs11` a token. Both
    are told of in `keepers.toml` on every machine that runs a server. The keeper makes and destroys a key before it is
    chosen. Authorities that there are stay with theirs until they are rotated: a reserve is used before new ones.
    """
    from licet.app.identity.settings import choose_keeper

    before = choose_keeper(where.place, name)
    where.tell(f"{name} keeps the keys of authorities that are made from now on; before: {before}")
