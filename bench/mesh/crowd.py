"""Sidecars that are none, in a process of their own: `python -m bench.mesh.crowd TARGET FOLDER`, an order a line.

`open N` has so many in all follow the control plane, as Envoys do; answered once each holds a policy. TARGET is a path,
or the port of mutual TLS on loopback, in which case each shows the certificate of its own from the folder.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_pb2 import Listener  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
)
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse  # type: ignore[import-untyped]

from bench.mesh import fleet
from licet.mesh.envoy.node import write
from licet.mesh.resource import Kind
from licet.mesh.sidecar import Sidecar
from tests.mesh.xds.nodes import DeltaNode
from tests.mesh.xds.resources import Body
from tests.mesh.xds.serving import channel, follow

LOOPBACK = "127.0.0.1"
_NAME = "control.bench"
"""What gRPC's client wants the server's certificate to say."""
_PATIENCE = 120.0


class Follower(DeltaNode):
    """Asks for whatever real clusters and listeners refer to, and takes everything."""

    def __init__(self, of: Sidecar) -> None:
        super().__init__(of.id, strict=False)
        self._node: Any = write(of)

    def ask(self, kind: Kind, added: list[str], dropped: Iterable[str]) -> None:
        """As `Node` has it; the first request says everything of the sidecar."""
        super().ask(kind, added, dropped)
        if self._node is not None:
            self.said[-1].node.CopyFrom(self._node)
            self._node = None

    def read(self, kind: Kind, response: DeltaDiscoveryResponse) -> tuple[dict[str, Body], set[str]]:
        """As `Node` has it."""
        found = {each.name: _body(kind, each.name, each.resource.value) for each in response.resources}
        return found, set(response.removed_resources)


class Crowd:
    """Those that are open."""

    def __init__(self, target: str, folder: Path) -> None:
        self._target, self._folder = target, folder
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, many: int) -> dict[str, object]:
        """Have so many in all, all at once."""
        ready = [asyncio.Event() for _ in range(len(self._tasks), many)]
        self._tasks += [
            asyncio.ensure_future(self._follow(number, event))
            for number, event in enumerate(ready, start=len(self._tasks))
        ]
        waiting = asyncio.ensure_future(_all(ready))
        await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                task.result()
                raise RuntimeError("a stream has ended")
        return {"open": len(self._tasks)}

    async def _follow(self, number: int, ready: asyncio.Event) -> None:
        def told() -> None:
            if node.held[Kind.EXTENSION]:
                ready.set()

        remote = self._target.isdigit()
        node = Follower(fleet.sidecar(number, LOOPBACK if remote else ""))
        over = self._secured(number) if remote else channel(f"unix:{self._target}")
        async with over:
            await follow(over, node, told)

    def _secured(self, number: int) -> grpc.aio.Channel:
        roots, key, chain = ((self._folder / name).read_bytes() for name in ("roots", f"{number}.key", f"{number}.pem"))
        options = [("grpc.ssl_target_name_override", _NAME), ("grpc.use_local_subchannel_pool", 1)]
        credentials = grpc.ssl_channel_credentials(roots, key, chain)
        return grpc.aio.secure_channel(f"{LOOPBACK}:{self._target}", credentials, options=options)


async def _all(events: Iterable[asyncio.Event]) -> None:
    for each in events:
        await each.wait()


def _body(kind: Kind, name: str, data: bytes) -> Body:
    match kind:
        case Kind.CLUSTER:
            return Body(name, endpoints=name if Cluster.FromString(data).type == Cluster.EDS else "")
        case Kind.LISTENER:
            return _listener(name, Listener.FromString(data))
        case _:
            return Body(name)


def _listener(name: str, listener: Listener) -> Body:
    routes, policies = [], []
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for each in chain.filters:
            if each.HasField("config_discovery"):
                policies.append(each.name)
            elif each.typed_config.Is(HttpConnectionManager.DESCRIPTOR):
                manager = HttpConnectionManager()
                each.typed_config.Unpack(manager)
                routes.append(manager.rds.route_config_name)
                policies += [one.name for one in manager.http_filters if one.HasField("config_discovery")]
    return Body(name, routes=tuple(routes), policies=tuple(policies))


async def obey(target: str, folder: Path) -> None:
    """Follow orders until there are no more."""
    crowd, orders = Crowd(target, folder), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := (await orders.readline()).split():
        async with asyncio.timeout(_PATIENCE):
            answer = await crowd.open(int(line[1]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(obey(sys.argv[1], Path(sys.argv[2])))
