"""Which of a workload's requests go where, and by which agreement (see `judging`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from envoy.config.route.v3.route_components_pb2 import (  # type: ignore[import-untyped]
    HeaderMatcher,
    RetryPolicy,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration  # type: ignore[import-untyped]
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import (  # type: ignore[import-untyped]
    PreviousHostsPredicate,
)
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher  # type: ignore[import-untyped]
from envoy.type.matcher.v3.string_pb2 import StringMatcher  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.mesh.envoy import judging, names
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Stage
from licet.mesh.intent import Call

_RETRIED = "connect-failure,refused-stream"
"""What the callee has seen nothing of, so that it may be asked again whatever it is."""
_RETRIES = 2
_REMEMBERED = 16384
"""Where requests go is written once for all routes that lead there, and what they are once for all callers."""
_CHOSEN_AGAIN = 20
"""How often another instance is drawn for a retry: one that is gone has nothing to do, and is drawn most of all."""
_ELSEWHERE = "envoy.retry_host_predicates.previous_hosts"


def routes(name: str, calls: Iterable[Call], cluster: str, stage: Stage) -> RouteConfiguration:
    """The requests of these calls go to this cluster; others find no route, unless the stage lets them pass."""
    found = list(_agreed(calls, cluster))
    if stage is not Stage.ENFORCE:
        match = RouteMatch(prefix="/")
        found.append(_route(match, cluster, judging.otherwise(stage)))
    return _table(name, found)


def by_host(name: str, calls: Iterable[tuple[str, Iterable[Call]]], cluster: str) -> RouteConfiguration:
    """The same for calls that are told apart by a regular expression, which the request's host is whole.

    None is tried again: where a host is was judged once, and may be elsewhere by then (DNS rebinding).
    """
    found = [(pattern, route) for pattern, each in calls for route in _agreed(each, cluster)]
    for pattern, route in found:
        route.match.headers.append(_header(":authority", pattern))
        route.route.ClearField("retry_policy")
    return _table(name, (route for _, route in found))


def none() -> RouteConfiguration:
    """No request has a route."""
    return _table(names.REFUSED, ())


def _table(name: str, found: Iterable[Route]) -> RouteConfiguration:
    host = VirtualHost(name="all", domains=["*"], routes=found)
    return RouteConfiguration(name=name, virtual_hosts=[host], validate_clusters=BoolValue(value=False))


def _agreed(calls: Iterable[Call], cluster: str) -> Iterator[Route]:
    """In the order in which the contract has the calls, those of everything last."""
    for call in sorted(calls, key=lambda each: not (each.http or each.grpc)):
        for match in _matches(call):
            yield _route(match, cluster, judging.agreed(call.name))


def _route(match: RouteMatch, cluster: str, judged: Any) -> Route:
    return Route(match=match, route=_action(cluster), typed_per_filter_config={judging.REQUESTS: judged})


@lru_cache(_REMEMBERED)
def _action(cluster: str) -> RouteAction:
    """For as long as it takes: a program that gives up ends its request, and that ends it here."""
    elsewhere = RetryPolicy.RetryHostPredicate(name=_ELSEWHERE, typed_config=packed(PreviousHostsPredicate()))
    retried = RetryPolicy(
        retry_on=_RETRIED,
        num_retries=UInt32Value(value=_RETRIES),
        retry_host_predicate=[elsewhere],
        host_selection_retry_max_attempts=_CHOSEN_AGAIN,
    )
    return RouteAction(cluster=cluster, timeout=Duration(), retry_policy=retried)


def _matches(call: Call) -> Iterator[RouteMatch]:
    if not call.http and not call.grpc:
        yield RouteMatch(prefix="/")
    yield from map(_http, call.http)
    for grpc in call.grpc:
        yield from _grpc(grpc)


@lru_cache(_REMEMBERED)
def _http(match: HttpMatch) -> RouteMatch:
    """A prefix is one of whole segments."""
    headers = [_header(":method", "|".join(map(re.escape, match.methods)))] if match.methods else []
    prefix = match.path.rstrip("/")
    if match.exact:
        return RouteMatch(path=match.path, headers=headers)
    if prefix:
        return RouteMatch(path_separated_prefix=prefix, headers=headers)
    return RouteMatch(prefix="/", headers=headers)


def _grpc(match: GrpcMatch) -> Iterator[RouteMatch]:
    post = [_header(":method", "POST")]
    if not match.methods:
        yield RouteMatch(prefix=f"/{match.service}/", headers=post)
    for method in match.methods:
        yield RouteMatch(path=f"/{match.service}/{method}", headers=post)


def _header(name: str, pattern: str) -> HeaderMatcher:
    """The whole value is what the pattern says."""
    return HeaderMatcher(name=name, string_match=StringMatcher(safe_regex=RegexMatcher(regex=pattern)))
