"""The pod template, which every workload has, and what of it decides who reaches whom."""

from __future__ import annotations

import msgspec

from licet.diag.place import Path
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.network_policy import PROTOCOLS, check_port_name
from licet.manifest.decode.selectors import Selectors
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import FIRST_PORT, LAST_PORT, Protocol
from licet.model.workload import ContainerPort, Workload

NO_ADDRESS = AddressSet()


class PortFields(msgspec.Struct):
    """ContainerPort."""

    containerPort: int | None = None
    name: str | None = None
    protocol: str | None = None


class Container(msgspec.Struct):
    """Container, as far as it is read."""

    ports: list[PortFields | None] | None = None
    restartPolicy: str | None = None


class PodSpec(msgspec.Struct):
    """PodSpec, as far as it is read."""

    containers: list[Container | None] | None = None
    initContainers: list[Container | None] | None = None
    hostNetwork: bool | None = None
    nodeName: str | None = None
    serviceAccountName: str | None = None
    serviceAccount: str | None = None


class PodTemplate(msgspec.Struct):
    """PodTemplateSpec."""

    metadata: Meta | None = None
    spec: PodSpec | None = None


def workload(
    template: PodTemplate | None,
    path: Path,
    key: Key,
    runtime: frozenset[str],
    reader: Reader,
    selectors: Selectors,
    *,
    addresses: AddressSet = NO_ADDRESS,
) -> Workload:
    """The workload whose pods come from the template at `path`. Keys that the template gives are known."""
    if template is None or template.spec is None or not template.spec.containers:
        missing = (*path, "spec", "containers") if template is not None else path
        help = "a pod has at least one container; if this is a patch, leave it out of the paths"
        reader.refuse(missing, "is missing", help)
        return Workload(key, {}, runtime, (), False, addresses, "default", reader.origin)
    spec = template.spec
    labels: dict[str, str] = {}
    if template.metadata is not None and template.metadata.labels:
        labels = selectors.labels(template.metadata.labels, (*path, "metadata", "labels"))
    if not runtime.isdisjoint(labels):
        runtime = runtime.difference(labels)
    return Workload(
        key,
        labels,
        runtime,
        _ports(spec, (*path, "spec"), reader),
        spec.hostNetwork is True,
        addresses,
        spec.serviceAccountName or spec.serviceAccount or "default",
        reader.origin,
    )


def _ports(spec: PodSpec, path: Path, reader: Reader) -> tuple[ContainerPort, ...]:
    """Ports of the containers, then of the init containers that stay (restartPolicy Always: sidecars)."""
    ports: list[ContainerPort] = []
    for i, container in enumerate(spec.containers or ()):
        if container is not None and container.ports:
            for j, port in enumerate(container.ports):
                ports.append(_port(port, (*path, "containers", i, "ports", j), reader))
    for i, container in enumerate(spec.initContainers or ()):
        if container is not None and container.ports and container.restartPolicy == "Always":
            for j, port in enumerate(container.ports):
                ports.append(_port(port, (*path, "initContainers", i, "ports", j), reader))
    return tuple(ports)


def _port(wire: PortFields | None, path: Path, reader: Reader) -> ContainerPort:
    number = wire.containerPort if wire is not None else None
    if wire is None or number is None:
        reader.refuse((*path, "containerPort"), "is missing", "name the port's number")
        return ContainerPort("", Protocol.TCP, FIRST_PORT)
    if not FIRST_PORT <= number <= LAST_PORT:
        reader.refuse((*path, "containerPort"), f"is {number}", "a port is a number from 1 to 65535")
    if wire.name:
        check_port_name(wire.name, (*path, "name"), reader)
    protocol = PROTOCOLS.get(wire.protocol or "TCP")
    if protocol is None:
        reader.refuse((*path, "protocol"), f"is `{wire.protocol}`", "use TCP, UDP or SCTP")
        protocol = Protocol.TCP
    return ContainerPort(wire.name or "", protocol, number)
