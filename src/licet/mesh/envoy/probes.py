"""Where a node asks whether programs are well, whose own ports speak to none but peers: a listener of plain HTTP.

It answers on exactly the paths that a pod's probes were led to, each of which is one question to the program on
loopback, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]
from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption, TransportSocket  # type: ignore[import-untyped]
from envoy.config.core.v3.health_check_pb2 import HealthCheck  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener  # type: ignore[import-untyped]
from envoy.config.route.v3.route_components_pb2 import (  # type: ignore[import-untyped]
    HeaderMatcher,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration  # type: ignore[import-untyped]
from envoy.extensions.filters.http.health_check.v3.health_check_pb2 import (  # type: ignore[import-untyped]
    HealthCheck as HealthFilter,
)
from envoy.extensions.filters.http.router.v3.router_pb2 import Router  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext  # type: ignore[import-untyped]
from envoy.type.matcher.v3.string_pb2 import StringMatcher  # type: ignore[import-untyped]
from envoy.type.v3.percent_pb2 import Percent  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from licet.mesh.envoy import clusters, names
from licet.mesh.envoy.address import host_port, inet
from licet.mesh.envoy.names import PORT_PROBES
from licet.mesh.envoy.source import duration, packed
from licet.mesh.errors import MeshError

READY: Final = "/ready"
"""Answered with 200 by the sidecar itself once it has heard from the control plane what to do."""
_NAME: Final = "probes"
_ELSEWHERE: Final = "http://moved.licet.invalid/"
"""Where whoever is sent on is sent to: a node takes that for an answer, and does not look for more."""
_AT = re.compile(r"/[A-Za-z0-9._/-]+")
_INTERVAL = timedelta(seconds=1)


class Probe(msgspec.Struct, frozen=True, order=True):
    """A question that is asked at the path `at`, and of whom it is asked.

    `kind` is `http`, `https`, `tcp` or `grpc`; `address` the program's `host:port`; `what` the path with its query, or
    the service whose health is asked for; `seconds` how long an answer may take where the sidecar waits for it.
    """

    at: str
    kind: str
    address: str
    what: str = ""
    seconds: int = 1

    @property
    def text(self) -> str:
        """Such as `/main/livenessProbe=http://127.0.0.1:8080/healthz`."""
        late = f"#{self.seconds}" if self.seconds > 1 else ""
        return f"{self.at}={self.kind}://{self.address}{self.what}{late}"


def parse(text: str) -> Probe:
    """What `Probe.text` says; raises MeshError."""
    at, _, url = text.partition("=")
    url, _, late = url.partition("#")
    parts = urlsplit(url)
    if (
        not _AT.fullmatch(at)
        or at == READY
        or parts.scheme not in {"http", "https", "tcp", "grpc"}
        or host_port(parts.netloc) is None
        or not (late or "1").isdecimal()
    ):
        raise MeshError(f"`{text}` is no probe", "write such as `/main/livenessProbe=http://127.0.0.1:8080/healthz`")
    what = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    return Probe(at, parts.scheme, parts.netloc, what, int(late or "1"))


def add(config: Bootstrap, probes: Sequence[Probe]) -> None:
    """Have this sidecar answer probes, of itself and of these."""
    config.static_resources.listeners.append(listener(probes))
    config.static_resources.clusters.extend(_cluster(probe) for probe in probes)


def listener(probes: Sequence[Probe]) -> Listener:
    """What answers, on every address of the pod."""
    asked = [probe for probe in probes if probe.kind in {"http", "https"}]
    watched = [probe for probe in probes if probe.kind in {"tcp", "grpc"}]
    host = VirtualHost(name=_NAME, domains=["*"], routes=[_route(probe) for probe in asked])
    manager = HttpConnectionManager(
        stat_prefix=_NAME,
        route_config=RouteConfiguration(name=_NAME, virtual_hosts=[host]),
        http_filters=[
            # The control plane tells every sidecar of this cluster, in which there is nobody.
            _health(READY, names.REFUSED, 0),
            *(_health(probe.at, _name(probe), 100) for probe in watched),
            HttpFilter(name="envoy.filters.http.router", typed_config=packed(Router())),
        ],
        generate_request_id=BoolValue(value=False),
    )
    manager.common_http_protocol_options.idle_timeout.CopyFrom(duration(timedelta(seconds=60)))
    filters = [Filter(name="envoy.filters.network.http_connection_manager", typed_config=packed(manager))]
    return Listener(
        name=_NAME,
        address=inet("0.0.0.0", PORT_PROBES),
        additional_addresses=[AdditionalAddress(address=inet("::", PORT_PROBES))],
        filter_chains=[FilterChain(filters=filters)],
        per_connection_buffer_limit_bytes=UInt32Value(value=1 << 15),
        ignore_global_conn_limit=True,
        bypass_overload_manager=True,
    )


def _route(probe: Probe) -> Route:
    elsewhere = HeaderValueOption(
        header=HeaderValue(key="location", value=_ELSEWHERE),
        append_action=HeaderValueOption.OVERWRITE_IF_EXISTS,
    )
    return Route(
        # No more than a node asks: nobody adds a query to it, nor asks by another method.
        match=RouteMatch(path=probe.at, headers=[_is(":method", "GET"), _is(":path", probe.at)]),
        route=RouteAction(cluster=_name(probe), prefix_rewrite=probe.what or "/", timeout=duration(timedelta(0))),
        response_headers_to_add=[elsewhere],
    )


def _health(at: str, cluster: str, share: float) -> HttpFilter:
    """Answers by whether the cluster is there and how much of it is well, as the sidecar found when it last asked."""
    config = HealthFilter(
        pass_through_mode=BoolValue(value=False),
        headers=[_is(":path", at)],
        cluster_min_healthy_percentages={cluster: Percent(value=share)},
    )
    return HttpFilter(name=f"health{at}", typed_config=packed(config))


def _is(header: str, value: str) -> HeaderMatcher:
    return HeaderMatcher(name=header, string_match=StringMatcher(exact=value))


def _cluster(probe: Probe) -> Cluster:
    found = host_port(probe.address)
    assert found is not None
    cluster = clusters.fixed(_name(probe), inet(*found))
    match probe.kind:
        case "https":
            cluster.transport_socket.CopyFrom(_any_certificate())
        case "tcp":
            cluster.health_checks.append(_check(probe, tcp_health_check=HealthCheck.TcpHealthCheck()))
        case "grpc":
            cluster = clusters.grpc(_name(probe), inet(*found))
            asked = HealthCheck.GrpcHealthCheck(service_name=probe.what.removeprefix("/"))
            cluster.health_checks.append(_check(probe, grpc_health_check=asked))
    return cluster


def _check(probe: Probe, **how: object) -> HealthCheck:
    once = UInt32Value(value=1)
    each = duration(_INTERVAL)
    return HealthCheck(
        timeout=duration(timedelta(seconds=probe.seconds)),
        interval=each,
        no_traffic_interval=each,
        no_traffic_healthy_interval=each,
        unhealthy_threshold=once,
        healthy_threshold=once,
        reuse_connection=BoolValue(value=False),
        **how,
    )


def _any_certificate() -> TransportSocket:
    """TLS as a node's probes have it: nobody is verified."""
    context = UpstreamTlsContext()
    context.common_tls_context.tls_params.tls_maximum_protocol_version = TlsParameters.TLSv1_3
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=packed(context))


def _name(probe: Probe) -> str:
    return f"{_NAME}{probe.at}"
