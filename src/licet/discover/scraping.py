"""Pods whose metrics are collected: by annotation, ServiceMonitor and PodMonitor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from licet.contracts.contract import PlatformPart, PlatformPeer
from licet.diag.place import Place
from licet.discover.edge import Evidence
from licet.discover.names import Names
from licet.discover.pods import Pods, items, mapping, text
from licet.manifest.documents import Document
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import FIRST_PORT, LAST_PORT, PortRange, Protocol, port_number
from licet.model.selector import Operator, Requirement, Selector
from licet.model.service import Service
from licet.model.ternary import Ternary
from licet.model.workload import Workload

METRICS = PlatformPeer(PlatformPart.METRICS)
_SCRAPE, _PORT = "prometheus.io/scrape", "prometheus.io/port"


def of_pods(pods: Pods, workload: Workload) -> Iterator[Evidence]:
    """What the annotations of pods ask for: the port they name, or the one port there is."""
    annotations = pods.annotations()
    if annotations.get(_SCRAPE) != "true":
        return
    place = pods.place("metadata", "annotations", _PORT if _PORT in annotations else _SCRAPE)
    yield from _annotated(workload.key, annotations, place, workload, None)


def of_documents(documents: Sequence[Document], cluster: Cluster, names: Names, namespace: str) -> Iterator[Evidence]:
    """What annotations of Services, ServiceMonitors and PodMonitors ask for."""
    origins = {service.origin for service in cluster.services}
    metadata = {d.origin: mapping(d.value.get("metadata")) for d in documents if d.origin in origins}
    for service in cluster.services:
        annotations = mapping(metadata.get(service.origin, {}).get("annotations"))
        if annotations.get(_SCRAPE) == "true":
            place = Place(service.origin, ("metadata", "annotations", _PORT if _PORT in annotations else _SCRAPE))
            for workload, _ in names.behind(service):
                yield from _annotated(workload.key, annotations, place, workload, service)
    labels = {service.key: _labels(metadata.get(service.origin, {})) for service in cluster.services}
    for document in documents:
        if document.api_version.startswith("monitoring.coreos.com/"):
            match document.kind:
                case "ServiceMonitor":
                    yield from _service_monitor(_Monitor.of(document, namespace), cluster, names, labels)
                case "PodMonitor":
                    yield from _pod_monitor(_Monitor.of(document, namespace), names)
                case _:
                    pass


def _annotated(
    key: Key, annotations: Mapping[str, Any], place: Place, workload: Workload, service: Service | None
) -> Iterator[Evidence]:
    written = port_number(text(annotations.get(_PORT)))
    if written is not None:
        yield Evidence(METRICS, key, place, f"{_PORT}: {written}", port=_tcp(written))
        return
    said = f"{_SCRAPE}: true"
    if service is not None and len(service.ports) == 1 and isinstance(service.ports[0].target, int):
        yield Evidence(METRICS, key, place, said, port=_tcp(service.ports[0].target))
        return
    declared = [port.number for port in workload.ports if port.protocol is Protocol.TCP]
    if len(declared) == 1:
        yield Evidence(METRICS, key, place, said, port=_tcp(declared[0]))
    else:
        yield Evidence(METRICS, key, place, said, doubt=f"no port is written, and the pods have {len(declared)}")


class _Monitor(msgspec.Struct, frozen=True):
    """What a ServiceMonitor and a PodMonitor have in common. `namespaces` None is all of them."""

    document: Document
    selector: Selector
    namespaces: frozenset[str] | None
    text: str

    @classmethod
    def of(cls, document: Document, namespace: str) -> _Monitor:
        spec, meta = mapping(document.value.get("spec")), mapping(document.value.get("metadata"))
        among = mapping(spec.get("namespaceSelector"))
        own = text(meta.get("namespace")) or namespace
        chosen = frozenset(text(name) for name in items(among.get("matchNames"))) or frozenset({own})
        return cls(
            document,
            _selector(mapping(spec.get("selector"))),
            None if among.get("any") is True else chosen,
            f"{document.kind} `{own}/{text(meta.get('name'))}`",
        )

    def endpoints(self, field: str) -> Iterator[tuple[Mapping[str, Any], Place]]:
        listed = items(mapping(self.document.value.get("spec")).get(field))
        for at, endpoint in enumerate(listed):
            yield mapping(endpoint), Place(self.document.origin, ("spec", field, at))

    def covers(self, namespace: str) -> bool:
        return self.namespaces is None or namespace in self.namespaces


def _service_monitor(
    monitor: _Monitor, cluster: Cluster, names: Names, labels: Mapping[Key, Mapping[str, str]]
) -> Iterator[Evidence]:
    for service in cluster.services:
        if not monitor.covers(service.key.namespace):
            continue
        if monitor.selector.matches(labels[service.key]) is not Ternary.YES:
            continue
        for endpoint, place in monitor.endpoints("endpoints"):
            wanted = text(endpoint.get("port"))
            number = next((port.port for port in service.ports if port.name == wanted), None) if wanted else None
            if number is not None:
                for reached in names.reach(service, number, Protocol.TCP):
                    if isinstance(reached.callee, Key):
                        yield Evidence(METRICS, reached.callee, place, monitor.text, port=reached.port)
            elif not wanted:
                for workload, _ in names.behind(service):
                    for port in _pod_ports(endpoint, workload):
                        yield Evidence(METRICS, workload.key, place, monitor.text, port=port)


def _pod_monitor(monitor: _Monitor, names: Names) -> Iterator[Evidence]:
    for workload, certain in names.selection.selected(monitor.selector):
        if not certain or not monitor.covers(workload.key.namespace):
            continue
        for endpoint, place in monitor.endpoints("podMetricsEndpoints"):
            for port in _pod_ports(endpoint, workload):
                yield Evidence(METRICS, workload.key, place, monitor.text, port=port)


def _pod_ports(endpoint: Mapping[str, Any], workload: Workload) -> list[PortRange]:
    """The pods' port that an endpoint asks for, by `port`, `portNumber` or `targetPort`."""
    for field in ("port", "portNumber", "targetPort"):
        wanted = endpoint.get(field)
        if isinstance(wanted, int) and not isinstance(wanted, bool) and FIRST_PORT <= wanted <= LAST_PORT:
            return [_tcp(wanted)]
        if isinstance(wanted, str) and wanted:
            return [PortRange(own, number, number) for own, number in workload.port_numbers(wanted, Protocol.TCP)]
    return []


def _selector(value: Mapping[str, Any]) -> Selector:
    """A label selector; what is not well formed in it is left out."""
    found = [
        Requirement(key, Operator.IN, (wanted,))
        for key, wanted in mapping(value.get("matchLabels")).items()
        if isinstance(wanted, str)
    ]
    for entry in items(value.get("matchExpressions")):
        key, operator = text(mapping(entry).get("key")), text(mapping(entry).get("operator"))
        if key and operator in list(Operator):
            values = tuple(sorted({text(one) for one in items(mapping(entry).get("values"))}))
            found.append(Requirement(key, Operator(operator), values))
    return Selector.of(found)


def _labels(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    return {key: value for key, value in mapping(metadata.get("labels")).items() if isinstance(value, str)}


def _tcp(number: int) -> PortRange:
    return PortRange(Protocol.TCP, number, number)
