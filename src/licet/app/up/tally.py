"""What was agreed of the traffic of a platform beside what its sidecars saw, edge by edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from licet.app.up.orders import Outcome
from licet.app.up.plan import Counts, Edge, Expected, Planned, expected_edges
from licet.mesh.telemetry import edges
from licet.model.key import Key


class Row(msgspec.Struct, frozen=True):
    """An edge: what had to become of the calls, what sidecars saw, and the rule that decided the last of them.

    `failed` are those that came to neither an answer nor a refusal.
    """

    edge: Edge
    agreed: Counts
    seen: Counts
    failed: int = 0
    rule: str = ""

    @property
    def equal(self) -> bool:
        """Whether exactly what had to happen was seen."""
        return self.agreed == self.seen and not self.failed


class Surprise(msgspec.Struct, frozen=True):
    """A call of which its caller saw something else than what had to become of it, and how often."""

    planned: Planned
    outcome: Outcome
    times: int


class Tally:
    """Calls as they were made. `identities` says whose is whose: who shares one is nobody that sidecars can tell apart.

    Of those the first stands for all.
    """

    def __init__(self, identities: Mapping[Key, str]) -> None:
        first = {
            identity: min(each for each in identities if identities[each] == identity)
            for identity in identities.values()
        }
        self._stands_for = {key: first[identity] for key, identity in identities.items()}
        self.alike = Counter(self._stands_for.values())
        """For how many each stands, itself included."""
        self._workloads = {str(key): key for key in identities}
        self._agreed: dict[Edge, Counts] = {}
        self._surprises: dict[tuple[Planned, str, str], Surprise] = {}
        self.calls = 0
        self.examples: dict[Expected, tuple[Planned, Outcome]] = {}
        """The newest of each kind that went as it had to, of what shows most."""

    def add(self, made: Sequence[tuple[Planned, Outcome]]) -> None:
        """Count calls that were made."""
        self.calls += len(made)
        for edge, counts in expected_edges(planned for planned, _ in made).items():
            at = self._edge(edge)
            self._agreed[at] = _sum(self._agreed.get(at, Counts()), counts)
        for planned, outcome in made:
            if outcome.result is planned.expected.result:
                if planned.rule:
                    self.examples[planned.expected] = (planned, outcome)
            else:
                key = (planned, outcome.result.value, outcome.reason)
                before = self._surprises.get(key)
                self._surprises[key] = Surprise(planned, outcome, before.times + 1 if before else 1)

    @property
    def surprises(self) -> tuple[Surprise, ...]:
        """What callers saw otherwise."""
        return tuple(self._surprises.values())

    def rows(self, seen: Mapping[edges.Edge, edges.Counts]) -> tuple[Row, ...]:
        """Every edge that was called or seen."""
        found = self._seen(seen)
        nothing = edges.Counts()
        return tuple(
            Row(
                edge,
                self._agreed.get(edge, Counts()),
                Counts(counts.forwarded, counts.refused, counts.would_refuse),
                counts.failed,
                counts.rule,
            )
            for edge in sorted({*self._agreed, *found}, key=_order)
            for counts in [found.get(edge, nothing)]
        )

    def _seen(self, seen: Mapping[edges.Edge, edges.Counts]) -> dict[Edge, edges.Counts]:
        found: dict[Edge, edges.Counts] = {}
        for edge, counts in seen.items():
            if (callee := self._workloads.get(edge.destination)) is not None:
                at = self._edge(Edge(callee, edge.port, self._workloads.get(edge.source)))
                found.setdefault(at, edges.Counts()).join(counts)
        return found

    def _edge(self, edge: Edge) -> Edge:
        if edge.caller is None:
            return edge
        return msgspec.structs.replace(edge, caller=self._stands_for[edge.caller])


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(
        *(sum(both) for both in zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True))
    )


def _order(edge: Edge) -> tuple[str, str, int]:
    return (str(edge.caller or ""), str(edge.callee), edge.port)
