"""Endpoints for the tests: Licet's own, and ones that answer as no endpoint should."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from licet.identity.bundle import Bundle
from licet.identity.federation import tls
from licet.identity.federation.endpoint import Endpoint, Limits
from licet.identity.federation.relationship import Profile, Relationship
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse
from tests.identity.federation.authority import WEB_NAMES, Authority, Pair, bundle

THERE = "bank.example"
ENDPOINT_ID = f"spiffe://{THERE}/bundles"
CA = Authority(f"spiffe://{THERE}")
WEB_CA = Authority()
WEB_PAIR = WEB_CA.leaf(*WEB_NAMES)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def served(pair: Pair) -> ssl.SSLContext:
    return tls.svid_context((pair.der,), pair.key_der)


SVID = served(CA.svid(ENDPOINT_ID))
WEB = served(WEB_PAIR)
FIRST = bundle(THERE, CA, sequence=1)


def by_id(port: int, endpoint_id: str = ENDPOINT_ID, trust_domain: str = THERE) -> Relationship:
    url = f"https://127.0.0.1:{port}/bundle"
    return Relationship(TrustDomain(trust_domain), Profile.HTTPS_SPIFFE, url, parse(endpoint_id))


def by_web(port: int, host: str = "127.0.0.1") -> Relationship:
    return Relationship(TrustDomain(THERE), Profile.HTTPS_WEB, f"https://{host}:{port}/bundle")


def web_roots(folder: Path) -> Path:
    path = folder / "roots.pem"
    path.write_bytes(WEB_CA.pem)
    return path


@asynccontextmanager
async def endpoint(
    bundle: Callable[[], Bundle], contexts: tls.Contexts, limits: Limits | None = None
) -> AsyncIterator[int]:
    """Licet's endpoint, and its port."""
    running = Endpoint(bundle, contexts, "/bundle", limits)
    port = await running.start()
    try:
        yield port
    finally:
        await running.stop()


@asynccontextmanager
async def stranger(answer: Answer, context: ssl.SSLContext | None = SVID) -> AsyncIterator[int]:
    """A server that answers every path like this, and its port."""
    runner = web.AppRunner(_application(answer), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextmanager
def silence() -> Iterator[int]:
    """The port of somebody who takes connections and says nothing on them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def _application(answer: Answer) -> web.Application:
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    return application


def identity(trust_domain: str, path: str = "/bundles") -> SpiffeID:
    return TrustDomain(trust_domain).member(path)
