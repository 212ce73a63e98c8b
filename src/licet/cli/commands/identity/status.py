"""`licet identity status`: what there is, and what is due."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "status",
    epilog=epilog(
        ["licet identity status", "licet identity status -o json"],
        ["0    always", "2    no trust domain is there"],
    ),
)
@placed(keys=False)
def command(where: Where) -> None:
    """What there is: authorities, entries, nodes, other trust domains, the log; and what is due.

    Needs no sealing secret, and changes nothing. Whether all is well is what `licet identity doctor` says.
    """
    from licet.app.identity.status import status
    from licet.cli.render.status import table, value

    found = status(where.place)
    where.write(table(found), lambda: value(found))
