"""Ingresses and OpenShift Routes: how requests from outside come to Services."""

from __future__ import annotations

import msgspec

from licet.diag.place import Path, Place
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import Selectors
from licet.manifest.decode.services import check_number
from licet.model.key import Key
from licet.model.service import Backend, Route

_CLASS = "kubernetes.io/ingress.class"


class PortName(msgspec.Struct, gc=False):
    """ServiceBackendPort: a number or a name."""

    number: int | None = None
    name: str | None = None


class ServiceName(msgspec.Struct, gc=False):
    """IngressServiceBackend."""

    name: str | None = None
    port: PortName | None = None


class Resource(msgspec.Struct, gc=False):
    """Another object as a backend."""

    apiGroup: str | None = None
    kind: str | None = None
    name: str | None = None


class IngressBackend(msgspec.Struct, gc=False):
    """IngressBackend, in the form of v1 and in that of v1beta1."""

    service: ServiceName | None = None
    resource: Resource | None = None
    serviceName: str | None = None
    servicePort: int | str | None = None


class IngressPath(msgspec.Struct, gc=False):
    """HTTPIngressPath."""

    backend: IngressBackend | None = None


class Http(msgspec.Struct, gc=False):
    """HTTPIngressRuleValue."""

    paths: list[IngressPath | None] | None = None


class IngressRule(msgspec.Struct, gc=False):
    """IngressRule."""

    host: str | None = None
    http: Http | None = None


class IngressSpec(msgspec.Struct, gc=False):
    """IngressSpec; `backend` is what v1beta1 calls the default backend."""

    ingressClassName: str | None = None
    defaultBackend: IngressBackend | None = None
    backend: IngressBackend | None = None
    rules: list[IngressRule | None] | None = None


class IngressFields(msgspec.Struct, gc=False):
    """networking.k8s.io Ingress."""

    metadata: Meta | None = None
    spec: IngressSpec | None = None


class RouteTarget(msgspec.Struct, gc=False):
    """Where an OpenShift Route leads."""

    kind: str | None = None
    name: str | None = None
    weight: int | None = None


class RoutePort(msgspec.Struct, gc=False):
    """The port of an OpenShift Route."""

    targetPort: int | str | None = None


class RouteSpec(msgspec.Struct, gc=False):
    """What is read of an OpenShift Route's spec."""

    host: str | None = None
    to: RouteTarget | None = None
    alternateBackends: list[RouteTarget | None] | None = None
    port: RoutePort | None = None


class RouteFields(msgspec.Struct, gc=False):
    """route.openshift.io Route."""

    metadata: Meta | None = None
    spec: RouteSpec | None = None


def ingress(wire: IngressFields, key: Key, reader: Reader, _selectors: Selectors) -> Route:
    """An Ingress; with a default backend, or a rule without host, it serves any host."""
    spec = wire.spec or IngressSpec()
    backends: list[Backend] = []
    any_host = False
    for name in ("defaultBackend", "backend"):
        default: IngressBackend | None = getattr(spec, name)
        if default is not None:
            any_host = True
            backends.append(_ingress_backend(default, ("spec", name), key, reader))
    hosts: list[str] = []
    for i, rule in enumerate(spec.rules or ()):
        host = rule.host if rule is not None else None
        if host:
            hosts.append(host)
        else:
            any_host = True
        for j, entry in enumerate((rule.http.paths if rule and rule.http else None) or ()):
            at = ("spec", "rules", i, "http", "paths", j, "backend")
            wanted = entry.backend if entry is not None else None
            backends.append(_ingress_backend(wanted or IngressBackend(), at, key, reader))
    if not spec.rules and not backends:
        reader.refuse(("spec",), "has neither rules nor a default backend", "give it `rules` or `defaultBackend`")
    annotations = wire.metadata.annotations if wire.metadata else None
    annotated = annotations.get(_CLASS) if isinstance(annotations, dict) else None
    class_name = spec.ingressClassName or (annotated if isinstance(annotated, str) else "")
    hostnames = () if any_host else tuple(dict.fromkeys(hosts))
    return Route(key, tuple(backends), None, hostnames, class_name, reader.origin)


def openshift_route(wire: RouteFields, key: Key, reader: Reader, _selectors: Selectors) -> Route:
    """An OpenShift Route. A port by name is the Service's; a port by number is that of the endpoints.

    The router looks a name up among the endpoints' ports, which bear the names of the Service's ports
    (RoutePort of route.openshift.io/v1). A backend of weight 0 gets nothing.
    """
    spec = wire.spec or RouteSpec()
    asked = spec.port.targetPort if spec.port else None
    if isinstance(asked, str) and asked.isdecimal():
        asked = int(asked)
    backends: list[Backend] = []
    listed: list[tuple[Path, RouteTarget | None]] = [(("spec", "to"), spec.to)]
    listed.extend((("spec", "alternateBackends", i), entry) for i, entry in enumerate(spec.alternateBackends or ()))
    for path, target in listed:
        if target is None or not target.name:
            reader.refuse((*path, "name"), "is missing", "name a Service")
        elif target.weight != 0:
            backends.append(
                Backend(
                    key.namespace,
                    target.name,
                    asked if isinstance(asked, str) else None,
                    Place(reader.origin, path),
                    kind=target.kind or "Service",
                    target=check_number(asked, ("spec", "port", "targetPort"), reader)
                    if isinstance(asked, int)
                    else None,
                )
            )
    hostnames = (spec.host,) if spec.host else ()
    return Route(key, tuple(backends), None, hostnames, "", reader.origin)


def _ingress_backend(wire: IngressBackend, path: Path, key: Key, reader: Reader) -> Backend:
    place = Place(reader.origin, path)
    if wire.resource is not None:
        named = wire.resource
        return Backend(key.namespace, named.name or "", None, place, named.apiGroup or "", named.kind or "")
    if wire.service is not None:
        name, port = wire.service.name, wire.service.port or PortName()
        at = (*path, "service")
        number = check_number(port.number, (*at, "port", "number"), reader) if port.number is not None else None
        if (number is None) == (not port.name):
            reader.refuse((*at, "port"), "is not exactly one of `number` and `name`", "name the Service's port")
        chosen: int | str | None = number if number is not None else port.name
    else:
        name, chosen, at = wire.serviceName, wire.servicePort, path
        if isinstance(chosen, str) and chosen.isdecimal():
            chosen = int(chosen)
    if not name:
        reader.refuse(at, "names no Service", "name the Service that serves this")
    return Backend(key.namespace, name or "", chosen, place)
