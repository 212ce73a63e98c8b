"""Workloads of well-known custom resources: Argo Rollouts, Knative Services, KubeVirt machines.

Which labels their controllers set is read from their sources: argo-rollouts `utils/defaults`, Knative
`pkg/reconciler/revision/resources` (`makeLabels`, `makeQueueContainer`), KubeVirt `virt-controller/services`
(`podLabels`, `getPortsFromVMI`).
"""

from __future__ import annotations

import msgspec

from licet.diag.place import Path
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.network_policy import PROTOCOLS
from licet.manifest.decode.selectors import Selectors
from licet.manifest.decode.templates import NO_ADDRESS, PodTemplate, workload
from licet.manifest.decode.workloads import NODE_LABELS
from licet.model.key import Key
from licet.model.ports import FIRST_PORT, LAST_PORT, Protocol
from licet.model.workload import ContainerPort, Workload

_TEMPLATE: Path = ("spec", "template")
_ROLLOUT_CERTAIN = frozenset({"rollouts-pod-template-hash"})
_ROLLOUT_LABELS = NODE_LABELS | _ROLLOUT_CERTAIN
_KNATIVE = "serving.knative.dev/"
_KNATIVE_CERTAIN = frozenset({"app", "pod-template-hash", _KNATIVE + "revision", _KNATIVE + "revisionUID"})
_KNATIVE_LABELS = NODE_LABELS.union(
    _KNATIVE_CERTAIN, (_KNATIVE + name for name in ("configurationGeneration", "configurationUID", "serviceUID"))
)
_KNATIVE_PORTS = {"http-queueadm": 8022, "http-autometric": 9090, "http-usermetric": 9091}
_MACHINE_LABELS = frozenset({"kubevirt.io/created-by", "vm.kubevirt.io/name", "vmi.kubevirt.io/id"})
_MACHINE_RUNTIME = NODE_LABELS | _MACHINE_LABELS | {"kubevirt.io/nodeName", "kubevirt.io/migrationJobUID"}


class Reference(msgspec.Struct, gc=False):
    """A reference to an object of the same namespace."""

    apiVersion: str = ""
    kind: str = ""
    name: str = ""


class Labelled(msgspec.Struct, gc=False):
    """Labels that a Rollout adds to pods while it lasts."""

    labels: dict[str, str | None] | None = None


class Strategy(msgspec.Struct, gc=False):
    """What a Rollout's strategy does to labels."""

    canaryMetadata: Labelled | None = None
    stableMetadata: Labelled | None = None
    activeMetadata: Labelled | None = None
    previewMetadata: Labelled | None = None


class Strategies(msgspec.Struct, gc=False):
    """A Rollout's strategy; one is set."""

    canary: Strategy | None = None
    blueGreen: Strategy | None = None


class RolloutSpec(msgspec.Struct, gc=False):
    """What is read of a Rollout's spec."""

    template: PodTemplate | None = None
    workloadRef: Reference | None = None
    strategy: Strategies | None = None


class Rollout(msgspec.Struct, gc=False):
    """argoproj.io Rollout."""

    metadata: Meta | None = None
    spec: RolloutSpec | None = None


class ServiceSpec(msgspec.Struct, gc=False):
    """What is read of a Knative Service's spec."""

    template: PodTemplate | None = None


class KnativeService(msgspec.Struct, gc=False):
    """serving.knative.dev Service."""

    metadata: Meta | None = None
    spec: ServiceSpec | None = None


class InterfacePort(msgspec.Struct, gc=False):
    """A port of a machine's network interface."""

    port: int | None = None
    name: str | None = None
    protocol: str | None = None


class Interface(msgspec.Struct, gc=False):
    """A machine's network interface."""

    ports: list[InterfacePort | None] | None = None


class Devices(msgspec.Struct, gc=False):
    """A machine's devices."""

    interfaces: list[Interface | None] | None = None


class Domain(msgspec.Struct, gc=False):
    """A machine's hardware."""

    devices: Devices | None = None


class MachineSpec(msgspec.Struct, gc=False):
    """What is read of a VirtualMachineInstance's spec."""

    domain: Domain | None = None


class MachineInstance(msgspec.Struct, gc=False):
    """kubevirt.io VirtualMachineInstance."""

    metadata: Meta | None = None
    spec: MachineSpec | None = None


class MachineTemplate(msgspec.Struct, gc=False):
    """What is read of a VirtualMachine's spec."""

    template: MachineInstance | None = None


class Machine(msgspec.Struct, gc=False):
    """kubevirt.io VirtualMachine."""

    metadata: Meta | None = None
    spec: MachineTemplate | None = None


