"""What a cluster holds, as lines that a person can write down from reading the manifests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from licet.diag.diagnostic import Diagnostic
from licet.model.cluster import Cluster
from licet.model.service import Service, ServicePort
from licet.model.ternary import Ternary
from licet.model.workload import Workload


def workloads(cluster: Cluster) -> dict[str, str]:
    """Per workload its container ports, such as `grpc TCP 8080, TCP 9090`."""
    return {
        str(w.key): ", ".join(f"{port.name} {port.protocol.name} {port.number}".strip() for port in w.ports)
        for w in cluster.workloads
    }


def services(cluster: Cluster) -> dict[str, list[str]]:
    """Per Service and port the workloads that it leads to and the port there."""
    return {
        f"{service.key.namespace}/{service.key.name} {port.name} {port.protocol.name} {port.port}".replace("  ", " "): [
            f"{w.key} {target}" for w in cluster.workloads if _selects(service, w) for target in _targets(port, w)
        ]
        for service in cluster.services
        for port in service.ports
    }


def _selects(service: Service, workload: Workload) -> bool:
    return (
        service.selector is not None
        and workload.key.namespace == service.key.namespace
        and service.selector.matches(workload.labels, workload.runtime_labels) is Ternary.YES
    )


def _targets(port: ServicePort, workload: Workload) -> list[int]:
    if isinstance(port.target, int):
        return [port.target]
    return [number for _, number in workload.port_numbers(port.target, port.protocol)]


def paths(cluster: Cluster, documents: Mapping[str, Any]) -> dict[str, str]:
    """Per Ingress and path the Service and port behind it; `documents` holds the Ingresses as they were read."""
    found = {}
    for route in cluster.routes:
        for backend in route.backends:
            value = documents[str(route.key)]
            for step in backend.place.path[: backend.place.path.index("paths") + 2]:
                value = value[step]
            found[f"{route.key} {value['pathType']} {value['path']}"] = (
                f"{backend.namespace}/{backend.name} {backend.port}"
            )
    return found


def given_again(found: Iterable[Diagnostic]) -> Counter[str]:
    """Per object how often it was given once more."""
    return Counter(finding.message.split("`")[1] for finding in found if finding.code == "L0106")


def otherwise(found: Iterable[Diagnostic]) -> list[str]:
    """Every other finding, as `code message`."""
    return sorted(f"{finding.code} {finding.message}" for finding in found if finding.code != "L0106")
