"""The pod template, which every workload has, and what of it decides who reaches whom."""

from __future__ import annotations

import msgspec

from licet.diag.place import Path
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.network_policy import PORT_NAME, PROTOCOLS, is_port_name
from licet.manifest.decode.selectors import Selectors
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import FIRST_PORT, LAST_PORT
from licet.model.workload import ContainerPort, Workload

NO_ADDRESS = AddressSet()


class PortFields(msgspec.Struct, gc=False):
    """ContainerPort."""

    containerPort: int | None = None
    name: str | None = None
    protocol: str | None = None


class Container(msgspec.Struct, gc=False):
    """Container, as far as it is read."""

    image: str | None = None
    ports: list[PortFields | None] | None = None
    restartPolicy: str | None = None


class PodSpec(msgspec.Struct, gc=False):
    """PodSpec, as far as it is read."""

    containers: list[Container | None] | None = None
    initContainers: list[Container | None] | None = None
    hostNetwork: bool | None = None
    nodeName: str | None = None
    serviceAccountName: str | None = None
    serviceAccount: str | None = None


class PodTemplate(msgspec.Struct, gc=False):
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
    certain: frozenset[str] = frozenset(),
) -> Workload:
    """The workload whose pods come from the template at `path`. Keys that the template gives are known.

    `runtime` are keys that a controller sets, those in `certain` on every pod.
    """
    if template is None:
        help = "a workload has a pod template; if this is a patch, leave it out of the paths"
        reader.refuse(path, "is missing", help)
        return Workload(key, {}, runtime, (), False, addresses, "default", reader.origin, certain_labels=certain)
    spec = template.spec or PodSpec()
    if not spec.containers:
        at, meaning = (*path, "spec", "containers"), "it is read as pods without ports"
        reader.tolerate(at, "is missing", "a pod has at least one container", meaning)
    reader.partial = any(container is None or not container.image for container in spec.containers or (None,))
    labels: dict[str, str] = {}
    if template.metadata is not None and template.metadata.labels:
        labels = selectors.labels(template.metadata.labels, (*path, "metadata", "labels"))
    if not runtime.isdisjoint(labels):
        runtime = runtime.difference(labels)
        certain = certain.difference(labels)
    return Workload(
        key,
        labels,
        runtime,
        _ports(spec, (*path, "spec"), reader),
        spec.hostNetwork is True,
        addresses,
        spec.serviceAccountName or spec.serviceAccount or "default",
        reader.origin,
        certain_labels=certain,
    )


def _ports(spec: PodSpec, path: Path, reader: Reader) -> tuple[ContainerPort, ...]:
    """Ports of the containers, then of the init containers that stay (restartPolicy Always: sidecars)."""
    ports: list[ContainerPort] = []
    for i, container in enumerate(spec.containers or ()):
        if container is not None and container.ports:
            ports.extend(_declared(container, (*path, "containers", i), reader))
    for i, container in enumerate(spec.initContainers or ()):
        if container is not None and container.ports and container.restartPolicy == "Always":
            ports.extend(_declared(container, (*path, "initContainers", i), reader))
    return tuple(ports)


def _declared(container: Container, path: Path, reader: Reader) -> list[ContainerPort]:
    """A container's ports; one that the API server would refuse is left out, the workload stays."""
    ports: list[ContainerPort] = []
    for j, wire in enumerate(container.ports or ()):
        number = wire.containerPort if wire is not None else None
        protocol = PROTOCOLS.get((wire.protocol if wire is not None else None) or "TCP")
        if wire is not None and number is not None and protocol is not None and FIRST_PORT <= number <= LAST_PORT:
            if wire.name and not is_port_name(wire.name):
                at = (*path, "ports", j, "name")
                reader.tolerate(at, f"is not a port name: `{wire.name}`", PORT_NAME, "the name is taken as it is")
            ports.append(ContainerPort(wire.name or "", protocol, number))
        elif wire is not None and protocol is None:
            at = (*path, "ports", j, "protocol")
            reader.tolerate(at, f"is `{wire.protocol}`", "use TCP, UDP or SCTP", "the port is left out")
        else:
            at, problem = (*path, "ports", j, "containerPort"), "is missing" if number is None else f"is {number}"
            reader.tolerate(at, problem, "a port is a number from 1 to 65535", "the port is left out")
    return ports
