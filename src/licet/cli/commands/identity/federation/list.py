"""`licet identity federation list`: the domains there are."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "list", epilog=epilog(["licet identity federation list -o json"], ["0    always", "2    no trust domain is there"])
)
@placed(keys=False)
def command(where: Where) -> None:
    """The domains there are, and how fresh their bundles are."""
    from licet.app.identity.domain import stored
    from licet.cli.render.identity import federated, federated_json

    state = stored(where.place)
    where.write(federated(state), lambda: federated_json(state))
