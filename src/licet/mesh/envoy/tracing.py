"""Spans of requests, with who asked whom and by which rule, for a collector that speaks OTLP.

A trace that comes with a request (`traceparent`) is passed on whether or not there is a collector.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.config.trace.v3.http_tracer_pb2 import Tracing  # type: ignore[import-untyped]
from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
    RequestIDExtension,
)
from envoy.extensions.request_id.uuid.v3.uuid_pb2 import UuidRequestIdConfig  # type: ignore[import-untyped]
from envoy.extensions.tracers.opentelemetry.samplers.v3.parent_based_sampler_pb2 import (  # type: ignore[import-untyped]
    ParentBasedSamplerConfig,
)
from envoy.extensions.tracers.opentelemetry.samplers.v3.trace_id_ratio_based_sampler_pb2 import (  # type: ignore[import-untyped]
    TraceIdRatioBasedSamplerConfig,
)
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag  # type: ignore[import-untyped]
from envoy.type.v3.percent_pb2 import FractionalPercent  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

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
_PARTS = 10_000
"""Parts of a percent that are told apart."""


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
    tracer = OpenTelemetryConfig(
        grpc_service=service(names.COLLECTOR), service_name=str(workload), sampler=_sampler(settings)
    )
    # Otherwise it is the request's id that decides which are traced, and what has none is never.
    apart = UuidRequestIdConfig(use_request_id_for_trace_sampling=BoolValue(value=False))
    manager.request_id_extension.CopyFrom(RequestIDExtension(typed_config=packed(apart)))
    manager.tracing.CopyFrom(
        HttpConnectionManager.Tracing(
            provider=Tracing.Http(name="envoy.tracers.opentelemetry", typed_config=packed(tracer)),
            max_path_tag_length=UInt32Value(value=_LONGEST_PATH),
            custom_tags=[CustomTag(tag=tag, value=value) for tag, value in tags.items()],
        )
    )


def _sampler(settings: Settings) -> TypedExtensionConfig:
    """A trace that comes with a request is gone on with as it says; of others some begin."""
    share = FractionalPercent(numerator=round(settings.traced * _PARTS), denominator=FractionalPercent.MILLION)
    first = TypedExtensionConfig(
        name="envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        typed_config=packed(TraceIdRatioBasedSamplerConfig(sampling_percentage=share)),
    )
    return TypedExtensionConfig(
        name="envoy.tracers.opentelemetry.samplers.parent_based",
        typed_config=packed(ParentBasedSamplerConfig(wrapped_sampler=first)),
    )
