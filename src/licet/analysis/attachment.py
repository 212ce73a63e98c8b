"""Which gateway serves a route: parents, listeners, hostnames, and leave to refer across namespaces."""

from __future__ import annotations

from collections.abc import Iterator

from licet.analysis.grant import NO_REASONS, Reasons
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.service import Backend, Gateway, GatewayRef, Listener, Route
from licet.model.ternary import Ternary

GATEWAY_GROUP = "gateway.networking.k8s.io"
_KINDS_OF_PROTOCOL = {
    "HTTP": frozenset({"HTTPRoute", "GRPCRoute"}),
    "HTTPS": frozenset({"HTTPRoute", "GRPCRoute"}),
    "TLS": frozenset({"TLSRoute", "TCPRoute"}),
    "TCP": frozenset({"TCPRoute"}),
    "UDP": frozenset({"UDPRoute"}),
}


class Attachments:
    """Answers for the routes of one cluster, by the rules of the Gateway API (GEP-1364, `AllowedRoutes`)."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._gateways = {(g.key.namespace, g.key.name): g for g in cluster.gateways}

    def of_route(self, route: Route) -> Iterator[tuple[Key | None, Reasons]]:
        """The gateways that serve a route, each with why it may not; None stands for the ingress controller."""
        if route.parents is None:
            yield None, NO_REASONS
            return
        seen: dict[Key, Reasons | None] = {}
        for parent in route.parents:
            key, answer, reason = self._accepts(route, parent)
            if answer is Ternary.YES:
                seen[key] = NO_REASONS
            elif answer is Ternary.UNKNOWN:
                seen.setdefault(key, frozenset({reason}))
        for key, doubt in seen.items():
            yield key, doubt or NO_REASONS

    def _accepts(self, route: Route, parent: GatewayRef) -> tuple[Key, Ternary, str]:
        gateway = self._gateways.get((parent.namespace, parent.name))
        if gateway is None:
            key = Key(route.key.cluster, GATEWAY_GROUP, "Gateway", parent.namespace, parent.name)
            return key, Ternary.UNKNOWN, f"gateway `{key}`, which no manifest declares, accepts the route"
        listeners = (
            listener
            for listener in gateway.listeners
            if parent.section in (None, listener.name) and parent.port in (None, listener.port)
        )
        answer = max((self._listens(listener, gateway, route) for listener in listeners), default=Ternary.NO)
        return gateway.key, answer, f"gateway `{gateway.key}` accepts routes of namespace `{route.key.namespace}`"

    def _listens(self, listener: Listener, gateway: Gateway, route: Route) -> Ternary:
        if listener.kinds:
            served = (route.key.group, route.key.kind) in listener.kinds
        else:
            served = route.key.kind in _KINDS_OF_PROTOCOL.get(listener.protocol, {route.key.kind})
        if not served or not _hostnames_meet(listener.hostname, route.hostnames):
            return Ternary.NO
        match listener.from_namespaces:
            case "All":
                return Ternary.YES
            case "Same":
                return Ternary.YES if gateway.key.namespace == route.key.namespace else Ternary.NO
            case "Selector":
                return self._selected(listener, route.key.namespace)
            case _:
                return Ternary.NO

    def _selected(self, listener: Listener, namespace: str) -> Ternary:
        found = self._cluster.namespaces.get(namespace)
        if listener.namespaces is None or found is None:
            return Ternary.NO
        keys = frozenset(r.key for r in listener.namespaces.requirements)
        return listener.namespaces.matches(found.labels, frozenset() if found.declared else keys)

    def may_refer(self, route: Route, backend: Backend) -> bool:
        """Whether a route may name this backend: within its namespace always, elsewhere by a ReferenceGrant."""
        if backend.namespace == route.key.namespace or route.parents is None:
            return True
        source = (route.key.group, route.key.kind, route.key.namespace)
        wanted = ((backend.group, backend.kind, ""), (backend.group, backend.kind, backend.name))
        return any(
            grant.key.namespace == backend.namespace
            and source in grant.sources
            and any(target in wanted for target in grant.targets)
            for grant in self._cluster.grants
        )


def _hostnames_meet(listener: str, route: tuple[str, ...]) -> bool:
    """Whether a listener's hostname and a route's share a name; an empty side means any name."""
    return not listener or not route or any(_meet(listener, name) for name in route)


def _meet(a: str, b: str) -> bool:
    """A leading `*.` stands for one or more labels."""
    if a.startswith("*.") and b.startswith("*."):
        return a.endswith(b[1:]) or b.endswith(a[1:])
    if a.startswith("*."):
        return b.endswith(a[1:])
    if b.startswith("*."):
        return a.endswith(b[1:])
    return a == b
