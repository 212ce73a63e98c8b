"""The bundle endpoint: the bundle of this trust domain over HTTPS, for everybody who asks (SPIFFE_Federation.md 5)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
from collections.abc import Callable

import msgspec
import structlog
from aiohttp import web

from licet.identity import bundle_document
from licet.identity.bundle import Bundle
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.federation import tls

_FAREWELL = 1.0
"""Seconds that answers under way have left when the endpoint stops."""
_log = structlog.get_logger(__name__)


class Limits(msgspec.Struct, frozen=True):
    """What strangers may take of an endpoint. Times are in seconds."""

    connections: int = 256
    handshakes: int = 32
    handshake: float = 10.0
    lifetime: float = 30.0
    """A connection is closed after it whatever it does: a bundle is asked for once a minute at most."""
    header: int = 4096


class Endpoint:
    """Serves `bundle()`, which is asked for each request and must not wait, at `path`.

    `contexts` says which certificate a handshake is answered with: that of the operator for `https_web`
    (`tls.CertificateFiles`), or an SVID for `https_spiffe` (`tls.svid_context`). No client is asked for a certificate
    or a password.
    """

    def __init__(
        self, bundle: Callable[[], Bundle], contexts: tls.Contexts, path: str = "/", limits: Limits | None = None
    ) -> None:
        self._bundle = bundle
        self._limits = limits or Limits()
        self._tls = tls.front(contexts)
        self._encoded: tuple[Bundle, bytes, str] | None = None
        self._runner = web.AppRunner(
            _application(path, self._answer),
            access_log=None,
            max_line_size=self._limits.header,
            max_field_size=self._limits.header,
            keepalive_timeout=self._limits.lifetime,
            shutdown_timeout=_FAREWELL,
        )
        self._listening: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._handshakes = asyncio.Semaphore(self._limits.handshakes)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and say on which port; raises OSError."""
        await self._runner.setup()
        self._listening = socket.create_server((host, port), family=_family(host), backlog=128)
        self._listening.setblocking(False)
        self._tasks.add(asyncio.create_task(self._accept(self._listening)))
        return int(self._listening.getsockname()[1])

    async def stop(self) -> None:
        """End what is open, and listen no more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._handshakes.acquire()
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                self._handshakes.release()
                _log.warning("the bundle endpoint cannot accept", reason=error.strerror)
                # Most often no file is free: those of others become so in time, and asking at once only burns it.
                await asyncio.sleep(1)
                continue
            task = asyncio.create_task(self._open(connection))
            self._tasks.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._handshakes.release()

    async def _open(self, connection: socket.socket) -> None:
        server = self._runner.server
        if server is None or len(server.connections) >= self._limits.connections:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        # Whoever gives up in the middle of a handshake is nobody's concern.
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.TimeoutError):
            transport, _ = await loop.connect_accepted_socket(
                server, connection, ssl=self._tls, ssl_handshake_timeout=self._limits.handshake
            )
            loop.call_later(self._limits.lifetime, transport.abort)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            body, tag = self._current()
        except IdentityError as error:
            _log.warning("no bundle to publish", reason=error.message)
            raise web.HTTPServiceUnavailable from error
        headers = {"Cache-Control": "no-cache", "ETag": f'"{tag}"'}
        if any(each.value in (tag, "*") for each in request.if_none_match or ()):
            response = web.Response(status=304, headers=headers)
        else:
            response = web.Response(body=body, headers=headers, content_type="application/json")
        response.force_close()
        return response

    def _current(self) -> tuple[bytes, str]:
        bundle = self._bundle()
        if self._encoded is None or self._encoded[0] is not bundle:
            body = bundle_document.encode(bundle)
            self._encoded = (bundle, body, hashlib.sha256(body).hexdigest())
        return self._encoded[1:]


def _application(path: str, answer: Callable[[web.Request], object]) -> web.Application:
    if not path.startswith("/") or any(each in path for each in "{}?#%") or not path.isprintable():
        raise MalformedError(
            f"`{ascii(path[:200])[1:-1]}` is no path of an endpoint", "it begins with `/`, and is plain"
        )
    application = web.Application()
    application.router.add_get(path, answer)  # type: ignore[arg-type]
    application.on_response_prepare.append(_anonymous)
    return application


async def _anonymous(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "licet"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
