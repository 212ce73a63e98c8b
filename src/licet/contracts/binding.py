"""Which workload a contract is about, what it serves in numbers, and who is default-deny because of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from licet.contracts import disagreement
from licet.contracts.agreement import Closed, Isolated
from licet.contracts.contract import Contract, Contracts, Isolation, Mode, NamespaceContract, Port, Serve
from licet.contracts.roster import Roster
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet


class Entry(msgspec.Struct, frozen=True):
    """One entry of `serves` and the ports of the pods that it means."""

    serve: Serve
    ports: PortSet


class Bound(msgspec.Struct, frozen=True):
    """A contract and its workload. `place` is the contract's target, `mode` what it inherits or says."""

    key: Key
    contract: Contract
    entries: tuple[Entry, ...]
    place: Place
    mode: Mode


def served(entries: Iterable[Entry]) -> PortSet:
    """The ports of all entries together."""
    return PortSet.of(*(run for entry in entries for run in entry.ports.ranges()))


class Bindings:
    """Contracts by workload; `isolated` holds whoever is default-deny, `closed` the namespaces that are so whole."""

    def __init__(self, declared: Contracts, roster: Roster) -> None:
        self._roster = roster
        self._declared = declared
        self._namespaces = {namespace.namespace: namespace for namespace in declared.namespaces}
        self.diagnostics: list[Diagnostic] = []
        self.bound: dict[Key, Bound] = {}
        self.isolated: dict[Key, Isolated] = {}
        self.closed: dict[str, Closed] = {}
        for contract in declared.contracts:
            self._bind(contract)
        for namespace in declared.namespaces:
            self._isolate(namespace)
        self._tell_of_others()

    def _bind(self, contract: Contract) -> None:
        place = _target_place(contract)
        fitting = self._roster.named(contract.target)
        if len(fitting) != 1:
            self.diagnostics.append(self._unbound(contract, fitting, place))
            return
        [key] = fitting
        if key in self.bound:
            self.diagnostics.append(disagreement.second_contract(place, str(key), self.bound[key].place))
            return
        if self._on_nodes(key):
            self.diagnostics.append(disagreement.host_network(place, str(key)))
            return
        entries = tuple(self._entry(serve, key) for serve in contract.serves)
        mode = contract.mode or self._mode(key.namespace)
        self.bound[key] = Bound(key, contract, entries, place, mode)
        self.isolated[key] = Isolated(key, mode, place, ingress=not contract.annotated)

    def _unbound(self, contract: Contract, fitting: list[Key], place: Place) -> Diagnostic:
        name = f"{contract.key.namespace}/{contract.key.name}"
        if fitting:
            return disagreement.several_workloads(place, name, [str(key) for key in fitting])
        target = contract.target
        text = f"{target.namespace}/{target.name}" + (f"[{target.kind}]" if target.kind else "")
        return disagreement.no_workload(place, name, text, self._roster.close(target))

    def _mode(self, namespace: str) -> Mode:
        own = self._namespaces.get(namespace)
        return (own.mode if own else None) or self._declared.mode or Mode.ENFORCE

    def _entry(self, serve: Serve, key: Key) -> Entry:
        ports, unknown = self.numbers(serve.ports, key)
        where = serve.place.at("ports")
        for name in unknown:
            self.diagnostics.append(disagreement.no_named_port(where, str(key), name, self.port_names(key)))
        declared = self.declared(key)
        if declared and (deaf := ports - declared):
            self.diagnostics.append(disagreement.nobody_listens(where, str(key), str(deaf), str(declared)))
        return Entry(serve, ports)

    def numbers(self, ports: Sequence[Port], key: Key) -> tuple[PortSet, list[str]]:
        """Ports of a workload in numbers, and the names that none of its containers gives."""
        ranges: list[PortRange] = []
        unknown: list[str] = []
        for port in ports:
            if isinstance(port, PortRange):
                ranges.append(port)
                continue
            found = [
                PortRange(protocol, number, number)
                for member in self._roster.members[key]
                for protocol, number in member.port_numbers(port.name, port.protocol)
            ]
            ranges += found
            if not found:
                unknown.append(port.name)
        return PortSet.of(*ranges), unknown

    def port_names(self, key: Key) -> list[str]:
        """The names that the containers of a workload give to ports."""
        return list(dict.fromkeys(p.name for m in self._roster.members[key] for p in m.ports if p.name))

    def declared(self, key: Key) -> PortSet:
        """The ports that the containers of a workload declare; documentation only, so an empty set says nothing."""
        return PortSet.of(
            *(PortRange(p.protocol, p.number, p.number) for m in self._roster.members[key] for p in m.ports)
        )

    def _isolate(self, namespace: NamespaceContract) -> None:
        if namespace.isolate is not Isolation.ALL:
            return
        place = Place(namespace.origin, ("spec", "isolate"))
        mode = self._mode(namespace.namespace)
        self.closed[namespace.namespace] = Closed(namespace.namespace, mode, place)
        for key in self._roster.in_namespace(namespace.namespace):
            held = self.isolated.get(key)
            is_open = held is None or not held.ingress
            if is_open and not self._on_nodes(key):
                self.isolated[key] = Isolated(key, mode, place)

    def _on_nodes(self, key: Key) -> bool:
        """Pods on their node's network cannot be held to a contract."""
        return any(member.host_network for member in self._roster.members[key])

    def _tell_of_others(self) -> None:
        """One finding a namespace for the workloads that have no contract beside those that have."""
        firsts: dict[str, Place] = {}
        for bound in self.bound.values():
            firsts.setdefault(bound.key.namespace, bound.place)
        for namespace in self._declared.namespaces:
            firsts[namespace.namespace] = Place(namespace.origin)
        for name, place in firsts.items():
            whole = [key for key in self._roster.in_namespace(name) if not self._on_nodes(key)]
            others = [key.name for key in whole if key not in self.bound]
            if others:
                self.diagnostics.append(disagreement.without_contract(place, name, others, len(whole)))


def _target_place(contract: Contract) -> Place:
    if contract.annotated:
        return Place(contract.origin, ("metadata", "annotations", "licet.dev/calls"))
    return Place(contract.origin, ("spec", "targetRef"))
