"""`licet identity entries list`: every registration."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "list",
    epilog=epilog(
        [
            "licet identity entries list",
            "licet identity entries list --selector k8s:ns:shop -o json",
        ],
        ["0    always", "2    no trust domain is there"],
    ),
)
@click.option("--spiffe-id", default="", metavar="ID", help="Those of this identity alone.")
@click.option(
    "--selector", "selectors", multiple=True, metavar="SELECTOR", help="Those that ask for it; of several, for each."
)
@placed(keys=False)
def command(where: Where, spiffe_id: str, selectors: tuple[str, ...]) -> None:
    """Every registration."""
    from licet.app.identity.domain import stored
    from licet.app.identity.registration import chosen, listed
    from licet.cli.render import identity
    from licet.identity.spiffeid import parse

    state = stored(where.place)
    entries = chosen(state, parse(spiffe_id) if spiffe_id else None, frozenset(selectors))
    where.write(identity.registered(entries, state), lambda: listed(entries))
