"""Who is named as having decided on what a workload calls: its agreement, or the refusal of everything else.

It is said by an RBAC filter, as it is where calls come in, so that access logs and spans have it in one way.
"""

from __future__ import annotations

from functools import lru_cache

from envoy.config.listener.v3.listener_components_pb2 import Filter  # type: ignore[import-untyped]
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBACPerRoute
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpFilter,
)
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any
from xds.type.matcher.v3.matcher_pb2 import Matcher  # type: ignore[import-untyped]

from licet.mesh.envoy import matching, names
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Stage
from licet.mesh.intent import DEFAULT_DENY

REQUESTS = "envoy.filters.http.rbac"
"""The filter's name, under which routes say who decides, and its decision stands in the metadata."""
_REMEMBERED = 16384


def requests() -> HttpFilter:
    """Refuses every request but those of routes that say who agreed."""
    return HttpFilter(name=REQUESTS, typed_config=packed(HttpRbac(matcher=_refusing())))


@lru_cache(_REMEMBERED)
def agreed(name: str) -> Any:
    """For a route: this agreement lets it through."""
    return packed(RBACPerRoute(rbac=HttpRbac(matcher=_admitting(name))))


def otherwise(stage: Stage) -> Any:
    """For the route of what nobody agreed to, at a stage that lets it pass."""
    return packed(RBACPerRoute(rbac=HttpRbac(**_passing(stage))))


def connections(stage: Stage) -> Filter:
    """Lets bytes pass that nobody agreed to, at a stage that does."""
    config = NetworkRbac(stat_prefix=names.REFUSED, **_passing(stage))
    return Filter(name="envoy.filters.network.rbac", typed_config=packed(config))


def _passing(stage: Stage) -> dict[str, Matcher]:
    """Only SHADOW says that it would be refused."""
    passing = {"matcher": _admitting(stage.value)}
    return passing | {"shadow_matcher": _refusing()} if stage is Stage.SHADOW else passing


def _admitting(name: str) -> Matcher:
    return Matcher(on_no_match=matching.allowed(name))


def _refusing() -> Matcher:
    return Matcher(on_no_match=matching.denied(DEFAULT_DENY))
