"""How a pod is reached by a name: Services, and the gateways, ingresses and routes that lead to them."""

from __future__ import annotations

import msgspec

from licet.diag.place import Origin, Place
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import Protocol
from licet.model.selector import Selector


class ServicePort(msgspec.Struct, frozen=True):
    """One port of a Service. `target` is the pod's port: a number, or a container port's name looked up per pod."""

    name: str
    protocol: Protocol
    port: int
    target: int | str


class Service(msgspec.Struct, frozen=True):
    """A v1 Service. `selector` None means that nothing is selected: EndpointSlices say where it leads.

    `external_name` is set for type ExternalName; `headless` is `clusterIP: None`, where clients meet the
    pods' ports directly and `port` is only a record in DNS. `addresses` are those of its own that are known, which the
    cluster gives it: manifests seldom say them, and objects read from a cluster do.
    """

    key: Key
    type: str
    selector: Selector | None
    ports: tuple[ServicePort, ...]
    headless: bool
    external_name: str
    origin: Origin
    addresses: tuple[str, ...] = ()


class SlicePort(msgspec.Struct, frozen=True):
    """One port of an EndpointSlice or of Endpoints; `port` None is every port."""

    name: str
    protocol: Protocol
    port: int | None


class EndpointSlice(msgspec.Struct, frozen=True):
    """Addresses behind a Service (EndpointSlice, or one subset of Endpoints).

    `pods` are names of pods that a `targetRef` gives.
    """

    key: Key
    service: str
    addresses: AddressSet
    pods: tuple[str, ...]
    ports: tuple[SlicePort, ...]
    origin: Origin


class Backend(msgspec.Struct, frozen=True):
    """Where a route sends traffic: a Service and one of its ports, by number or name; None where every port is meant.

    `kind` other than `Service` or `group` other than "" is a backend that Licet does not know. `target` is set where
    an OpenShift Route asks for a port of the Service's endpoints, hence of the pods, by number; `port` is None then.
    """

    namespace: str
    name: str
    port: int | str | None
    place: Place
    group: str = ""
    kind: str = "Service"
    target: int | None = None


class GatewayRef(msgspec.Struct, frozen=True):
    """A route's parent: a Gateway, or with `section` one of its listeners, or with `port` those on a port."""

    namespace: str
    name: str
    section: str | None
    port: int | None
    place: Place


class Route(msgspec.Struct, frozen=True):
    """An Ingress, an OpenShift Route, or an HTTPRoute, GRPCRoute, TCPRoute, UDPRoute or TLSRoute.

    `parents` is None for Ingress and OpenShift Route, which the cluster's ingress controllers serve;
    `class_name` is an Ingress's class. `hostnames` are empty where any host is meant.
    """

    key: Key
    backends: tuple[Backend, ...]
    parents: tuple[GatewayRef, ...] | None
    hostnames: tuple[str, ...]
    class_name: str
    origin: Origin


class Listener(msgspec.Struct, frozen=True):
    """A listener of a Gateway.

    `from_namespaces` is `Same` (default), `All`, `Selector` (then `namespaces`) or `None`; `kinds` lists (group, kind)
    of routes, empty meaning those of the protocol.
    """

    name: str
    port: int
    protocol: str
    hostname: str
    from_namespaces: str
    namespaces: Selector | None
    kinds: tuple[tuple[str, str], ...]


class Gateway(msgspec.Struct, frozen=True):
    """gateway.networking.k8s.io Gateway."""

    key: Key
    class_name: str
    listeners: tuple[Listener, ...]
    origin: Origin


class ReferenceGrant(msgspec.Struct, frozen=True):
    """Leave for routes of other namespaces to name Services of this one.

    `sources` are (group, kind, namespace); `targets` are (group, kind, name), name empty meaning any.
    """

    key: Key
    sources: tuple[tuple[str, str, str], ...]
    targets: tuple[tuple[str, str, str], ...]
    origin: Origin
