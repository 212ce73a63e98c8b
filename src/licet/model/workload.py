"""What owns pods, and the namespaces they live in."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.diag.place import Origin
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import Protocol
from licet.model.selector import Selector
from licet.model.ternary import Ternary

METADATA_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has: its own name."""


class ContainerPort(msgspec.Struct, frozen=True, gc=False):
    """A port that a container declares; `name` is empty where it has none."""

    name: str
    protocol: Protocol
    number: int


class Workload(msgspec.Struct, frozen=True):
    """Pods that share one template.

    `labels` are the pods' (the template's, never the owner's own). `runtime_labels` are keys that a
    controller sets on the running pods and that the manifest does not give: their values are unknown, not absent;
    every pod has those of them that are in `certain_labels`, the others it may have.
    `ports` keeps the manifest's order, containers before sidecar init containers, since the first port with a
    name wins. `addresses` are the pods' own where they are known (status.podIPs), empty otherwise.
    `owner` is set on what a controller made (a pod, or such as a ReplicaSet in the middle of a rollout) that differs
    in labels, ports, host network or service account from the controller's template or from its siblings.
    """

    key: Key
    labels: Mapping[str, str]
    runtime_labels: frozenset[str]
    ports: tuple[ContainerPort, ...]
    host_network: bool
    addresses: AddressSet
    service_account: str
    origin: Origin
    owner: Key | None = None
    certain_labels: frozenset[str] = frozenset()

    @property
    def subject(self) -> Key:
        """What people declare these pods to be: the controller, also where they differ from its template."""
        return self.owner or self.key

    def bears(self, selector: Selector) -> Ternary:
        """Whether these pods have the labels that a selector asks for."""
        return selector.matches(self.labels, self.runtime_labels, self.certain_labels)

    def port_numbers(self, name: str, protocol: Protocol | None) -> tuple[tuple[Protocol, int], ...]:
        """What a port name means on these pods: per protocol the first container port of that name, or nothing."""
        found: dict[Protocol, int] = {}
        for port in self.ports:
            if port.name == name and protocol in (None, port.protocol):
                found.setdefault(port.protocol, port.number)
        return tuple(found.items())


class Namespace(msgspec.Struct, frozen=True):
    """A namespace and its labels, `kubernetes.io/metadata.name` included.

    Where `declared` is False no manifest holds the namespace: it exists because objects stand in it, and its
    labels other than that name are unknown.
    """

    name: str
    labels: Mapping[str, str]
    declared: bool
    origin: Origin | None = None
