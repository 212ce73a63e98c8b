"""Which workloads get a policy, and which agreements it has to let through: the same for every target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import msgspec

from licet.compile import findings
from licet.compile.selectors import Confused, Labels, Missing, OnHosts, Selected, Selections
from licet.contracts.agreement import Agreement, Agreements, End, Isolated, Pods
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
    """One policy for every pod of a namespace, known or not: nothing enters or leaves."""

    namespace: str
    place: Place


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
            not member.host_network and member.bears(pods) is Ternary.YES for member in members
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
        others: dict[tuple[str, Mode], list[Isolated]] = {}
        for _, isolated in sorted(self._agreements.isolated.items()):
            if isolated.mode is Mode.ENFORCE:
                wanted.append(isolated)
            else:
                others.setdefault((isolated.key.namespace, isolated.mode), []).append(isolated)
        for (_, mode), alike in others.items():
            names = [str(one.key) for one in alike]
            self._diagnostics.append(findings.not_enforced(alike[0].place, names, mode.value, self._target))
        wholes = self._wholes(wanted)
        closed = {whole.namespace for whole in wholes}
        plans = [plan for isolated in wanted if (plan := self._plan(isolated, closed))]
        return Planned(tuple(plans), wholes, self._refused, tuple(self._diagnostics))

    def _plan(self, isolated: Isolated, closed: Set[str]) -> Plan | None:
        key = isolated.key
        selection = self._selections.of(key)
        if isinstance(selection, OnHosts):
            finding = findings.host_network(isolated.place, str(key), alone=not by_namespace(isolated))
            self._refuse(key, "it has the network of its nodes", finding)
            return None
        ingress = tuple(self._of(Direction.INGRESS, key)) if isolated.ingress else None
        egress = tuple(self._of(Direction.EGRESS, key))
        if key.namespace in closed and by_namespace(isolated) and not ingress and not egress:
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

    def _wholes(self, wanted: Iterable[Isolated]) -> tuple[Whole, ...]:
        """One for each namespace that is closed, unless somebody in it is not: one policy would close them too."""
        both_ways = {isolated.key for isolated in wanted if isolated.ingress}
        found: list[Whole] = []
        for namespace, closed in sorted(self._agreements.closed.items()):
            if closed.mode is not Mode.ENFORCE:
                continue
            open_ = [
                str(workload.subject)
                for workload in self._selections.neighbours(namespace)
                if not workload.host_network and not {workload.key, workload.owner} & both_ways
            ]
            if open_:
                finding = findings.not_closed(closed.place, namespace, list(dict.fromkeys(open_)))
                self._diagnostics.append(finding)
            else:
                found.append(Whole(namespace, closed.place))
        return tuple(found)


def by_namespace(isolated: Isolated) -> bool:
    """Whether the namespace's line isolates this workload, not a contract of its own."""
    return isolated.place.path[-1:] == (_ISOLATE,)
