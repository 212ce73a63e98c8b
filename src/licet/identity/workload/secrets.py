"""SVIDs and bundles as secrets of Envoy: by which names, and with what in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from envoy.config.core.v3.base_pb2 import DataSource  # type: ignore[import-untyped]
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (  # type: ignore[import-untyped]
    CertificateValidationContext,
    TlsCertificate,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.tls_spiffe_validator_config_pb2 import (  # type: ignore[import-untyped]
    SPIFFECertValidatorConfig,
)
from google.protobuf.any_pb2 import Any

from licet.identity import pem
from licet.identity.bundle import Bundle
from licet.identity.svid import View, X509Svid

TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
OWN_SVID, OWN_BUNDLE, EVERY_BUNDLE = "default", "ROOTCA", "ALL"
"""Names for those who do not know their identity or their trust domain: those that SPIRE's agent has."""
_VALIDATOR = "envoy.tls.cert_validator.spiffe"


class Resource(msgspec.Struct, frozen=True):
    """A secret by its name; `version` changes when and only when its contents do, and gives nothing of them away."""

    name: str
    version: str
    body: Any


def find(view: View, name: str) -> Resource | None:
    """The secret that a name stands for, if the view holds it."""
    for svid in view.svids:
        if name in (OWN_SVID, str(svid.spiffe_id)):
            return _resource(Secret(name=name, tls_certificate=_certificate(svid)), svid.chain)
    bundles = {each.trust_domain.id: each for each in (*view.federated.values(), view.own)}
    if name == EVERY_BUNDLE:
        believed = sorted(bundles.values(), key=lambda each: each.trust_domain)
    else:
        believed = [
            bundles[key] for key in (view.own.trust_domain.id if name == OWN_BUNDLE else name,) if key in bundles
        ]
    believed = [each for each in believed if each.x509]
    contents = [part for each in believed for part in (each.trust_domain.id.encode(), *each.x509)]
    return _resource(Secret(name=name, validation_context=_validation(believed)), contents) if believed else None


def version(resources: Iterable[Resource]) -> str:
    """One version for several secrets together."""
    return _digest(each.version.encode() for each in resources)


def _resource(secret: Secret, contents: Iterable[bytes]) -> Resource:
    body = Any()
    body.Pack(secret, deterministic=True)
    return Resource(secret.name, _digest(contents), body)


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def _certificate(svid: X509Svid) -> TlsCertificate:
    return TlsCertificate(
        certificate_chain=_inline(pem.certificates(svid.chain)), private_key=_inline(pem.private_key(svid.key))
    )


def _validation(bundles: Iterable[Bundle]) -> CertificateValidationContext:
    """Each domain is verified with its own bundle alone, so that none vouches for another's names.

    That holds for a single domain too: `trusted_ca` would let its authorities name anybody.
    """
    validator = SPIFFECertValidatorConfig(
        trust_domains=[
            SPIFFECertValidatorConfig.TrustDomain(
                name=each.trust_domain.name, trust_bundle=_inline(pem.certificates(each.x509))
            )
            for each in bundles
        ]
    )
    config = Any()
    config.Pack(validator, deterministic=True)
    return CertificateValidationContext(
        custom_validator_config=TypedExtensionConfig(name=_VALIDATOR, typed_config=config)
    )


def _inline(text: str) -> DataSource:
    return DataSource(inline_bytes=text.encode())
