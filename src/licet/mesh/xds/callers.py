"""Who calls: by what the kernel says of a unix socket, or by the certificate of a connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote

import structlog

from licet.identity.errors import IdentityError
from licet.identity.node import tls
from licet.identity.workload.calls import Context
from licet.identity.workload.source import Peer
from licet.mesh.xds.source import Caller

log = structlog.get_logger("licet.mesh")


def attested(
    context: Context, peer: Callable[[str], Peer | None], identities: Callable[[Peer], frozenset[str]]
) -> Caller | None:
    """The process that a front knows at the address of a call, if it does."""
    found = peer(context.peer())
    return None if found is None else Caller(identities(found), pid=found.pid)


def certified(context: Context, roots: tuple[bytes, ...], now: datetime) -> Caller | None:
    """Whoever shows a certificate by one of these roots, over TLS 1.3."""
    address = _address(context.peer())
    if not address:
        return None
    shown = {key: list(values) for key, values in context.auth_context().items()}
    try:
        found = tls.holder(shown, roots, now)
    except IdentityError as error:
        log.warning("a caller of the control plane is not known", address=address, reason=error.message)
        return None
    return Caller(frozenset({str(found.spiffe_id)}), address=address, until=found.not_after)


def _address(peer: str) -> str:
    """The IP address in gRPC's `ipv4:192.0.2.1:80` or `ipv6:%5B2001:db8::1%5D:80`, empty where it is none."""
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return ""
    return unquote(rest).rpartition(":")[0].strip("[]").removeprefix("::ffff:")
