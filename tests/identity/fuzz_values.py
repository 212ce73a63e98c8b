"""IDs and bundles, as strangers write them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

from licet.identity.bundle import Bundle
from licet.identity.bundle_document import decode, encode
from licet.identity.errors import MalformedError
from licet.identity.spiffeid import TrustDomain, parse
from tests.identity.federation.authority import Authority, jwt_key

_DOMAIN = TrustDomain("example.org")
_CA = Authority(_DOMAIN.id)


def _id(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert str(parse(text)) == text


def _bundle(data: bytes) -> None:
    bundle = decode(data, _DOMAIN)
    # What was read can be published again, and says the same.
    assert decode(encode(bundle), _DOMAIN) == bundle


def _certificate(data: bytes) -> None:
    """A damaged certificate in a bundle that is right but for it."""
    damaged = encode(Bundle(_DOMAIN, (_CA.der,), (), 1)).replace(_base64(_CA.der), _base64(data))
    bundle = decode(damaged, _DOMAIN)
    if not bundle.x509:
        raise MalformedError("no authority", "one")


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data)


_IDS = tuple(
    text.encode() for text in ("spiffe://example.org", "spiffe://example.org/ns/shop/sa/checkout", "spiffe://a/b")
)
_BUNDLES = tuple(
    encode(each)
    for each in (
        Bundle(_DOMAIN, (_CA.der,), (jwt_key("a"), jwt_key("b")), 7, 600),
        Bundle(_DOMAIN, (), (jwt_key("a"),), 1),
        Bundle(_DOMAIN, (), ()),
    )
)
KINDS: dict[str, tuple[Sequence[bytes], Callable[[bytes], object]]] = {
    "id": (_IDS, _id),
    "bundle": (_BUNDLES, _bundle),
    "bundle-certificate": ((_CA.der,), _certificate),
}
