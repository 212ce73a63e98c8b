"""The control plane's sockets: a local one, whose callers the kernel knows, and one for mutual TLS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType

import grpc
import msgspec

from licet.identity.address import not_listened
from licet.identity.node import tls
from licet.identity.rpc import server
from licet.identity.workload.calls import Context
from licet.identity.workload.endpoint import Endpoint
from licet.identity.workload.front import Attest, Front
from licet.identity.workload.inner import Inner
from licet.identity.workload.limits import Limits as Connections
from licet.identity.workload.source import Peer
from licet.mesh.xds.callers import attested, certified
from licet.mesh.xds.discovery import AggregatedDiscovery
from licet.mesh.xds.limits import Limits
from licet.mesh.xds.source import Caller, Identify, Service, Source

_STOPPING = 1.0
"""Seconds for nodes to be told to come back."""


class Local(msgspec.Struct, frozen=True):
    """A unix socket at `path`; `identities` are the SPIFFE IDs of a process that `attest` has looked at."""

    path: Path
    attest: Attest
    identities: Callable[[Peer], frozenset[str]]
    limits: Connections = Connections()


class Remote(msgspec.Struct, frozen=True):
    """An address, `host:port`, and the certificate to show there; its roots are whom callers are believed by."""

    listen: str
    material: Callable[[], tls.Material]


class ControlServer:
    """Serves discovery, and whatever else `services` make, while it is entered.

    Each service is made with the function that says who makes a call of it.
    """

    def __init__(
        self,
        source: Source,
        *,
        clock: Callable[[], datetime],
        local: Local | None = None,
        remote: Remote | None = None,
        services: Sequence[Callable[[Identify], Service]] = (),
        limits: Limits | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._local = local
        self._remote = remote
        self._services = services
        self._limits = limits or Limits()
        self.front: Front | None = None
        self.port = 0
        """The port for mutual TLS, once it is listened on."""

    async def __aenter__(self) -> ControlServer:
        self.discovery = AggregatedDiscovery(self._source, self.caller, self._limits, self._clock)
        made = (self.discovery, *(make(self.caller) for make in self._services))
        self._running: list[grpc.aio.Server] = []
        self._endpoint: Endpoint | None = None
        self._inner: Inner | None = None
        try:
            if self._remote is not None:
                await self._listen(self._remote, made)
            if self._local is not None:
                await self._listen_locally(self._local, made)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Tell nodes to come back, and end every connection. What they hold they keep."""
        if self.front is not None:
            self.front.refuse()
        try:
            await self.discovery.leave(_STOPPING)
        finally:
            await self._stop()

    def caller(self, context: Context) -> Caller | None:
        """Who makes a call, on either socket; None for one who has proved nothing."""
        if self._local is not None and self.front is not None:
            found = attested(context, self.front.caller, self._local.identities)
            if found is not None:
                return found
        if self._remote is not None:
            return certified(context, self._remote.material().roots, self._clock())
        return None

    async def _listen(self, remote: Remote, services: Sequence[Service]) -> None:
        running = _with(services, self._limits.remote())
        try:
            self.port = running.add_secure_port(remote.listen, tls.server_credentials(remote.material, agents=True))
        except RuntimeError as error:
            raise not_listened(remote.listen) from error
        await running.start()
        self._running.append(running)

    async def _listen_locally(self, local: Local, services: Sequence[Service]) -> None:
        self._endpoint = Endpoint(local.path)
        running = _with(services, self._limits.local())
        self._inner = Inner(lambda path: running.add_insecure_port(f"unix:{path}"))
        await running.start()
        self._running.append(running)
        self.front = Front(self._endpoint.listener, self._inner.path, local.attest, local.limits)
        self.front.start()

    async def _stop(self) -> None:
        try:
            if self.front is not None:
                await self.front.close()
            for running in self._running:
                await running.stop(None)
        finally:
            if self._endpoint is not None:
                self._endpoint.close()
            if self._inner is not None:
                self._inner.close()


def _with(services: Sequence[Service], options: Sequence[tuple[str, int]]) -> grpc.aio.Server:
    made = server(options)
    for service in services:
        made.add_registered_method_handlers(service.SERVICE, service.methods)
    return made
