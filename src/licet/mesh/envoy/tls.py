"""Mutual TLS of a sidecar, in both directions: its key, certificate and trust come from the node, never from here.

Both bounds of the version are said: upstream the highest is 1.2 by default, so that the lowest alone fails every
request. Nothing is resumed, so that every connection proves its identity afresh, with a certificate that is valid then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from envoy.config.core.v3.base_pb2 import TransportSocket  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (  # type: ignore[import-untyped]
    CertificateValidationContext,
    SubjectAltNameMatcher,
    TlsParameters,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (  # type: ignore[import-untyped]
    CommonTlsContext,
    DownstreamTlsContext,
    UpstreamTlsContext,
)
from envoy.type.matcher.v3.string_pb2 import StringMatcher  # type: ignore[import-untyped]
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from licet.mesh.envoy import names
from licet.mesh.envoy.source import node, packed

H2, HTTP1 = "h2", "http/1.1"
"""What ALPN calls the two."""
_NOBODY = "nobody"
"""No SPIFFE ID is this."""


def downstream(protocols: Sequence[str] = ()) -> TransportSocket:
    """For whoever connects: a certificate is asked of them. `protocols` are offered by ALPN."""
    context = DownstreamTlsContext(
        common_tls_context=_common(protocols, validation_context_sds_secret_config=_secret(names.TRUST_SECRET)),
        require_client_certificate=BoolValue(value=True),
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    return _socket(context)


def upstream(identities: Collection[str], name: str = "", protocols: Sequence[str] = ()) -> TransportSocket:
    """For connections that only one of these SPIFFE IDs may answer; `name` is the server's in TLS. Of none, nobody."""
    pinned = CertificateValidationContext(
        match_typed_subject_alt_names=[
            SubjectAltNameMatcher(san_type=SubjectAltNameMatcher.URI, matcher=StringMatcher(exact=each))
            for each in sorted(identities) or [_NOBODY]
        ]
    )
    combined = CommonTlsContext.CombinedCertificateValidationContext(
        default_validation_context=pinned, validation_context_sds_secret_config=_secret(_believed(identities))
    )
    context = UpstreamTlsContext(
        common_tls_context=_common(protocols, combined_validation_context=combined),
        sni=name,
        max_session_keys=UInt32Value(value=0),
    )
    return _socket(context)


def _believed(identities: Collection[str]) -> str:
    """The node's name for the authorities of the one domain that these are of, and of every domain where it is not one.

    A certificate is verified by the domain that it names first, and Envoy is content where any of its names is the one
    that is pinned: the authority of another domain that is believed could put a name of ours behind one of its own.
    """
    domains = {"/".join(each.split("/")[:3]) for each in identities}
    return domains.pop() if len(domains) == 1 else names.TRUST_SECRET


def _common(protocols: Sequence[str], **validation: Message) -> CommonTlsContext:
    only = TlsParameters(
        tls_minimum_protocol_version=TlsParameters.TLSv1_3, tls_maximum_protocol_version=TlsParameters.TLSv1_3
    )
    return CommonTlsContext(
        tls_params=only,
        tls_certificate_sds_secret_configs=[_secret(names.OWN_SECRET)],
        alpn_protocols=protocols,
        **validation,
    )


def _secret(name: str) -> SdsSecretConfig:
    return SdsSecretConfig(name=name, sds_config=node())


def _socket(context: Message) -> TransportSocket:
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=packed(context))
