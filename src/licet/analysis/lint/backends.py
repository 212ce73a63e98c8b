"""Backends of routes that are not there: Services that no manifest holds, and ports that a Service does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import msgspec

from licet.model.cluster import Cluster
from licet.model.service import Backend, Route, Service

_EXTERNAL = "ExternalName"


class Dangling(msgspec.Struct, frozen=True):
    """A backend that leads nowhere: to no Service, or with `service` to none of its ports.

    `meant` comes close. `around` is False where the manifests hold nothing else of the backend's namespace.
    """

    route: Route
    backend: Backend
    service: Service | None
    meant: str
    around: bool


def dangling(cluster: Cluster) -> Iterator[Dangling]:
    """The backends of all routes that lead nowhere; those of kinds that are not known are passed over."""
    services: dict[str, dict[str, Service]] = {}
    for service in cluster.services:
        services.setdefault(service.key.namespace, {})[service.key.name] = service
    peopled = {workload.key.namespace for workload in cluster.workloads} | services.keys()
    own_service = {(w.key.namespace, w.key.name) for w in cluster.workloads if w.key.kind == "Service"}
    for route in cluster.routes:
        for backend in dict.fromkeys(route.backends):
            if (backend.group, backend.kind) != ("", "Service") or (backend.namespace, backend.name) in own_service:
                continue
            there = services.get(backend.namespace, {})
            found = there.get(backend.name)
            if found is None:
                meant = next(iter(difflib.get_close_matches(backend.name, there, 1)), "")
                yield Dangling(route, backend, None, meant, backend.namespace in peopled)
            elif not _has_port(found, backend):
                yield Dangling(route, backend, found, _near_port(found, backend), around=True)


def _has_port(service: Service, backend: Backend) -> bool:
    if service.type == _EXTERNAL or (service.selector is None and not service.ports):
        return True
    match backend.port:
        case int(number):
            return any(port.port == number for port in service.ports)
        case str(name):
            return any(port.name == name for port in service.ports)
        case None:
            return True


def _near_port(service: Service, backend: Backend) -> str:
    """The Service's only port, or the one whose name comes close."""
    if len(service.ports) == 1:
        port = service.ports[0]
        return port.name if isinstance(backend.port, str) and port.name else str(port.port)
    names = [port.name for port in service.ports if port.name]
    return next(iter(difflib.get_close_matches(str(backend.port), names, 1)), "")
