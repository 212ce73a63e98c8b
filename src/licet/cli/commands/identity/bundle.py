"""`licet identity bundle`: what others verify this domain with."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "bundle",
    epilog=epilog(
        [
            "licet identity bundle > shop.example.json     as a SPIFFE bundle document",
            "licet identity bundle -o pem > roots.pem      the X.509 authorities alone",
            "licet identity bundle -o pins                 of every root, also in reserve",
        ],
        ["0    printed", "2    no trust domain is there"],
    ),
)
@placed("spiffe", "pem", "pins", keys=False)
def command(where: Where) -> None:
    """Print the bundle and the pins that others verify this domain with.

    A pin is the SHA-256 of a root's SubjectPublicKeyInfo. No root stands in a bundle whose pin is not printed here, and
    a root in reserve is printed before it is used: who pins all of them is never cut off by a rotation.
    """
    import msgspec

    from licet.app.identity.domain import stored
    from licet.identity import bundle_document, pem
    from licet.identity.authority import pins

    state = stored(where.place)
    match where.output:
        case "pem":
            text = pem.certificates(state.bundle.x509)
        case "pins":
            known = pins(state.authorities)
            text = msgspec.json.format(
                msgspec.json.encode({"schema": "licet.dev/pins/v1", **msgspec.to_builtins(known)}), indent=2
            ).decode()
        case _:
            text = msgspec.json.format(bundle_document.encode(state.bundle), indent=2).decode()
    where.write(text, dict)
