"""What stands between a workload and everything it calls: what nobody agreed to is refused here, and told of.

The callee decides too, whatever is let through here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.route.v3.route_pb2 import RouteConfiguration  # type: ignore[import-untyped]

from licet.mesh.envoy import clusters, egress, endpoints, exits, names, redirected, routes, tracing
from licet.mesh.envoy.address import inet
from licet.mesh.fleet import Fleet, Settings, Stage
from licet.mesh.intent import Call, Callee, Named, Outside, Speaks
from licet.mesh.resource import Kind, Resource
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.mesh.ways import Way, to_addresses, to_callees, to_names

_REMEMBERED = 16384
"""What is the same as before, or for all sidecars that call a callee, is written once."""


def listeners(sidecar: Sidecar, fleet: Fleet) -> tuple[Resource, ...]:
    """Where calls are captured. Of what may be asked they depend on whether it is anything."""
    calls = _calls(sidecar, fleet)
    if sidecar.capture is Capture.EXPLICIT:
        return tuple(exits.listeners(sidecar, calls, fleet))
    return (redirected.listener(sidecar, calls, fleet),)


def resources(
    sidecar: Sidecar, fleet: Fleet, captured: tuple[Resource, ...] | None = None
) -> Mapping[Kind, tuple[Resource, ...]]:
    """Everything for what this sidecar's workload calls. Of a workload that no contract binds every call is refused.

    `captured` are its `listeners`, where somebody has them.
    """
    stage, calls = fleet.stage(sidecar.id), _calls(sidecar, fleet)
    if sidecar.capture is Capture.EXPLICIT:
        found = tuple(way for _, way in exits.ways(sidecar, calls, fleet))
        ways = tuple(way for way in found if way is not None)
        tables = _exit_tables(found, stage)
    else:
        ways = (*to_callees(calls), *to_addresses(calls), *to_names(calls))
        tables = _redirected_tables(ways, stage)
    callees = tuple(way for way in ways if isinstance(way.to, Callee))
    return {
        Kind.CLUSTER: tuple(_clusters(sidecar, ways, fleet)),
        Kind.ENDPOINTS: tuple(assignment(way, fleet) for way in callees),
        Kind.LISTENER: listeners(sidecar, fleet) if captured is None else captured,
        Kind.ROUTES: tuple(tables),
    }


def callees(sidecar: Sidecar, fleet: Fleet) -> Iterator[Callee]:
    """The workloads that calls may lead to, agreed or let pass, once or more: what is known of them says where to."""
    calls = _calls(sidecar, fleet)
    yield from (call.to for call in calls if isinstance(call.to, Callee))
    if sidecar.exits and fleet.stage(sidecar.id) is not Stage.ENFORCE:
        ways = (way for _, way in exits.ways(sidecar, calls, fleet) if way is not None)
        yield from (way.to for way in ways if isinstance(way.to, Callee))


def cluster(way: Way, fleet: Fleet, bind: str = "") -> Resource:
    """The cluster of a callee, the same for all sidecars that connect from the same address, or from any."""
    return _callee(way.destination, _believed(way, fleet), fleet.settings, bind)


def direct(way: Way, fleet: Fleet) -> Resource:
    """The cluster of single instances of a callee, the same for all sidecars."""
    return _direct(way.destination, _believed(way, fleet), fleet.settings)


def assignment(way: Way, fleet: Fleet) -> Resource:
    """The instances of a callee, the same for all sidecars."""
    assert isinstance(way.to, Callee)
    return _assignment(way.destination, fleet.instances.get(way.to.key, ()), way.port)


@lru_cache(_REMEMBERED)
def _callee(destination: str, identities: frozenset[str], settings: Settings, bind: str) -> Resource:
    return _resource(clusters.callee(destination, identities, settings, bind))


@lru_cache(_REMEMBERED)
def _direct(destination: str, identities: frozenset[str], settings: Settings) -> Resource:
    return _resource(clusters.direct(destination, identities, settings))


@lru_cache(_REMEMBERED)
def _table(name: str, calls: tuple[Call, ...], cluster: str, stage: Stage) -> Resource:
    return _resource(routes.routes(name, calls, cluster, stage))


@lru_cache(_REMEMBERED)
def _assignment(destination: str, instances: tuple[Instance, ...], port: int) -> Resource:
    message = endpoints.assignment(destination, instances, port)
    return Resource.of(message.cluster_name, message)


def _calls(sidecar: Sidecar, fleet: Fleet) -> tuple[Call, ...]:
    intent = fleet.intents.get(sidecar.workload)
    return intent.calls if intent is not None else ()


def _clusters(sidecar: Sidecar, ways: Iterable[Way], fleet: Fleet) -> Iterable[Resource]:
    yield _resource(clusters.refused())
    if (collector := tracing.collector(fleet.settings)) is not None:
        yield _resource(collector)
    kinds = set()
    for way in ways:
        kinds.add(type(way.to))
        match way.to:
            case Callee() if sidecar.capture is Capture.EXPLICIT:
                yield cluster(way, fleet, sidecar.address)
            case Callee():
                yield cluster(way, fleet)
                yield direct(way, fleet)
            case Outside(text=text) if sidecar.capture is Capture.EXPLICIT:
                yield _resource(clusters.fixed(names.outbound(way.destination), inet(text, way.port)))
    passing = fleet.stage(sidecar.id) is not Stage.ENFORCE
    if sidecar.capture is Capture.REDIRECTED and (Outside in kinds or passing):
        yield _resource(clusters.outside())
    if Named in kinds:
        yield _resource(egress.cluster(fleet.settings))


def _exit_tables(ways: Collection[Way | None], stage: Stage) -> Iterable[Resource]:
    """What nobody refers to is not said: nobody would ask for it, and the control plane would wait for that."""
    if None in ways:
        yield _resource(routes.none())
    for way in filter(None, ways):
        name = names.outbound(way.destination)
        match way.to:
            case Callee() if way.speaks is Speaks.HTTP:
                yield _table(name, way.calls, name, stage)
            case Outside() if way.narrowed:
                yield _table(name, way.calls, name, stage)
            case Named() if egress.by_host(way):
                yield _resource(routes.by_host(name, [(egress.host_pattern(way), way.calls)], names.NAMED))


def _redirected_tables(ways: Iterable[Way], stage: Stage) -> Iterable[Resource]:
    by_host: dict[int, list[Way]] = {}
    for way in ways:
        name = names.outbound(way.destination)
        match way.to:
            case Callee() if way.speaks is Speaks.HTTP:
                for each in (name, names.direct(way.destination)):
                    yield _table(each, way.calls, each, stage)
            case Outside() if way.narrowed:
                yield _table(name, way.calls, names.OUTSIDE, stage)
            case Named() if egress.by_host(way):
                by_host.setdefault(way.port, []).append(way)
    for port, found in by_host.items():
        calls = [(egress.host_pattern(way), way.calls) for way in redirected.exact_first(found)]
        yield _resource(routes.by_host(redirected.plain_http(port), calls, names.NAMED))


def _believed(way: Way, fleet: Fleet) -> frozenset[str]:
    """Who may answer: an identity that is denied may not, whoever shows it."""
    assert isinstance(way.to, Callee)
    return way.to.identities - fleet.denied


def _resource(message: Cluster | RouteConfiguration) -> Resource:
    return Resource.of(message.name, message)
