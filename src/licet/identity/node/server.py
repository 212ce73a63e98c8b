"""The two ports of a server: one for agents with a certificate, one for those that come for their first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import grpc

from licet.identity.address import not_listened
from licet.identity.node import tls
from licet.identity.node.authority import NodeAuthority
from licet.identity.node.proto import node_pb2_grpc as rpc
from licet.identity.node.service import JoinService, NodeService
from licet.identity.rpc import server
from licet.identity.tally import Tally

_KEEPALIVE: list[tuple[str, int]] = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    # Whoever connects and says nothing would else be waited for 120 seconds, and has no certificate to be told by.
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),
]
_JOIN = [*_KEEPALIVE, ("grpc.max_receive_message_length", 64 << 10), ("grpc.max_concurrent_streams", 4)]
_NODE = [*_KEEPALIVE, ("grpc.max_receive_message_length", 8 << 20), ("grpc.max_concurrent_streams", 256)]
_CALLERS = 64
"""Calls at once on the port that everybody can reach; more are told to come back."""
_OLDEST = [("grpc.max_connection_age_ms", 60_000), ("grpc.max_connection_age_grace_ms", 10_000)]


class NodeServer:
    """Serves agents from an authority. `material` is asked at each handshake, so certificate and roots may change."""

    def __init__(
        self, authority: NodeAuthority, material: Callable[[], tls.Material], clock: Callable[[], datetime]
    ) -> None:
        self._material = material
        self.refused = Tally()
        """Agents turned away, by `certificate` or first `attestation`; gRPC tells nothing of failed handshakes."""
        self._nodes = NodeService(authority, material, clock, self.refused)
        self._node = server(_NODE)
        self._join = server([*_JOIN, *_OLDEST], maximum_concurrent_rpcs=_CALLERS)
        rpc.add_NodeServicer_to_server(self._nodes, self._node)
        rpc.add_JoinServicer_to_server(JoinService(authority, self.refused), self._join)

    async def start(self, listen: str, join: str) -> tuple[int, int]:
        """Listen on these addresses (`host:port`); says on which ports. Raises IdentityError where one is taken."""
        ports = (
            _bind(self._node, listen, tls.server_credentials(self._material, agents=True)),
            _bind(self._join, join, tls.server_credentials(self._material, agents=False)),
        )
        await self._node.start()
        await self._join.start()
        return ports

    async def stop(self, grace: float) -> None:
        """End streams at once, and give other calls in flight so many seconds."""
        self._nodes.leave()
        await self._join.stop(grace)
        await self._node.stop(grace)


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    try:
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise not_listened(address) from error
