"""Words that every resource has: where another comes from, a message in an envelope, a time."""

from __future__ import annotations

from datetime import timedelta

from envoy.config.core.v3.config_source_pb2 import (  # type: ignore[import-untyped]
    AggregatedConfigSource,
    ApiConfigSource,
    ApiVersion,
    ConfigSource,
)
from envoy.config.core.v3.grpc_service_pb2 import GrpcService  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from licet.mesh.envoy import names


def aggregated() -> ConfigSource:
    """What the control plane says on the one stream that says everything."""
    return ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)


def node() -> ConfigSource:
    """Where the sidecar's key and certificate come from, and whom it believes."""
    api = ApiConfigSource(
        api_type=ApiConfigSource.GRPC, transport_api_version=ApiVersion.V3, grpc_services=[service(names.NODE)]
    )
    return ConfigSource(api_config_source=api, resource_api_version=ApiVersion.V3)


def service(cluster: str) -> GrpcService:
    """A gRPC service behind this cluster."""
    return GrpcService(envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=cluster))


def packed(message: Message) -> Any:
    """The message in an `Any`, the same bytes each time."""
    held = Any()
    held.Pack(message, deterministic=True)
    return held


def duration(time: timedelta) -> Duration:
    """The time as a message."""
    message = Duration()
    message.FromTimedelta(time)
    return message
