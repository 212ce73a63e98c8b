"""Listeners at which a workload finds what it calls, where its traffic is not redirected: one for each exit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from envoy.config.listener.v3.listener_components_pb2 import (  # type: ignore[import-untyped]
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import (  # type: ignore[import-untyped]
    HttpInspector,
)

from licet.mesh.envoy import captured, chains, egress, forwarding, names
from licet.mesh.envoy.address import host_port, literal, local
from licet.mesh.envoy.source import duration, packed
from licet.mesh.fleet import Fleet, Settings, Stage
from licet.mesh.intent import Call, Callee, Intent, Named, Outside
from licet.mesh.resource import Resource
from licet.mesh.sidecar import Sidecar
from licet.mesh.ways import Way, toward
from licet.model.addresses import AddressSet

_HEARD_WITHIN = timedelta(seconds=1)
"""Who says nothing to an exit that refuses is taken for one that waits to be spoken to, and closed."""
_HTTP = ["http/1.0", "http/1.1", "h2c"]


def ways(sidecar: Sidecar, calls: tuple[Call, ...], fleet: Fleet) -> Iterator[tuple[str, Way | None]]:
    """The exits of the sidecar with what was agreed for each and can be told from everything else, in order.

    At a stage that lets pass what was not, there is a way without calls to workloads of the mesh and to addresses.
    """
    passing = fleet.stage(sidecar.id) is not Stage.ENFORCE
    intents = {str(key): intent for key, intent in fleet.intents.items()} if passing else {}
    for destination in sorted(sidecar.exits):
        way = toward(calls, destination)
        if way is None and passing:
            way = _unagreed(destination, intents)
        yield destination, None if way is not None and _hidden(way) else way


def _hidden(way: Way) -> bool:
    """Whether what was agreed cannot be seen in what passes."""
    return isinstance(way.to, Named) and not egress.by_host(way) and not egress.by_server_name(way)


def listeners(sidecar: Sidecar, calls: tuple[Call, ...], fleet: Fleet) -> tuple[Resource, ...]:
    """A listener for each exit; where nothing was agreed it refuses, so that the attempt is seen."""
    stage = fleet.stage(sidecar.id)
    return tuple(
        _exit(sidecar, destination, way, fleet.settings, stage) for destination, way in ways(sidecar, calls, fleet)
    )


def _unagreed(destination: str, intents: Mapping[str, Intent]) -> Way | None:
    at = host_port(destination)
    if at is None:
        return None
    host, port = at
    if (intent := intents.get(host)) is not None:
        return Way(destination, Callee(intent.key, frozenset({intent.identity})), port, ())
    return Way(destination, Outside(AddressSet.of([host]), host), port, ()) if literal(host) else None


def _exit(sidecar: Sidecar, destination: str, way: Way | None, settings: Settings, stage: Stage) -> Resource:
    name, at = names.outbound(destination), [local(sidecar.exits[destination])]
    match way:
        case Way(calls=()):
            return chains.listener(name, at, filter_chains=[chains.passing(name, name, name, stage)])
        case Way(to=Callee()):
            return chains.listener(name, at, filter_chains=[chains.to_callee(way, sidecar, settings)])
        case Way(to=Outside()):
            return chains.listener(name, at, filter_chains=[chains.to_address(way, name, sidecar, settings)])
        case Way(to=Named()) if egress.by_host(way):
            return chains.listener(name, at, filter_chains=[egress.in_http(name, sidecar, settings)])
        case Way(to=Named()):
            refused = chains.refusing(names.REFUSED, names.refused(destination))
            return chains.listener(
                name,
                at,
                listener_filters=[chains.asking_name()],
                filter_chain_matcher=captured.by_server([(egress.pattern(way), name)], names.REFUSED),
                filter_chains=[egress.in_tls(way, settings), refused],
            )
        case _:
            return chains.listener(name, at, **_refusing(names.refused(destination), sidecar, settings))


def _refusing(log: str, sidecar: Sidecar, settings: Settings) -> dict[str, object]:
    """Requests are answered that nobody agreed, everything else is closed."""
    answered = FilterChain(
        name=log,
        filter_chain_match=FilterChainMatch(application_protocols=_HTTP),
        filters=[forwarding.requests(sidecar, settings, log, names.REFUSED)],
    )
    inspector = ListenerFilter(name="envoy.filters.listener.http_inspector", typed_config=packed(HttpInspector()))
    return {
        "listener_filters": [inspector],
        "listener_filters_timeout": duration(_HEARD_WITHIN),
        "continue_on_listener_filters_timeout": True,
        "filter_chains": [answered],
        "default_filter_chain": chains.refusing(names.REFUSED, log),
    }
