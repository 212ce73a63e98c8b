"""TLS between agents and servers, as far as gRPC for Python can be told.

gRPC checks a server's certificate against roots and a DNS name, and shows a client nothing of it: an agent knows its
server by `SERVER_NAME`, which the domain's authorities give to nobody else. A server is shown the client's certificate
and the version of TLS, for which gRPC has no setting: what is older than 1.3 is refused at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import grpc
import msgspec

from licet.diag.wording import instant
from licet.identity import certificate, path, pem
from licet.identity.entry import SERVER_NAME
from licet.identity.errors import MalformedError, RefusedError
from licet.identity.spiffeid import SpiffeID, TrustDomain

SERVER_PATH = "/licet/server"
AGENT_PATH = "/licet/agent/"
_VERSION = b"TLSv1.3"


class Material(msgspec.Struct, frozen=True):
    """One end's certificate (DER, the leaf first) and key (PKCS#8 in DER), and the roots that it knows the other by."""

    chain: tuple[bytes, ...]
    key: bytes
    roots: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Material({len(self.chain)} certificates, {len(self.roots)} roots)"


class Peer(msgspec.Struct, frozen=True):
    """An agent, or another, by its certificate."""

    spiffe_id: SpiffeID
    serial: str
    not_before: datetime
    not_after: datetime


def server_credentials(current: Callable[[], Material], *, agents: bool) -> grpc.ServerCredentials:
    """For a port that serves what is current at each handshake, and asks `agents` for a certificate."""
    served = current()

    def configuration(material: Material) -> grpc.ServerCertificateConfiguration:
        pair = (pem.private_key(material.key).encode(), _pem(material.chain))
        return grpc.ssl_server_certificate_configuration([pair], _pem(material.roots) if agents else None)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal served
        if (material := current()) == served:
            return None
        made = configuration(material)
        served = material
        return made

    # None keeps what was served before; the stubs do not know that it may be returned.
    return grpc.dynamic_ssl_server_credentials(configuration(served), fetch, agents)  # type: ignore[arg-type]


def channel_credentials(material: Material) -> grpc.ChannelCredentials:
    """For an agent with a certificate."""
    key = pem.private_key(material.key).encode()
    return grpc.ssl_channel_credentials(_pem(material.roots), key, _pem(material.chain))


def joining_credentials(roots: Sequence[bytes]) -> grpc.ChannelCredentials:
    """For an agent that has none yet."""
    return grpc.ssl_channel_credentials(_pem(roots))


def peer(
    context: Mapping[str, Sequence[bytes]], trust_domain: TrustDomain, roots: tuple[bytes, ...], now: datetime
) -> Peer:
    """The agent on the other end of a connection; raises as `holder` does."""
    found = holder(context, roots, now)
    name = found.spiffe_id
    if name.trust_domain != trust_domain or not name.path.startswith(AGENT_PATH):
        raise RefusedError(f"`{name}` is no agent of `{trust_domain}`", "agents alone have this port")
    return found


def holder(context: Mapping[str, Sequence[bytes]], roots: tuple[bytes, ...], now: datetime) -> Peer:
    """Whoever is on the other end of a connection; raises RefusedError, and MalformedError for what is no X509-SVID.

    The handshake has verified the certificate. It is verified again, so that a connection outlives neither its
    certificate nor the root that this hangs on.
    """
    refuse_old_tls(context)
    # What a server is shown as the chain begins after the leaf.
    shown = b"".join((*context.get("x509_pem_cert", ()), *context.get("x509_pem_cert_chain", ())))
    found = _verified(shown, roots, now.astimezone(UTC).replace(second=0, microsecond=0))
    if not found.not_before <= now < found.not_after:
        raise RefusedError(
            f"the certificate of `{found.spiffe_id}` is valid until {instant(found.not_after)}",
            "the agent has to be attested again; compare the clocks",
        )
    return found


def refuse_old_tls(context: Mapping[str, Sequence[bytes]]) -> None:
    """Raise RefusedError where less than TLS 1.3 was agreed on."""
    if tuple(context.get("ssl_tls_version", ())) != (_VERSION,):
        raise RefusedError("the connection is not of TLS 1.3", "an agent of Licet, or another client with TLS 1.3")


def _pem(certificates: Sequence[bytes]) -> bytes:
    return pem.certificates(certificates).encode()


@lru_cache(maxsize=8192)
def _verified(shown: bytes, roots: tuple[bytes, ...], minute: datetime) -> Peer:
    """Verification costs signatures: it is done once a minute. The leaf's own lifetime is compared each time."""
    try:
        chain = pem.read_certificates(shown)
    except MalformedError:
        raise RefusedError("the connection shows no certificate", "an agent shows that of its attestation") from None
    leaf = path.read(chain)[0]
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    spiffe_id = certificate.verify(chain, roots, min(max(minute, begins), ends))
    return Peer(spiffe_id, f"{leaf.serial_number:x}", begins, ends)


def options() -> list[tuple[str, int | str]]:
    """What every channel of an agent is told; a server that is gone is noticed within 15 seconds."""
    return [
        ("grpc.ssl_target_name_override", SERVER_NAME),
        ("grpc.default_authority", SERVER_NAME),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.ping_timeout_ms", 5_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.min_reconnect_backoff_ms", 5_000),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 64 << 20),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 1),
    ]
