"""`licet identity federation add`: trust another domain."""

from __future__ import annotations

from typing import BinaryIO

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed

_LONGEST = 1 << 21


@click.command(
    "add",
    epilog=epilog(
        [
            "licet identity federation add bank.example --url https://bank.example/bundle",
            "licet identity federation add bank.example --profile https_spiffe \\",
            "    --url https://10.0.0.7:8445/ --bundle bank.json \\",
            "    --endpoint-id spiffe://bank.example/licet/server",
        ],
        ["0    done", "2    the input is wrong"],
    ),
)
@click.argument("name")
@click.option("--url", default="", metavar="URL", help="Where its bundle is fetched from.")
@click.option("--profile", type=click.Choice(["https_web", "https_spiffe"]), default="https_web", show_default=True)
@click.option("--endpoint-id", default="", metavar="ID", help="Who the endpoint has to be: `https_spiffe`.")
@click.option("--bundle", type=click.File("rb"), metavar="FILE", help="Its bundle, to begin with.")
@placed("table")
def command(where: Where, name: str, url: str, profile: str, endpoint_id: str, bundle: BinaryIO | None) -> None:
    """Trust another domain, or change where its bundle comes from.

    Its identities are verified with its own bundle alone, by those entries that federate with it. `https_spiffe` needs
    its bundle from you first.
    """
    from licet.app.identity.federations import federate

    document = bundle.read(_LONGEST) if bundle is not None else None
    federate(where.place, name, profile, url, endpoint_id, document)
    where.tell(f"federated with {name}")
