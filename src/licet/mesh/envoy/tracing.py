"""Spans of requests, with who asked whom and by which rule, for a collector that speaks OTLP.

A trace that comes with a request (`traceparent`) is passed on whether or not there is a collector.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.trace.v3.http_tracer_pb2 import Tracing  # type: ignore[import-untyped]
from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
)
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag  # type: ignore[import-untyped]
from envoy.type.v3.percent_pb2 import Percent  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.mesh.envoy import clusters, names
from licet.mesh.envoy.address import host_port, inet
from licet.mesh.envoy.source import packed, service
from licet.mesh.errors import MeshError
from licet.mesh.fleet import Settings
from licet.model.key import Key

CALLER, CALLEE, RULE = "licet.caller", "licet.callee", "licet.rule"
"""Tags of a span: two SPIFFE IDs, and the name of what let the request through or refused it."""
_RULE = "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%"
_LONGEST_PATH = 256


def collector(settings: Settings) -> Cluster | None:
    """The cluster of the collector, if there is one; raises MeshError where it is not written as `host:port`."""
    if not settings.collector:
        return None
    at = host_port(settings.collector)
    if at is None:
        raise MeshError(f"no collector of spans is at `{settings.collector}`", "write `host:port`")
    return clusters.grpc(names.COLLECTOR, inet(*at))


def of_calls(manager: HttpConnectionManager, settings: Settings, workload: Key, identity: str) -> None:
    """Have the manager tell of what this workload calls."""
    _tell(manager, settings, workload, {CALLER: identity, CALLEE: "%UPSTREAM_PEER_URI_SAN%", RULE: _RULE})


def of_served(manager: HttpConnectionManager, settings: Settings, workload: Key, identity: str) -> None:
    """Have the manager tell of what is asked of this workload."""
    _tell(manager, settings, workload, {CALLER: "%DOWNSTREAM_PEER_URI_SAN%", CALLEE: identity, RULE: _RULE})


def _tell(manager: HttpConnectionManager, settings: Settings, workload: Key, tags: dict[str, str]) -> None:
    if not settings.collector:
        return
    tracer = OpenTelemetryConfig(grpc_service=service(names.COLLECTOR), service_name=str(workload))
    manager.tracing.CopyFrom(
        HttpConnectionManager.Tracing(
            provider=Tracing.Http(name="envoy.tracers.opentelemetry", typed_config=packed(tracer)),
            random_sampling=Percent(value=settings.traced),
            max_path_tag_length=UInt32Value(value=_LONGEST_PATH),
            custom_tags=[CustomTag(tag=tag, value=value) for tag, value in tags.items()],
        )
    )
