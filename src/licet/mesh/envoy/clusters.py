"""Where sidecars send what they let through: instances of callees, what stands outside, and services of our own.

Nothing is taken out of use for answering badly (there is no outlier detection): a callee that refuses does what was
agreed, and to eject its instances would make an outage of that.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers  # type: ignore[import-untyped]
from envoy.config.cluster.v3.cluster_pb2 import Cluster, UpstreamConnectionOptions  # type: ignore[import-untyped]
from envoy.config.core.v3.address_pb2 import (  # type: ignore[import-untyped]
    Address,
    BindConfig,
    TcpKeepalive,
)
from envoy.config.core.v3.base_pb2 import TransportSocket  # type: ignore[import-untyped]
from envoy.config.core.v3.protocol_pb2 import (  # type: ignore[import-untyped]
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    KeepaliveSettings,
)
from envoy.config.endpoint.v3.endpoint_components_pb2 import (  # type: ignore[import-untyped]
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment  # type: ignore[import-untyped]
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import (  # type: ignore[import-untyped]
    HttpProtocolOptions as Upstream,
)
from envoy.type.v3.percent_pb2 import Percent  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.mesh.envoy import names, tls
from licet.mesh.envoy.address import inet, literal
from licet.mesh.envoy.http import BUFFERED, unused
from licet.mesh.envoy.source import aggregated, duration, packed
from licet.mesh.fleet import Settings

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CONNECTED_WITHIN = timedelta(seconds=5)
_CONNECTIONS, _REQUESTS = 8192, 65536
"""What one sidecar has open to one destination at most; what is beyond that is refused and not piled up."""
_RETRIED, _RETRIED_AT_LEAST = 20.0, 100
"""Retries at once: in percent of the requests at once, and so many also where those are few. A callee has seen nothing
of what is tried again, so that all that waits for an instance which is gone may go to another."""
_SILENT, _PROBED = 60, 15
"""Seconds until a silent connection is probed, and between probes: who is gone without a word is noticed."""
_WINDOW = 1 << 20
_SOONER = 0.8
"""The part of the time that a callee keeps an unused connection for: one that it ends just then fails a request."""


def callee(destination: str, identities: Collection[str], settings: Settings, bind: str = "") -> Cluster:
    """The instances of a callee, by its endpoints. Who answers there shows one of these SPIFFE IDs, or is refused.

    `bind` is the address that is connected from, where there are several that the kernel could choose.
    """
    cluster = _mutual(names.outbound(destination), identities, settings)
    cluster.type = Cluster.EDS
    cluster.eds_cluster_config.eds_config.CopyFrom(aggregated())
    cluster.lb_policy = Cluster.LEAST_REQUEST
    # Whom discovery does not know any more is not connected to again, whatever it was seen to answer.
    cluster.ignore_health_on_host_removal = True
    if bind:
        cluster.upstream_bind_config.CopyFrom(BindConfig(source_address=inet(bind, 0).socket_address))
    return cluster


def direct(destination: str, identities: Collection[str], settings: Settings) -> Cluster:
    """The very instance of a callee that a redirected connection was meant for."""
    cluster = _mutual(names.direct(destination), identities, settings)
    cluster.type = Cluster.ORIGINAL_DST
    cluster.lb_policy = Cluster.CLUSTER_PROVIDED
    return cluster


def outside() -> Cluster:
    """The very address that a redirected connection was meant for, without TLS of the sidecar's own."""
    cluster = plain(names.OUTSIDE)
    cluster.type = Cluster.ORIGINAL_DST
    cluster.lb_policy = Cluster.CLUSTER_PROVIDED
    return cluster


def refused() -> Cluster:
    """Nobody: what is sent here is closed, or answered with 503."""
    return Cluster(name=names.REFUSED, type=Cluster.STATIC, connect_timeout=duration(_CONNECTED_WITHIN))


