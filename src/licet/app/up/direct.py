"""What a workload connects with that goes past its sidecar: its own certificate, fetched as any process would."""

from __future__ import annotations

import asyncio
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

from licet.app.up.orders import Way
from licet.identity import pem
from licet.identity.errors import IdentityError
from licet.identity.svid import View, X509Svid
from licet.identity.workload.client import Client


class Credentials:
    """The certificate and the trust of this process, fetched when first asked for and again half its life later."""

    def __init__(self, node: Path) -> None:
        self._client = Client(node, _now)
        self._view: View | None = None
        self._contexts: dict[tuple[Way, tuple[str, ...]], ssl.SSLContext] = {}
        self._lock = asyncio.Lock()

    async def context(self, way: Way, protocols: tuple[str, ...]) -> ssl.SSLContext:
        """TLS 1.3 and nothing else, with a certificate or, for BARE, without one. Raises OSError without an identity.

        Which name the other side shows is for the caller to see to: it is a SPIFFE ID, and TLS here knows hosts.
        """
        view = await self._fresh()
        if (way, protocols) not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
            context.load_verify_locations(cadata=pem.certificates(view.own.x509))
            if protocols:
                context.set_alpn_protocols(list(protocols))
            if way is not Way.BARE:
                _show(context, view.svids[0])
            self._contexts[way, protocols] = context
        return self._contexts[way, protocols]

    async def _fresh(self) -> View:
        async with self._lock:
            if self._view is None or _now() > _half(self._view.svids[0]):
                try:
                    self._view = await asyncio.to_thread(self._client.view)
                except IdentityError as error:
                    raise OSError(0, str(error)) from None
                self._contexts.clear()
            return self._view


def _show(context: ssl.SSLContext, svid: X509Svid) -> None:
    """TLS reads keys from files alone: this one is in memory, and is gone when it is closed."""
    file = os.memfd_create("svid", os.MFD_CLOEXEC)
    with os.fdopen(file, "wb") as written:
        written.write((pem.private_key(svid.key) + pem.certificates(svid.chain)).encode())
        written.flush()
        context.load_cert_chain(f"/proc/self/fd/{file}")


def _half(svid: X509Svid) -> datetime:
    return svid.not_before + (svid.not_after - svid.not_before) / 2


def _now() -> datetime:
    return datetime.now(UTC)
