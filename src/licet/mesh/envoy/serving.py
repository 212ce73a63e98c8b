"""The filters before a served port, the first of which is always its policy."""

from __future__ import annotations

from datetime import timedelta

from envoy.config.core.v3.config_source_pb2 import ExtensionConfigSource  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import Filter  # type: ignore[import-untyped]
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.echo.v3.echo_pb2 import Echo  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.set_filter_state.v3.set_filter_state_pb2 import (  # type: ignore[import-untyped]
    Config as SetFilterState,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import (  # type: ignore[import-untyped]
    ON_DOWNSTREAM_TLS_HANDSHAKE,
    TcpProxy,
)
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.mesh.envoy import access_log, http, names, tracing
from licet.mesh.envoy.admission import leading_to
from licet.mesh.envoy.source import aggregated, duration, packed
from licet.mesh.fleet import Settings
from licet.mesh.intent import Intent, Served

_IDLE = timedelta(hours=1)
_ATTEMPTS = 2
"""One that leads nowhere, and one to the program."""
_EARLY = 1 << 16
"""Bytes of a connection that are read before the program is connected to."""


def requests(served: Served, intent: Intent, policy: str, settings: Settings) -> list[Filter]:
    """For HTTP: every request is judged, and the program is told who asks, whatever the request says of that."""
    name = names.inbound(served.port)
    judge = HttpFilter(name=policy, config_discovery=_discovered(HttpRbac()))
    manager = http.manager(name, [judge], access_log.of_requests(name), settings)
    manager.forward_client_cert_details = HttpConnectionManager.SANITIZE_SET
    manager.set_current_client_cert_details.uri = True
    tracing.of_served(manager, settings, intent.key, intent.identity)
    return [http.network_filter(manager)]


def connections(served: Served, policy: str, admission: str, settings: Settings) -> list[Filter]:
    """For bytes: who is admitted is connected to the program, and what they say is judged at their first.

    Where a connection leads is asked before the handshake, when nobody is admitted yet, and again when that attempt has
    failed. So the first always leads nowhere, and so does the second unless something says otherwise.
    """
    name = names.inbound(served.port)
    proxy = TcpProxy(
        stat_prefix=name,
        cluster=names.NOWHERE,
        max_connect_attempts=UInt32Value(value=_ATTEMPTS),
        idle_timeout=duration(_IDLE),
        max_downstream_connection_duration=duration(settings.connection_age),
        upstream_connect_mode=ON_DOWNSTREAM_TLS_HANDSHAKE,
        max_early_data_bytes=UInt32Value(value=_EARLY),
        access_log=[access_log.of_connections(name)],
        access_log_options=access_log.of_lasting(),
    )
    return [_admit(admission), leading_to(names.app(served.port)), _judge(policy), _tcp_proxy(proxy)]


def alive(served: Served) -> list[Filter]:
    """For the prober of a port that speaks no HTTP: it is told what it says, if the policy admits it."""
    return [
        _admit(names.admission(served.port)),
        _judge(names.policy(served.port)),
        Filter(name="envoy.filters.network.echo", typed_config=packed(Echo())),
    ]


def refusing() -> Filter:
    """What closes a connection and tells of it."""
    return _tcp_proxy(
        TcpProxy(
            stat_prefix=names.REFUSED,
            cluster=names.REFUSED,
            access_log=[access_log.of_connections(names.REFUSED)],
        )
    )


def _admit(admission: str) -> Filter:
    return Filter(name=admission, config_discovery=_discovered(SetFilterState()))


def _judge(policy: str) -> Filter:
    return Filter(name=policy, config_discovery=_discovered(NetworkRbac()))


def _discovered(filter: Message) -> ExtensionConfigSource:
    """There is no default: what has no policy lets nothing pass."""
    return ExtensionConfigSource(config_source=aggregated(), type_urls=[packed(filter).type_url])


def _tcp_proxy(config: TcpProxy) -> Filter:
    return Filter(name="envoy.filters.network.tcp_proxy", typed_config=packed(config))
