"""What one sidecar depends on, in a thread of the test: a control plane that says what it is told to, and a node."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import grpc
import msgspec
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest  # type: ignore[import-untyped]

from licet.identity import rpc
from licet.identity.svid import View
from licet.identity.workload.calls import Context
from licet.identity.workload.sds import SecretDiscovery, Whole
from licet.mesh.envoy.bootstrap import Local, bootstrap
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Sidecar
from licet.mesh.telemetry.access_log import AccessLogs, Caller, Entry
from licet.mesh.xds.conversation import Conversation
from licet.mesh.xds.delta import Delta
from tests.mesh.proxy import Proxy, proxy, until

T = TypeVar("T")
Methods: TypeAlias = dict[str, "grpc.RpcMethodHandler[bytes, bytes]"]


class Refusal(msgspec.Struct, frozen=True):
    """What Envoy did not take, and why."""

    kind: Kind
    names: tuple[str, ...]
    reason: str


class Heard(msgspec.Struct, frozen=True):
    """An entry, and the log it is from."""

    log: str
    entry: Entry


class Plane:
    """One of one sidecar."""

    def __init__(self, socket: Path, view: View) -> None:
        self.socket = socket
        self.heard: list[Heard] = []
        self.refusals: list[Refusal] = []
        self._view = view
        self._snapshots: list[Snapshot] = []
        self._held: dict[Kind, str] = {}
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()

    def push(self, snapshot: Snapshot) -> None:
        """Say this from now on, and wait until it is taken."""
        self._loop.call_soon_threadsafe(self._show, snapshot)
        until(lambda: self._taken(snapshot) or None, lambda: f"{self._held} {self.refusals}")

    def found(self, log: str, wanted: Callable[[Any], bool]) -> Entry:
        """The entry of this log that is wanted; waits for it."""

        def one() -> Entry | None:
            return next((each.entry for each in tuple(self.heard) if each.log == log and wanted(each.entry)), None)

        return until(one, lambda: str(self.heard[-3:]))

    def acknowledged(self, kind: Kind, version: str) -> None:
        """As `Told` has it."""
        self._held[kind] = version

    def refused(self, kind: Kind, version: str, names: tuple[str, ...], reason: str) -> None:  # noqa: ARG002 (as Told has it)
        """As `Told` has it."""
        self.refusals.append(Refusal(kind, names, reason))

    @contextmanager
    def serving(self) -> Iterator[Plane]:
        """Serve, until it is left."""
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            server = self._run(self._start())
            try:
                yield self
            finally:
                self._run(server.stop(0))
                self._run(asyncio.sleep(0))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _show(self, snapshot: Snapshot) -> None:
        self._snapshots.append(snapshot)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _taken(self, snapshot: Snapshot) -> bool:
        said = [kind for kind in Kind if snapshot.resources[kind]]
        return all(self._held.get(kind) == snapshot.versions[kind] for kind in said)

    async def _start(self) -> grpc.aio.Server:
        server = rpc.server(())
        logs = AccessLogs(lambda _: Caller("spiffe://example.org/any", frozenset({"test"})), [self._hear])
        server.add_registered_method_handlers(logs.SERVICE, logs.methods)
        secrets: Methods = {"StreamSecrets": grpc.stream_stream_rpc_method_handler(self._secrets)}
        server.add_registered_method_handlers(SecretDiscovery.SERVICE, secrets)
        everything: Methods = {"DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._everything)}
        server.add_registered_method_handlers("envoy.service.discovery.v3.AggregatedDiscoveryService", everything)
        server.add_insecure_port(f"unix:{self.socket}")
        await server.start()
        return server

    def _hear(self, _: Caller, name: str, entries: Sequence[Entry]) -> None:
        self.heard.extend(Heard(name, entry) for entry in entries)

    async def _secrets(self, requests: AsyncIterator[bytes], _: Context) -> AsyncIterator[bytes]:
        conversation = Whole()
        conversation.see(self._view)
        async for data in requests:
            if (response := conversation.hear(data)) is not None:
                yield response

    async def _everything(self, _: object, context: Context) -> None:
        conversation = Conversation(Delta, self)
        shown: Snapshot | None = None
        reading: asyncio.Future[object] = asyncio.ensure_future(context.read())
        try:
            while True:
                changed = self._changed
                if self._snapshots and self._snapshots[-1] is not shown:
                    shown = self._snapshots[-1]
                    for message in conversation.see(shown):
                        await context.write(message.SerializeToString())
                waiting = asyncio.ensure_future(changed.wait())
                try:
                    await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if not reading.done():
                    continue
                data = reading.result()
                if not isinstance(data, bytes):
                    return
                for message in conversation.hear(DeltaDiscoveryRequest.FromString(data)):
                    await context.write(message.SerializeToString())
                reading = asyncio.ensure_future(context.read())
        finally:
            reading.cancel()


@contextmanager
def sidecar(home: Path, of: Sidecar, view: View, *options: str) -> Iterator[tuple[Plane, Proxy]]:
    """An Envoy that is this sidecar, with this view of identities, and what it depends on; nothing is said yet."""
    with Plane(home / "plane.sock", view).serving() as plane:
        path = str(plane.socket)
        with proxy(home / "envoy", bootstrap(of, path, Local(path)), *options, wait=False) as envoy:
            yield plane, envoy