def fixed(name: str, at: Address) -> Cluster:
    """One address, or whatever a name is resolved to, without TLS of the sidecar's own."""
    cluster = plain(name)
    _stand(cluster, at)
    return cluster


def grpc(name: str, at: Address, secured: TransportSocket | None = None) -> Cluster:
    """A gRPC service of our own, which a connection that died unnoticed is not waited for on."""
    alive = KeepaliveSettings(interval=duration(timedelta(seconds=30)), timeout=duration(timedelta(seconds=10)))
    options = Upstream(
        explicit_http_config=Upstream.ExplicitHttpConfig(
            http2_protocol_options=Http2ProtocolOptions(connection_keepalive=alive)
        )
    )
    cluster = Cluster(name=name, connect_timeout=duration(_CONNECTED_WITHIN), transport_socket=secured)
    cluster.typed_extension_protocol_options[_HTTP].CopyFrom(packed(options))
    _stand(cluster, at)
    return cluster


def plain(name: str) -> Cluster:
    """What every cluster has in common that requests and connections of the workload go to; without a type yet."""
    cluster = Cluster(
        name=name,
        connect_timeout=duration(_CONNECTED_WITHIN),
        per_connection_buffer_limit_bytes=UInt32Value(value=BUFFERED),
        circuit_breakers=_breakers(),
        upstream_connection_options=UpstreamConnectionOptions(
            tcp_keepalive=TcpKeepalive(
                keepalive_time=UInt32Value(value=_SILENT), keepalive_interval=UInt32Value(value=_PROBED)
            )
        ),
    )
    cluster.typed_extension_protocol_options[_HTTP].CopyFrom(packed(_spoken(HttpProtocolOptions())))
    return cluster


def _mutual(name: str, identities: Collection[str], settings: Settings) -> Cluster:
    cluster = plain(name)
    age = HttpProtocolOptions(
        max_connection_duration=duration(settings.connection_age), idle_timeout=duration(unused(settings) * _SOONER)
    )
    cluster.typed_extension_protocol_options[_HTTP].CopyFrom(packed(_spoken(age)))
    cluster.transport_socket.CopyFrom(tls.upstream(identities))
    return cluster


def _spoken(common: HttpProtocolOptions) -> Upstream:
    """What the workload speaks is spoken on: gRPC stays HTTP/2, and HTTP/1.1 is not made into anything else."""
    windows = Http2ProtocolOptions(
        initial_stream_window_size=UInt32Value(value=_WINDOW),
        initial_connection_window_size=UInt32Value(value=_WINDOW),
    )
    return Upstream(
        common_http_protocol_options=common,
        use_downstream_protocol_config=Upstream.UseDownstreamHttpConfig(
            http_protocol_options=Http1ProtocolOptions(enable_trailers=True), http2_protocol_options=windows
        ),
    )


def _breakers() -> CircuitBreakers:
    connections, requests = UInt32Value(value=_CONNECTIONS), UInt32Value(value=_REQUESTS)
    return CircuitBreakers(
        thresholds=[
            CircuitBreakers.Thresholds(
                max_connections=connections,
                max_pending_requests=connections,
                max_requests=requests,
                retry_budget=CircuitBreakers.Thresholds.RetryBudget(
                    budget_percent=Percent(value=_RETRIED), min_retry_concurrency=UInt32Value(value=_RETRIED_AT_LEAST)
                ),
            )
        ]
    )


def _stand(cluster: Cluster, at: Address) -> None:
    """Let the cluster be this address."""
    named = at.HasField("socket_address") and not literal(at.socket_address.address)
    cluster.type = Cluster.STRICT_DNS if named else Cluster.STATIC
    where = LocalityLbEndpoints(lb_endpoints=[LbEndpoint(endpoint=Endpoint(address=at))])
    cluster.load_assignment.CopyFrom(ClusterLoadAssignment(cluster_name=cluster.name, endpoints=[where]))