def rollout(wire: Rollout, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """An Argo Rollout. With `workloadRef` the template is another object's, which is looked up when all are read."""
    spec = wire.spec or RolloutSpec()
    runtime = _ROLLOUT_LABELS | _passing_labels(spec.strategy)
    if spec.template is None and spec.workloadRef is not None:
        target = spec.workloadRef
        group = target.apiVersion.rpartition("/")[0]
        owner = Key(key.cluster, group, target.kind or "Deployment", key.namespace, target.name)
        reader.references[key] = owner
        certain = _ROLLOUT_CERTAIN
        return Workload(key, {}, runtime, (), False, NO_ADDRESS, "default", reader.origin, certain_labels=certain)
    made = workload(spec.template, _TEMPLATE, key, runtime, reader, selectors, certain=_ROLLOUT_CERTAIN)
    return without_labels(made, _passing_labels(spec.strategy))


def without_labels(made: Workload, keys: frozenset[str]) -> Workload:
    """The workload with some labels unknown, whatever its template says."""
    if keys.isdisjoint(made.labels):
        return made
    labels = {key: value for key, value in made.labels.items() if key not in keys}
    return msgspec.structs.replace(made, labels=labels, runtime_labels=made.runtime_labels | keys)


def knative_service(wire: KnativeService, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """A Knative Service. Its pods hold the user's container, whose port is renamed, and the queue proxy."""
    template = wire.spec.template if wire.spec else None
    made = workload(template, _TEMPLATE, key, _KNATIVE_LABELS, reader, selectors, certain=_KNATIVE_CERTAIN)
    labels = {_KNATIVE + "service": key.name, _KNATIVE + "configuration": key.name} | dict(made.labels)
    http2 = any(port.name == "h2c" for port in made.ports)
    users = [msgspec.structs.replace(port, name="user-port") for port in made.ports[:1]]
    ports = {**_KNATIVE_PORTS, "queue-port": 8013 if http2 else 8012}
    queue = [ContainerPort(name, Protocol.TCP, number) for name, number in ports.items()]
    users = users or [ContainerPort("user-port", Protocol.TCP, 8080)]
    return msgspec.structs.replace(made, labels=labels, ports=(*users, *queue))


def machine(wire: Machine, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """A KubeVirt VirtualMachine; its pods get the labels of the template."""
    template = wire.spec.template if wire.spec else None
    if template is None:
        reader.refuse(_TEMPLATE, "is missing", "give the machine its template")
        template = MachineInstance()
    return _machine(template, key, _TEMPLATE, reader, selectors)


def machine_instance(wire: MachineInstance, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """A KubeVirt VirtualMachineInstance; its pod gets its labels."""
    return _machine(wire, key, (), reader, selectors)


def _machine(wire: MachineInstance, key: Key, path: Path, reader: Reader, selectors: Selectors) -> Workload:
    own = selectors.labels(wire.metadata.labels if wire.metadata else None, (*path, "metadata", "labels"))
    labels = {name: value for name, value in own.items() if name not in _MACHINE_LABELS}
    labels["kubevirt.io"] = "virt-launcher"
    ports: list[ContainerPort] = []
    domain = wire.spec.domain if wire.spec else None
    interfaces = domain.devices.interfaces if domain and domain.devices else None
    for i, interface in enumerate(interfaces or ()):
        for j, port in enumerate((interface.ports if interface else None) or ()):
            at = (*path, "spec", "domain", "devices", "interfaces", i, "ports", j)
            ports.append(_interface_port(port or InterfacePort(), at, reader))
    runtime = _MACHINE_RUNTIME.difference(labels)
    return Workload(key, labels, runtime, tuple(ports), False, NO_ADDRESS, "default", reader.origin)


def _interface_port(wire: InterfacePort, path: Path, reader: Reader) -> ContainerPort:
    protocol = PROTOCOLS.get(wire.protocol or "TCP")
    if protocol is None:
        reader.refuse((*path, "protocol"), f"is `{wire.protocol}`", "use TCP or UDP")
        protocol = Protocol.TCP
    if wire.port is None or not FIRST_PORT <= wire.port <= LAST_PORT:
        reader.refuse((*path, "port"), "is no port", "a port is a number from 1 to 65535")
        return ContainerPort("", protocol, FIRST_PORT)
    return ContainerPort(wire.name or "", protocol, wire.port)


def _passing_labels(strategies: Strategies | None) -> frozenset[str]:
    """Labels that the strategy adds and takes away again while a new version is rolled out."""
    found: set[str] = set()
    for strategy in (strategies.canary, strategies.blueGreen) if strategies else ():
        if strategy is not None:
            for extra in (
                strategy.canaryMetadata,
                strategy.stableMetadata,
                strategy.activeMetadata,
                strategy.previewMetadata,
            ):
                found.update((extra.labels if extra else None) or ())
    return frozenset(found)
