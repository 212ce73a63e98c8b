"""`licet identity issue`: sign a certificate request by hand."""

from __future__ import annotations

from typing import BinaryIO

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed

_LONGEST = 1 << 16


@click.command(
    "issue",
    epilog=epilog(
        [
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\",
            "    -subj / -keyout key.pem -out request.pem",
            "licet identity issue --spiffe-id spiffe://shop.example/vm/ledger \\",
            "    --csr request.pem > chain.pem",
        ],
        ["0    issued", "2    refused, or the input is wrong"],
    ),
)
@click.option("--spiffe-id", required=True, metavar="ID", help="The identity.")
@click.option(
    "--csr", type=click.File("rb"), required=True, metavar="FILE", help="PKCS#10 in PEM or DER; `-` reads it."
)
@click.option("--lifetime", type=int, default=0, metavar="SECONDS", help="0 for the domain's.")
@placed("pem")
def command(where: Where, spiffe_id: str, csr: BinaryIO, lifetime: int) -> None:
    """Sign a certificate request by hand.

    For machines that no agent runs on. The private key stays where the request was made; the chain is printed in PEM,
    the leaf first, and the certificate is recorded in the log.
    """
    from licet.app.identity.issuing import issue
    from licet.identity.spiffeid import parse

    where.write(issue(where.place, parse(spiffe_id), csr.read(_LONGEST), lifetime), dict)
