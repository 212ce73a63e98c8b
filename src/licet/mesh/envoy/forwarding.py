"""The last filter of an outgoing chain: the workload's requests or bytes go on to a cluster, and are told of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache

from envoy.config.listener.v3.listener_components_pb2 import Filter  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpFilter,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import (  # type: ignore[import-untyped]
    ON_DOWNSTREAM_DATA,
    TcpProxy,
)
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.mesh.envoy import access_log, http, judging, tracing
from licet.mesh.envoy.source import duration, packed
from licet.mesh.fleet import Settings
from licet.mesh.sidecar import Sidecar
from licet.model.key import Key

_ATTEMPTS = 3
"""Connections tried, to one instance after another, before a TCP connection is given up."""
_EARLY = 16384
"""Bytes that are read before there is somebody to send them to; a first flight of TLS fits."""
_REMEMBERED = 16384
"""What leads to one callee is alike for all of its callers, unless they are told apart in spans."""


def requests(
    sidecar: Sidecar, settings: Settings, log: str, routes: str = "", filters: Iterable[HttpFilter] = ()
) -> Filter:
    """Requests go by routes of this name, that of the log unless another is given."""
    filters = tuple(filters)
    caller = (sidecar.workload, sidecar.identity) if settings.collector else None
    if filters:
        return _requests(caller, settings, log, routes or log, filters)
    return _alike(caller, settings, log, routes or log)


def connections(log: str, cluster: str, age: timedelta | None = None, *, heard: bool = False) -> Filter:
    """Connections go to this cluster, each for so long at most; where `heard`, once the workload has said something.

    What was heard is judged by the address that it leads to then, so that it is tried there alone.
    """
    config = TcpProxy(
        stat_prefix=log,
        cluster=cluster,
        access_log=[access_log.of_connections(log)],
        access_log_options=access_log.of_lasting(),
        max_connect_attempts=UInt32Value(value=1 if heard else _ATTEMPTS),
    )
    if age is not None:
        config.max_downstream_connection_duration.CopyFrom(duration(age))
    if heard:
        config.upstream_connect_mode = ON_DOWNSTREAM_DATA
        config.max_early_data_bytes.CopyFrom(UInt32Value(value=_EARLY))
    return Filter(name="envoy.filters.network.tcp_proxy", typed_config=packed(config))


@lru_cache(_REMEMBERED)
def _alike(caller: tuple[Key, str] | None, settings: Settings, log: str, routes: str) -> Filter:
    return _requests(caller, settings, log, routes, ())


def _requests(
    caller: tuple[Key, str] | None, settings: Settings, log: str, routes: str, filters: Iterable[HttpFilter]
) -> Filter:
    manager = http.manager(routes, [judging.requests(), *filters], access_log.of_requests(log), settings)
    # Where in its own machine a request is from is nothing to those that it is for.
    manager.skip_xff_append = True
    # Both sides tell of a request by its id: that of the program, or one that it is given here.
    manager.generate_request_id.value = True
    if caller is not None:
        tracing.of_calls(manager, settings, *caller)
    return http.network_filter(manager)
