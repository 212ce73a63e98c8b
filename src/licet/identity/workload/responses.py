"""Responses of the Workload API, each complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from licet.identity.bundle import Bundle
from licet.identity.bundle_document import encode_jwt
from licet.identity.errors import RefusedError
from licet.identity.svid import JwtSvid, View
from licet.identity.workload.proto.workload_pb2 import (
    JWTSVID,
    X509SVID,
    JWTBundlesResponse,
    JWTSVIDResponse,
    X509BundlesResponse,
    X509SVIDResponse,
)


def x509_svids(view: View) -> X509SVIDResponse:
    """Every SVID with its key and bundle; raises RefusedError where there is none (5.2.1)."""
    if not view.svids:
        raise RefusedError("no identity is registered", "register an entry whose selectors the workload shows")
    bundle = b"".join(view.own.x509)
    hints = _unique(svid.hint for svid in view.svids)
    return X509SVIDResponse(
        svids=[
            X509SVID(
                spiffe_id=str(svid.spiffe_id),
                x509_svid=b"".join(svid.chain),
                x509_svid_key=svid.key,
                bundle=bundle,
                hint=hint,
            )
            for svid, hint in zip(view.svids, hints, strict=True)
        ],
        federated_bundles={domain.id: b"".join(foreign.x509) for domain, foreign in view.federated.items()},
    )


def x509_bundles(view: View) -> X509BundlesResponse:
    """The certificates of every domain that is believed (5.2.2)."""
    return X509BundlesResponse(bundles={each.trust_domain.id: b"".join(each.x509) for each in _all(view)})


def jwt_bundles(view: View) -> JWTBundlesResponse:
    """The keys for JWT-SVIDs of every domain that is believed, and no others (6.2.2)."""
    return JWTBundlesResponse(bundles={each.trust_domain.id: encode_jwt(each) for each in _all(view)})


def tokens(svids: Sequence[JwtSvid]) -> JWTSVIDResponse:
    """Tokens of one caller (6.2.1)."""
    hints = _unique(svid.hint for svid in svids)
    return JWTSVIDResponse(
        svids=[
            JWTSVID(spiffe_id=str(svid.spiffe_id), svid=svid.token, hint=hint)
            for svid, hint in zip(svids, hints, strict=True)
        ]
    )


def _all(view: View) -> Iterator[Bundle]:
    yield view.own
    yield from view.federated.values()


def _unique(hints: Iterator[str]) -> list[str]:
    """Each hint once: a client takes the first SVID that has it, so those after it lose theirs."""
    seen: set[str] = set()
    found = []
    for hint in hints:
        found.append("" if hint in seen else hint)
        seen.add(hint)
    return found
