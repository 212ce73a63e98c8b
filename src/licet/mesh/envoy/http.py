"""What is the same wherever a sidecar understands HTTP: limits, how a path is read, what is passed on untouched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog  # type: ignore[import-untyped]
from envoy.config.core.v3.address_pb2 import CidrRange  # type: ignore[import-untyped]
from envoy.config.core.v3.protocol_pb2 import (  # type: ignore[import-untyped]
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
)
from envoy.config.listener.v3.listener_components_pb2 import Filter  # type: ignore[import-untyped]
from envoy.extensions.filters.http.router.v3.router_pb2 import Router  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
    HttpFilter,
    Rds,
)
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from licet.mesh.envoy import access_log
from licet.mesh.envoy.source import aggregated, duration, packed
from licet.mesh.fleet import Settings

BUFFERED = 1 << 20
"""Bytes that a connection may have waiting, in each direction, before its peer is made to wait."""
_NOBODY = CidrRange(address_prefix="0.0.0.0", prefix_len=UInt32Value(value=32))
"""No connection is from here. Of no addresses at all Envoy makes those of private networks."""
_HEADERS_KB = 60
_HEADERS = 100
_STREAMS = 1000
_WINDOW = 1 << 20
_HEADERS_WITHIN = timedelta(seconds=10)
_UNUSED = timedelta(minutes=5)
_IDLE = timedelta(hours=1)
"""A stream on which nothing was said for so long is forgotten by whoever opened it."""


def manager(routes: str, filters: Iterable[HttpFilter], log: AccessLog, settings: Settings) -> HttpConnectionManager:
    """HTTP/1.1, HTTP/2 and gRPC, with routes of this name from the control plane; the router comes after `filters`.

    Connections end after `settings.connection_age`, but for streams, which last as long: together twice that time is
    the most that anything lives on. Of HTTP/1.1 that is after the next answer, which says so: no request is lost.
    """
    return HttpConnectionManager(
        codec_type=HttpConnectionManager.AUTO,
        stat_prefix=routes,
        rds=Rds(config_source=aggregated(), route_config_name=routes),
        http_filters=[*filters, _router()],
        common_http_protocol_options=HttpProtocolOptions(
            max_connection_duration=duration(settings.connection_age),
            max_stream_duration=duration(settings.connection_age),
            idle_timeout=duration(unused(settings)),
            max_headers_count=UInt32Value(value=_HEADERS),
            headers_with_underscores_action=HttpProtocolOptions.REJECT_REQUEST,
        ),
        http1_safe_max_connection_duration=True,
        http_protocol_options=Http1ProtocolOptions(enable_trailers=True),
        http2_protocol_options=Http2ProtocolOptions(
            max_concurrent_streams=UInt32Value(value=_STREAMS),
            initial_stream_window_size=UInt32Value(value=_WINDOW),
            initial_connection_window_size=UInt32Value(value=_WINDOW),
        ),
        max_request_headers_kb=UInt32Value(value=_HEADERS_KB),
        request_headers_timeout=duration(_HEADERS_WITHIN),
        stream_idle_timeout=duration(_IDLE),
        server_header_transformation=HttpConnectionManager.PASS_THROUGH,
        # What is judged is what the program is given: a path that could be read in two ways is refused or made one.
        normalize_path=BoolValue(value=True),
        merge_slashes=True,
        path_with_escaped_slashes_action=HttpConnectionManager.REJECT_REQUEST,
        upgrade_configs=[HttpConnectionManager.UpgradeConfig(upgrade_type="websocket")],
        # Nobody's word is taken for where a request is from, nor for how it is to be routed (`x-envoy-...`).
        use_remote_address=BoolValue(value=True),
        internal_address_config=HttpConnectionManager.InternalAddressConfig(cidr_ranges=[_NOBODY]),
        generate_request_id=BoolValue(value=False),
        preserve_external_request_id=True,
        access_log=[log],
        access_log_options=HttpConnectionManager.HcmAccessLogOptions(
            flush_access_log_on_new_request=True, access_log_flush_interval=duration(access_log.AGAIN)
        ),
    )


def unused(settings: Settings) -> timedelta:
    """For how long a connection is kept that nobody uses."""
    return min(_UNUSED, settings.connection_age)


def network_filter(config: HttpConnectionManager) -> Filter:
    """The same as the last filter of a chain."""
    return Filter(name="envoy.filters.network.http_connection_manager", typed_config=packed(config))


def _router() -> HttpFilter:
    config = Router(suppress_envoy_headers=True, dynamic_stats=BoolValue(value=False))
    return HttpFilter(name="envoy.filters.http.router", typed_config=packed(config))
