"""Decisions over HTTP: on a socket whose callers the kernel knows, or at a port for questions that are signed."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from licet.app.identity.place import now
from licet.identity.address import host_and_port, not_listened, written
from licet.identity.bundle import Bundle
from licet.identity.issuer import Issuer
from licet.identity.spiffeid import TrustDomain
from licet.identity.workload.endpoint import Endpoint
from licet.identity.workload.front import Attest, Front
from licet.identity.workload.inner import Inner
from licet.identity.workload.limits import Limits
from licet.identity.workload.source import Peer
from licet.mesh.decision.authzen import application
from licet.mesh.decision.point import Point
from licet.mesh.decision.signature import Signatures


class Answering:
    """Serves decisions. Whoever asks on the socket is who `identities` says; at a port, who signs."""

    def __init__(
        self, point: Point, issuer: Issuer, identities: Callable[[Peer], frozenset[str]], attest: Attest
    ) -> None:
        self._point = point
        self._issuer = issuer
        self._identities = identities
        self._attest = attest

    async def start(self, at: str, stack: contextlib.AsyncExitStack) -> str:
        """Answer at a path or `host:port` until the stack unwinds; where that is. Raises IdentityError."""
        if at.startswith("/"):
            await self._on_socket(Path(at), stack)
            return at
        return await self._at_port(*host_and_port(at, listening=True), stack)

    async def _at_port(self, host: str, port: int, stack: contextlib.AsyncExitStack) -> str:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family)
        except OSError:
            raise not_listened(written(host, port)) from None
        url = f"http://{written(host, listening.getsockname()[1])}"
        signatures = Signatures(url, self._bundles, now, self._denied)
        runner = await _runner(application(self._point, url, lambda _: None, signatures), stack)
        await web.SockSite(runner, listening).start()
        return url

    async def _on_socket(self, path: Path, stack: contextlib.AsyncExitStack) -> None:
        """A front attests callers, and what it carries them to has no name that others could reach it by."""
        endpoint = Endpoint(path)
        stack.callback(endpoint.close)
        listening = socket.socket(socket.AF_UNIX)
        inner = Inner(lambda path: listening.bind(os.fspath(path)))
        stack.callback(inner.close)
        front = Front(endpoint.listener, inner.path, self._attest, Limits())

        def asker(request: web.Request) -> str | None:
            known = request.transport.get_extra_info("peername") if request.transport is not None else None
            name = known.decode(errors="replace") if isinstance(known, bytes) else str(known)
            peer = front.caller(f"unix-abstract:{name[1:]}")
            found = self._identities(peer) if peer is not None else frozenset()
            return min(found) if len(found) == 1 else None

        runner = await _runner(application(self._point, "http://localhost", asker), stack)
        await web.SockSite(runner, listening).start()
        stack.push_async_callback(front.close)
        front.start()

    def _bundles(self) -> Mapping[TrustDomain, Bundle]:
        state = self._issuer.state
        return {**state.federated, state.trust_domain: state.bundle}

    def _denied(self) -> frozenset[str]:
        return frozenset(map(str, self._issuer.state.denied))


async def _runner(made: web.Application, stack: contextlib.AsyncExitStack) -> web.AppRunner:
    runner = web.AppRunner(made, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner
