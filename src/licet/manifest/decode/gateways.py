"""Gateway API: Gateways, the routes that attach to them, and ReferenceGrants.

`gateway.networking.k8s.io` v1 and its forerunners, which have the same form as far as it is read.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from licet.diag.place import Path, Place
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import LabelSelector, Selectors
from licet.manifest.decode.services import check_number
from licet.model.key import Key
from licet.model.service import Backend, Gateway, GatewayRef, Listener, ReferenceGrant, Route

GROUP = "gateway.networking.k8s.io"


class RouteKind(msgspec.Struct, gc=False):
    """A kind of route that a listener takes."""

    kind: str = ""
    group: str | None = None


class RouteNamespaces(msgspec.Struct, gc=False):
    """From where a listener takes routes."""

    source: str | None = msgspec.field(name="from", default=None)
    selector: LabelSelector | None = None


class AllowedRoutes(msgspec.Struct, gc=False):
    """Which routes a listener takes."""

    namespaces: RouteNamespaces | None = None
    kinds: list[RouteKind | None] | None = None


class ListenerFields(msgspec.Struct, gc=False):
    """A Gateway's listener."""

    name: str | None = None
    port: int | None = None
    protocol: str | None = None
    hostname: str | None = None
    allowedRoutes: AllowedRoutes | None = None


class GatewaySpec(msgspec.Struct, gc=False):
    """What is read of a Gateway's spec."""

    gatewayClassName: str | None = None
    listeners: list[ListenerFields | None] | None = None


class GatewayFields(msgspec.Struct, gc=False):
    """A Gateway."""

    metadata: Meta | None = None
    spec: GatewaySpec | None = None


class ParentRef(msgspec.Struct, gc=False):
    """What a route attaches to."""

    name: str | None = None
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    sectionName: str | None = None
    port: int | None = None


class MirrorRef(msgspec.Struct, gc=False):
    """A backend that gets a copy."""

    name: str | None = None
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    port: int | None = None


class Mirror(msgspec.Struct, gc=False):
    """A filter that copies requests."""

    backendRef: MirrorRef | None = None


class Filter(msgspec.Struct, gc=False):
    """A filter, as far as it leads to backends."""

    requestMirror: Mirror | None = None


class BackendRef(MirrorRef, gc=False):
    """A backend of a route's rule."""

    weight: int | None = None
    filters: list[Filter | None] | None = None


class RouteRule(msgspec.Struct, gc=False):
    """A rule of any kind of route."""

    backendRefs: list[BackendRef | None] | None = None
    filters: list[Filter | None] | None = None


class RouteSpec(msgspec.Struct, gc=False):
    """What is read of a route's spec."""

    parentRefs: list[ParentRef | None] | None = None
    hostnames: list[str | None] | None = None
    rules: list[RouteRule | None] | None = None


class RouteFields(msgspec.Struct, gc=False):
    """HTTPRoute, GRPCRoute, TCPRoute, UDPRoute, TLSRoute."""

    metadata: Meta | None = None
    spec: RouteSpec | None = None


class GrantEnd(msgspec.Struct, gc=False):
    """One entry of a ReferenceGrant's `from` or `to`."""

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str | None = None


class GrantSpec(msgspec.Struct, gc=False):
    """A ReferenceGrant's spec."""

    sources: list[GrantEnd | None] | None = msgspec.field(name="from", default=None)
    targets: list[GrantEnd | None] | None = msgspec.field(name="to", default=None)


class GrantFields(msgspec.Struct, gc=False):
    """A ReferenceGrant."""

    metadata: Meta | None = None
    spec: GrantSpec | None = None


def gateway(wire: GatewayFields, key: Key, reader: Reader, selectors: Selectors) -> Gateway:
    """A Gateway. A listener takes routes of its own namespace unless it says otherwise."""
    spec = wire.spec or GatewaySpec()
    listeners = tuple(
        [
            _listener(listener or ListenerFields(), ("spec", "listeners", i), reader, selectors)
            for i, listener in enumerate(spec.listeners or ())
        ]
    )
    return Gateway(key, spec.gatewayClassName or "", listeners, reader.origin)


def route(wire: RouteFields, key: Key, reader: Reader, _selectors: Selectors) -> Route:
    """A route. Parents that are no Gateways (a Service, in a mesh) are not among `parents`."""
    spec = wire.spec or RouteSpec()
    parents: list[GatewayRef] = []
    for i, parent in enumerate(spec.parentRefs or ()):
        if parent is not None and parent.kind in (None, "Gateway") and parent.group in (None, GROUP):
            at = ("spec", "parentRefs", i)
            if not parent.name:
                reader.refuse((*at, "name"), "is missing", "name the Gateway")
            namespace = parent.namespace or key.namespace
            place = Place(reader.origin, at)
            parents.append(GatewayRef(namespace, parent.name or "", parent.sectionName, parent.port, place))
    backends: list[Backend] = []
    for i, rule in enumerate(spec.rules or ()):
        if rule is not None:
            backends.extend(_backends(rule, ("spec", "rules", i), key, reader))
    hostnames = tuple(name for name in spec.hostnames or () if name)
    return Route(key, tuple(backends), tuple(parents), hostnames, "", reader.origin)


def reference_grant(wire: GrantFields, key: Key, reader: Reader, _selectors: Selectors) -> ReferenceGrant:
    """A ReferenceGrant."""
    spec = wire.spec or GrantSpec()
    sources = tuple((end.group, end.kind, end.namespace) for end in spec.sources or () if end is not None)
    targets = tuple((end.group, end.kind, end.name or "") for end in spec.targets or () if end is not None)
    return ReferenceGrant(key, sources, targets, reader.origin)


def _listener(wire: ListenerFields, path: Path, reader: Reader, selectors: Selectors) -> Listener:
    allowed = wire.allowedRoutes or AllowedRoutes()
    namespaces = allowed.namespaces or RouteNamespaces()
    source = namespaces.source or "Same"
    at = (*path, "allowedRoutes", "namespaces")
    if source not in ("Same", "All", "Selector", "None"):
        reader.refuse((*at, "from"), f"is `{source}`", "use Same, All, Selector or None")
    selector = selectors.selector(namespaces.selector, (*at, "selector")) if source == "Selector" else None
    kinds = tuple(
        (kind.group if kind.group is not None else GROUP, kind.kind) for kind in allowed.kinds or () if kind is not None
    )
    number = check_number(wire.port, (*path, "port"), reader)
    return Listener(wire.name or "", number, wire.protocol or "", wire.hostname or "", source, selector, kinds)


def _backends(rule: RouteRule, path: Path, key: Key, reader: Reader) -> Iterator[Backend]:
    """Where a rule sends requests, copies included; a weight of 0 sends nothing."""
    yield from _mirrors(rule.filters, path, key, reader)
    for i, ref in enumerate(rule.backendRefs or ()):
        at = (*path, "backendRefs", i)
        if ref is not None and ref.weight != 0:
            yield _backend(ref, at, key, reader)
            yield from _mirrors(ref.filters, at, key, reader)


def _mirrors(filters: list[Filter | None] | None, path: Path, key: Key, reader: Reader) -> Iterator[Backend]:
    for i, filter in enumerate(filters or ()):
        if filter is not None and filter.requestMirror is not None and filter.requestMirror.backendRef is not None:
            at = (*path, "filters", i, "requestMirror", "backendRef")
            yield _backend(filter.requestMirror.backendRef, at, key, reader)


def _backend(ref: MirrorRef, path: Path, key: Key, reader: Reader) -> Backend:
    if not ref.name:
        reader.refuse((*path, "name"), "is missing", "name the backend")
    port = check_number(ref.port, (*path, "port"), reader) if ref.port is not None else None
    place = Place(reader.origin, path)
    kind = ref.kind or "Service"
    if port is None and (ref.group or "", kind) == ("", "Service"):
        reader.refuse((*path, "port"), "is missing", "name the Service's port")
    return Backend(ref.namespace or key.namespace, ref.name or "", port, place, ref.group or "", kind)
