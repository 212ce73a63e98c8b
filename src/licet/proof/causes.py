"""Why something differs: the policy, the rule and the line that decide, and one difference a cause."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec

from licet.analysis.explain import Explainer
from licet.contracts.agreement import Addresses, Agreement, End
from licet.model.addresses import AddressSet, address_text
from licet.model.key import Key
from licet.model.policy import Direction, NetworkPolicy
from licet.model.ports import PortSet, Protocol
from licet.model.verdict import Cause, Explanation
from licet.model.workload import Workload
from licet.proof.comparison import Deviation
from licet.proof.ground import Ground
from licet.proof.proof import Difference, Fault, Witness

_EXPLAINED = 100
"""How many deviations of one kind are looked into; the rest are counted together."""

_WANTED = {
    Fault.EXCESS: ("allow", "undetermined"),
    Fault.PERHAPS_EXCESS: ("undetermined", "allow"),
    Fault.MISSING: ("deny",),
    Fault.PERHAPS_MISSING: ("undetermined",),
}


class Causes:
    """Explains deviations of one answer."""

    def __init__(self, ground: Ground) -> None:
        self._reach = ground.reach
        self._units = ground.units
        self._expectations = ground.expectations
        self._isolated = ground.isolated
        self._agreements = ground.agreements.agreements
        self._names = ground.names
        self._policies: dict[str, list[NetworkPolicy]] = {}
        for policy in ground.reach.cluster.network_policies:
            self._policies.setdefault(policy.key.namespace, []).append(policy)

    def differences(self, deviations: Iterable[Deviation]) -> list[Difference]:
        """One difference a fault and cause, in the order in which they were met."""
        groups: dict[tuple[object, ...], Difference] = {}
        looked: dict[Fault, int] = {}
        for deviation in deviations:
            looked[deviation.fault] = looked.get(deviation.fault, 0) + 1
            if looked[deviation.fault] > _EXPLAINED:
                key: tuple[object, ...] = (deviation.fault,)
                found = groups.get(key) or self._difference(deviation, None)
            else:
                cause, side = self._cause(deviation)
                key = (deviation.fault, *self._marks(deviation, cause, side))
                found = groups.get(key) or self._difference(deviation, cause)
            counted = groups[key].count if key in groups else 0
            groups[key] = msgspec.structs.replace(found, count=counted + deviation.count)
        return list(groups.values())

    def _marks(self, deviation: Deviation, cause: Cause | None, side: Key | None) -> tuple[object, ...]:
        if cause is None:
            return (deviation.src, deviation.dst)
        if cause.policy is None:
            return (side, cause.direction)
        return (cause.policy, cause.rule, cause.direction)

    def _difference(self, deviation: Deviation, cause: Cause | None) -> Difference:
        src, dst = self._end(deviation, Direction.EGRESS), self._end(deviation, Direction.INGRESS)
        first = next(deviation.ports.ranges())
        roots = [end.subject for end in (dst, src) if isinstance(end, Workload)]
        enforced = [self._isolated[root] for root in roots if root in self._isolated]
        is_missing = deviation.fault in (Fault.MISSING, Fault.PERHAPS_MISSING)
        if cause is not None:
            cause = msgspec.structs.replace(cause, text=self._named(cause.text))
        return Difference(
            deviation.fault,
            Witness(self._name(src), self._name(dst), first.protocol, first.first),
            deviation.ports,
            0,
            cause,
            enforced[0].place if enforced else None,
            self._agreement(deviation, (first.protocol, first.first)) if is_missing else None,
            deviation.reasons if deviation.fault in (Fault.PERHAPS_MISSING, Fault.PERHAPS_EXCESS) else (),
        )

    def _end(self, deviation: Deviation, side: Direction) -> Workload | int:
        """The source where `side` is egress, else the destination."""
        number = deviation.src if side is Direction.EGRESS else deviation.dst
        if deviation.direction is not None and deviation.direction is not side:
            return number
        return self._workload(number)

    def _workload(self, unit: int) -> Workload:
        workloads = self._reach.population.workloads
        members = self._reach.population.classes[self._units.class_of[unit]].members
        root = self._units.root[unit]
        return next(workloads[at] for at in members if workloads[at].subject == root)

    def _name(self, end: Workload | int) -> str:
        if isinstance(end, int):
            return address_text(end)
        return self._names.get(end.key) or str(end.subject)

    def _named(self, text: str) -> str:
        """A sentence with the stand-ins under the names that people know them by."""
        for key, name in self._names.items():
            text = text.replace(str(key), name)
        return text

    @cached_property
    def _of_ends(self) -> dict[tuple[Direction, Key], list[Agreement]]:
        """The agreements by each end that is a workload: an edge that is judged has one."""
        found: dict[tuple[Direction, Key], list[Agreement]] = {}
        for agreement in self._agreements:
            for side, end in ((Direction.EGRESS, agreement.src), (Direction.INGRESS, agreement.dst)):
                if isinstance(end, Key):
                    found.setdefault((side, end), []).append(agreement)
        return found

    def _agreement(self, deviation: Deviation, point: tuple[Protocol, int]) -> Agreement | None:
        """The agreement that asks for a missing edge."""
        ends = {side: self._end(deviation, side) for side in Direction}
        near = [
            agreement
            for side, end in ends.items()
            if isinstance(end, Workload)
            for agreement in self._of_ends.get((side, end.subject), ())
        ]
        for agreement in near:
            if (
                point in agreement.ports
                and self._is_end(agreement.src, deviation, Direction.EGRESS)
                and self._is_end(agreement.dst, deviation, Direction.INGRESS)
            ):
                return agreement
        return None

    def _is_end(self, end: End, deviation: Deviation, side: Direction) -> bool:
        number = deviation.src if side is Direction.EGRESS else deviation.dst
        if deviation.direction not in (None, side):
            return isinstance(end, Addresses) and bool(end.addresses & AddressSet(((number, number),)))
        members = self._expectations.of(end, is_source=side is Direction.EGRESS)
        return members is not None and number in (*members.sure, *members.doubtful)

    def _cause(self, deviation: Deviation) -> tuple[Cause | None, Key | None]:
        """What decides the witness, and the workload on whose side it does."""
        src, dst = self._end(deviation, Direction.EGRESS), self._end(deviation, Direction.INGRESS)
        explanation = self._explained(src, dst, deviation.ports)
        side = {Direction.EGRESS: src, Direction.INGRESS: dst}
        roots = {d: w.subject for d, w in side.items() if isinstance(w, Workload)}
        cause = _decisive(explanation, deviation.fault, {d for d, root in roots.items() if root in self._isolated})
        if cause is None or cause.direction is None:
            return cause, None
        return cause, roots.get(cause.direction)

    def _explained(self, src: Workload | int, dst: Workload | int, ports: PortSet) -> Explanation:
        """Read from only those workloads and policies that have a part in it."""
        first = next(ports.ranges())
        population = self._reach.population
        pods = dict.fromkeys(end.key for end in (src, dst) if isinstance(end, Workload))
        near = {w.key: w for w in (src, dst) if isinstance(w, Workload)}
        policies = [
            policy
            for namespace in dict.fromkeys(key.namespace for key in pods)
            for policy in self._policies.get(namespace, ())
            if any(
                population.isolated_by(namespace, policy.pods).possible >> population.class_of[key] & 1 for key in pods
            )
        ]
        cluster = msgspec.structs.replace(
            self._reach.cluster, workloads=tuple(near.values()), network_policies=tuple(policies)
        )
        ends = [end.key if isinstance(end, Workload) else end for end in (src, dst)]
        return Explainer(cluster, self._reach.profile).explain(ends[0], ends[1], first.protocol, first.first)


def _decisive(explanation: Explanation, fault: Fault, judged: set[Direction]) -> Cause | None:
    """The link of the chain that is wrong: on the side of one that is judged, and with a line, where there is one."""
    allowing = {cause.direction for cause in explanation.because if cause.effect == "allow"}
    wanted = _WANTED[fault]
    causes = [
        cause
        for cause in explanation.because
        if cause.effect in wanted and not (cause.effect == "deny" and cause.direction in allowing)
    ]

    def order(cause: Cause) -> tuple[bool, bool, bool, int]:
        return cause.direction not in judged, cause.place is None, not cause.rule, wanted.index(cause.effect)

    return min(causes, key=order, default=None)
