"""What sidecars tell the control plane of requests and connections: at their beginning, at their end, and in between.

The beginning is told so that what is open is known, and can be ended when an identity is revoked. What lasts is told of
again and again, so that a control plane that was away comes to know it too.
"""

from __future__ import annotations

from datetime import timedelta

from envoy.config.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    AccessLog,
    AccessLogFilter,
    ExtensionFilter,
    OrFilter,
    ResponseFlagFilter,
)
from envoy.config.core.v3.config_source_pb2 import ApiVersion  # type: ignore[import-untyped]
from envoy.extensions.access_loggers.filters.cel.v3.cel_pb2 import ExpressionFilter  # type: ignore[import-untyped]
from envoy.extensions.access_loggers.grpc.v3.als_pb2 import (  # type: ignore[import-untyped]
    CommonGrpcAccessLogConfig,
    HttpGrpcAccessLogConfig,
    TcpGrpcAccessLogConfig,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy  # type: ignore[import-untyped]
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.flows.envoy import HEADERS, TAGS
from licet.mesh.envoy import names
from licet.mesh.envoy.source import duration, packed, service

LOCAL = "local"
"""The tag that has the address which the connection came to, before its original destination took the place of that."""
_STATUS = "grpc-status"
AGAIN = timedelta(seconds=10)
"""Between two times that something is told of which lasts."""
_FLUSHED = timedelta(milliseconds=100)
_BUFFERED = 16384
"""Bytes of entries that are sent together without waiting for `_FLUSHED`."""


def of_requests(name: str) -> AccessLog:
    """Of HTTP requests, under this name of the log."""
    config = HttpGrpcAccessLogConfig(
        common_config=_common(name),
        additional_request_headers_to_log=HEADERS,
        additional_response_headers_to_log=[_STATUS],
        additional_response_trailers_to_log=[_STATUS],
    )
    return AccessLog(name="envoy.access_loggers.http_grpc", typed_config=packed(config))


def of_connections(name: str) -> AccessLog:
    """Of connections of which nothing but the bytes is understood."""
    config = TcpGrpcAccessLogConfig(common_config=_common(name))
    return AccessLog(name="envoy.access_loggers.tcp_grpc", typed_config=packed(config))


def of_lasting() -> TcpProxy.TcpAccessLogOptions:
    """When connections are told of beside their end."""
    return TcpProxy.TcpAccessLogOptions(flush_access_log_on_connected=True, access_log_flush_interval=duration(AGAIN))


def of_failed_handshakes(name: str) -> AccessLog:
    """Of connections that came to nothing in TLS, or without it, for a listener: no filter ever hears of them."""
    log = of_connections(name)
    failed = ExtensionFilter(
        name="envoy.access_loggers.extension_filters.cel",
        typed_config=packed(
            ExpressionFilter(
                expression="connection.transport_failure_reason != '' && !xds.filter_chain_name.endsWith('/plain')"
            )
        ),
    )
    either = OrFilter(
        filters=[
            AccessLogFilter(extension_filter=failed),
            AccessLogFilter(response_flag_filter=ResponseFlagFilter(flags=["NR"])),
        ]
    )
    log.filter.CopyFrom(AccessLogFilter(or_filter=either))
    return log


def _common(name: str) -> CommonGrpcAccessLogConfig:
    return CommonGrpcAccessLogConfig(
        log_name=name,
        grpc_service=service(names.CONTROL),
        transport_api_version=ApiVersion.V3,
        buffer_flush_interval=duration(_FLUSHED),
        buffer_size_bytes=UInt32Value(value=_BUFFERED),
        custom_tags=[
            CustomTag(tag=tag, value=value)
            for tag, value in {**TAGS, LOCAL: "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%"}.items()
        ],
    )
