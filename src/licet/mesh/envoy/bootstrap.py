"""What an Envoy is started with: who it is, where its identity comes from, and who tells it the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

import msgspec
from envoy.config.bootstrap.v3.bootstrap_pb2 import (  # type: ignore[import-untyped]
    Admin,
    Bootstrap,
    LayeredRuntime,
    RuntimeLayer,
)
from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.core.v3.address_pb2 import Address  # type: ignore[import-untyped]
from envoy.config.core.v3.backoff_pb2 import BackoffStrategy  # type: ignore[import-untyped]
from envoy.config.core.v3.base_pb2 import RetryPolicy, TransportSocket  # type: ignore[import-untyped]
from envoy.config.core.v3.config_source_pb2 import ApiConfigSource, ApiVersion  # type: ignore[import-untyped]
from envoy.config.core.v3.grpc_service_pb2 import GrpcService  # type: ignore[import-untyped]
from envoy.config.metrics.v3.stats_pb2 import StatsConfig, StatsMatcher  # type: ignore[import-untyped]
from envoy.config.overload.v3.overload_pb2 import (  # type: ignore[import-untyped]
    OverloadAction,
    OverloadManager,
    ResourceMonitor,
    ThresholdTrigger,
    Trigger,
)
from envoy.extensions.resource_monitors.downstream_connections.v3.downstream_connections_pb2 import (  # type: ignore[import-untyped]
    DownstreamConnectionsConfig,
)
from envoy.extensions.resource_monitors.fixed_heap.v3.fixed_heap_pb2 import (  # type: ignore[import-untyped]
    FixedHeapConfig,
)
from envoy.type.matcher.v3.string_pb2 import ListStringMatcher, StringMatcher  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BoolValue

from licet.mesh.envoy import clusters, names, node, tls
from licet.mesh.envoy.address import inet, local, pipe
from licet.mesh.envoy.source import aggregated, duration, packed
from licet.mesh.errors import SidecarError
from licet.mesh.sidecar import Sidecar

_FIRST_RETRY, _LAST_RETRY = timedelta(milliseconds=200), timedelta(seconds=1)
"""Between attempts to reach the control plane; Envoy's own go up to 30 seconds."""
_KEPT = ("server.", "cluster_manager.", "listener_manager.", "control_plane.", "overload.", "sds.")
_KEPT_WITHIN = ("ssl.", "rbac.", names.CONTROL, names.NODE)
_KEPT_LAST = ("update_rejected", "downstream_cx_active", "upstream_cx_connect_fail", "rq_pending_overflow")
"""Counters that say something of the sidecar's own health. What becomes of requests is in access logs."""


class Local(msgspec.Struct, frozen=True):
    """A control plane on this machine, that knows by the kernel who connects to its unix socket."""

    socket: str


class Remote(msgspec.Struct, frozen=True):
    """A control plane that shows this SPIFFE ID, to whoever shows one of its own."""

    host: str
    port: int
    identity: str


Control: TypeAlias = Local | Remote


class Limits(msgspec.Struct, frozen=True):
    """What a sidecar may use: bytes of heap, and connections to its listeners. Beyond them it refuses."""

    heap: int = 256 << 20
    connections: int = 20_000


def bootstrap(
    sidecar: Sidecar, socket: str, control: Control, *, admin: str = "", limits: Limits | None = None
) -> Bootstrap:
    """What this sidecar starts with; `socket` is the node's.

    `admin`, an absolute path or `host:port` on the loopback, is where Envoy's own administration is asked for, which
    there is none of otherwise. Raises SidecarError.
    """
    config = Bootstrap(
        node=node.write(sidecar),
        static_resources=Bootstrap.StaticResources(
            clusters=[clusters.grpc(names.NODE, pipe(socket)), _control(control)]
        ),
        dynamic_resources=Bootstrap.DynamicResources(
            ads_config=_discovery(), cds_config=aggregated(), lds_config=aggregated()
        ),
        stats_config=_stats(),
        overload_manager=_overload(limits or Limits()),
        # Said to be nothing, so that nobody changes it through the administration.
        layered_runtime=LayeredRuntime(layers=[RuntimeLayer(name="static", static_layer={})]),
    )
    if admin:
        config.admin.CopyFrom(Admin(address=_admin(admin)))
    return config


def text(config: Bootstrap) -> str:
    """The same as JSON, for `envoy --config-path`."""
    return MessageToJson(config, preserving_proto_field_name=True, indent=1, sort_keys=True) + "\n"


def _admin(at: str) -> Address:
    if not node.local(at):
        raise SidecarError(f"the administration of an Envoy at `{at}` could be reached by others", "use the loopback")
    return local(at)


def _control(control: Control) -> Cluster:
    match control:
        case Local(socket=socket):
            return clusters.grpc(names.CONTROL, pipe(socket))
        case Remote(host=host, port=port, identity=identity):
            secured: TransportSocket = tls.upstream([identity], protocols=[tls.H2])
            return clusters.grpc(names.CONTROL, inet(host, port), secured)


def _discovery() -> ApiConfigSource:
    """One stream for everything, in the incremental form."""
    retry = BackoffStrategy(base_interval=duration(_FIRST_RETRY), max_interval=duration(_LAST_RETRY))
    peer = GrpcService.EnvoyGrpc(cluster_name=names.CONTROL, retry_policy=RetryPolicy(retry_back_off=retry))
    return ApiConfigSource(
        api_type=ApiConfigSource.DELTA_GRPC,
        transport_api_version=ApiVersion.V3,
        grpc_services=[GrpcService(envoy_grpc=peer)],
        set_node_on_first_message_only=True,
    )


def _stats() -> StatsConfig:
    """Names cost memory, and there are some for each cluster and listener: few are kept."""
    patterns = [
        *(StringMatcher(prefix=each) for each in _KEPT),
        *(StringMatcher(contains=each) for each in _KEPT_WITHIN),
        *(StringMatcher(suffix=each) for each in _KEPT_LAST),
    ]
    matcher = StatsMatcher(inclusion_list=ListStringMatcher(patterns=patterns))
    return StatsConfig(stats_matcher=matcher, use_all_default_tags=BoolValue(value=False))


def _overload(limits: Limits) -> OverloadManager:
    heap, connections = "fixed_heap", "global_downstream_max_connections"
    return OverloadManager(
        refresh_interval=duration(timedelta(milliseconds=250)),
        resource_monitors=[
            _monitor(heap, FixedHeapConfig(max_heap_size_bytes=limits.heap)),
            _monitor(connections, DownstreamConnectionsConfig(max_active_downstream_connections=limits.connections)),
        ],
        actions=[
            _action("shrink_heap", heap, 0.85),
            _action("disable_http_keepalive", heap, 0.92),
            _action("stop_accepting_requests", heap, 0.95),
            _action("reject_incoming_connections", heap, 0.97),
        ],
    )


def _monitor(name: str, config: Message) -> ResourceMonitor:
    return ResourceMonitor(name=f"envoy.resource_monitors.{name}", typed_config=packed(config))


def _action(name: str, resource: str, share: float) -> OverloadAction:
    trigger = Trigger(name=f"envoy.resource_monitors.{resource}", threshold=ThresholdTrigger(value=share))
    return OverloadAction(name=f"envoy.overload_actions.{name}", triggers=[trigger])
