"""Which workloads get a policy, and which agreements it has to let through: the same for every target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from licet.compile import findings
from licet.compile.selectors import Confused, Labels, Missing, OnHosts, Selected, Selections
from licet.contracts.agreement import Agreement, Agreements, EdgeKind, End, Isolated, Pods
from licet.contracts.contract import Mode
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.selector import Selector
from licet.model.ternary import Ternary

_ISOLATE = "isolate"
"""The field of a NamespaceContract that isolates workloads without a contract."""


class Plan(msgspec.Struct, frozen=True):
    """One workload's policy: whom it selects, and the agreements of each direction by their position.

    `ingress` is None where callers are not restricted.
    """

    isolated: Isolated
    labels: Labels
    ingress: tuple[int, ...] | None
    egress: tuple[int, ...]

    def of(self, direction: Direction) -> tuple[int, ...] | None:
        """The agreements of one direction; None where it is not restricted."""
        return self.ingress if direction is Direction.INGRESS else self.egress


class Whole(msgspec.Struct, frozen=True):
    """One policy for every pod of a namespace, known or not: nothing enters, and what leaves is asked of the resolver.

    `egress` are the agreements with the resolver that all of its workloads have, those of one of them.
    """

    namespace: str
    place: Place
    egress: tuple[int, ...]


class Planned(msgspec.Struct, frozen=True):
    """All policies to write. `refused` says why a workload that should be isolated gets none."""

    plans: tuple[Plan, ...]
    wholes: tuple[Whole, ...]
    refused: Mapping[Key, str]
    diagnostics: tuple[Diagnostic, ...]


class Parties:
    """Which isolated workloads in mode Enforce an end of an agreement stands for.

    A source among the Platform's pods that is isolated itself is not meant: it has to agree to its own calls.
    """

    def __init__(self, agreements: Agreements, selections: Selections) -> None:
        self._selections = selections
        self._enforced: dict[str, dict[Key, None]] = {}
        for key, isolated in agreements.isolated.items():
            if isolated.mode is Mode.ENFORCE:
                self._enforced.setdefault(key.namespace, {})[key] = None
        self._found: dict[Pods, tuple[Key, ...]] = {}

    def of(self, end: End, direction: Direction) -> tuple[Key, ...]:
        """The workload itself, or, as destinations, those that are surely among the Platform's pods."""
        match end:
            case Key():
                return (end,) if end in self._enforced.get(end.namespace, ()) else ()
            case Pods(namespace=namespace, pods=pods) if direction is Direction.INGRESS:
                if end not in self._found:
                    own = self._enforced.get(namespace, ())
                    self._found[end] = tuple(key for key in own if self._are(key, pods))
                return self._found[end]
            case _:
                return ()

    def _are(self, key: Key, pods: Selector) -> bool:
        members = self._selections.members(key)
        return bool(members) and all(
            not member.host_network and pods.matches(member.labels, member.runtime_labels) is Ternary.YES
            for member in members
        )


def sides_of(agreement: Agreement) -> tuple[tuple[Direction, End], tuple[Direction, End]]:
    """Both ends, with the direction in which each of them meets the edge."""
    return (Direction.EGRESS, agreement.src), (Direction.INGRESS, agreement.dst)


def plan(agreements: Agreements, selections: Selections, target: str) -> Planned:
    """What is to be written for the workloads in mode Enforce."""
    return _Planner(agreements, selections, target).planned()


class _Planner:
    """Plans one compilation."""

    def __init__(self, agreements: Agreements, selections: Selections, target: str) -> None:
        self._agreements = agreements
        self._selections = selections
        self._target = target
        self._parties = Parties(agreements, selections)
        self._sides: dict[Direction, dict[Key, list[int]]] = {Direction.INGRESS: {}, Direction.EGRESS: {}}
        for at, agreement in enumerate(agreements.agreements):
            for direction, end in sides_of(agreement):
                for key in self._parties.of(end, direction):
                    self._sides[direction].setdefault(key, []).append(at)
        self._refused: dict[Key, str] = {}
        self._diagnostics: list[Diagnostic] = []

    def planned(self) -> Planned:
        wanted: list[Isolated] = []
        for _, isolated in sorted(self._agreements.isolated.items()):
            if isolated.mode is Mode.ENFORCE:
                wanted.append(isolated)
            else:
                self._diagnostics.append(
                    findings.not_enforced(isolated.place, str(isolated.key), isolated.mode.value, self._target)
                )
        wholes = self._wholes(wanted)
        plans = [plan for isolated in wanted if (plan := self._plan(isolated, wholes))]
        return Planned(tuple(plans), tuple(wholes.values()), self._refused, tuple(self._diagnostics))

    def _plan(self, isolated: Isolated, wholes: Mapping[str, Whole]) -> Plan | None:
        key = isolated.key
        selection = self._selections.of(key)
        if isinstance(selection, OnHosts):
            finding = findings.host_network(isolated.place, str(key), alone=not by_namespace(isolated))
            self._refuse(key, "it has the network of its nodes", finding)
            return None
        ingress = tuple(self._of(Direction.INGRESS, key)) if isolated.ingress else None
        egress = tuple(self._of(Direction.EGRESS, key))
        whole = wholes.get(key.namespace)
        if whole and by_namespace(isolated) and not ingress and len(egress) == len(whole.egress):
            return None
        match selection:
            case Selected(labels=labels):
                return Plan(isolated, labels, ingress, egress)
            case Confused(labels=labels, others=others) if others:
                shown = ", ".join(f"`{name}: {value}`" for name, value in labels.items()) or "none"
                named = [str(other) for other in others]
                finding = findings.strangers(isolated.place, str(key), shown, named)
                self._refuse(key, f"no selector tells it from `{named[0]}`", finding)
            case Confused():
                self._refuse(key, "its pods have no label that stays", findings.no_labels(isolated.place, str(key)))
            case Missing():
                self._refused[key] = "it is not in the manifests"
        return None

    def _refuse(self, key: Key, reason: str, finding: Diagnostic) -> None:
        self._refused[key] = reason
        self._diagnostics.append(finding)

    def _of(self, direction: Direction, key: Key) -> list[int]:
        return self._sides[direction].get(key, [])

    def _wholes(self, wanted: Iterable[Isolated]) -> dict[str, Whole]:
        """One for each namespace in which every workload is to be isolated both ways, those without a contract too."""
        by_key = {isolated.key: isolated for isolated in wanted if isolated.ingress}
        marks = {key.namespace: isolated.place for key, isolated in by_key.items() if by_namespace(isolated)}
        found: dict[str, Whole] = {}
        for namespace, place in sorted(marks.items()):
            keys = [
                next((key for key in (workload.key, workload.owner) if key in by_key), None)
                for workload in self._selections.neighbours(namespace)
            ]
            known = list(dict.fromkeys(key for key in keys if key is not None))
            if known and None not in keys:
                found[namespace] = Whole(namespace, place, self._questions(known))
        return found

    def _questions(self, keys: list[Key]) -> tuple[int, ...]:
        """The first workload's agreements with the resolver that each of the others has too."""
        first, *others = (
            {
                (agreement.dst, agreement.ports): at
                for at in self._of(Direction.EGRESS, key)
                if (agreement := self._agreements.agreements[at]).kind is EdgeKind.RESOLVER
            }
            for key in keys
        )
        shared = set(first).intersection(*others)
        return tuple(at for likeness, at in first.items() if likeness in shared)


def by_namespace(isolated: Isolated) -> bool:
    """Whether the namespace's line isolates this workload, not a contract of its own."""
    return isolated.place.path[-1:] == (_ISOLATE,)
