"""What was agreed of the traffic of a platform beside what its sidecars saw, edge by edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from licet.app.up.orders import Outcome
from licet.app.up.plan import Counts, Edge, Planned, expected_edges
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
    """Calls as they were made."""

    def __init__(self) -> None:
        self.calls = 0
        self._made: dict[Planned, int] = {}
        self._surprises: dict[tuple[Planned, str, str], Surprise] = {}

    def add(self, made: Iterable[tuple[Planned, Outcome]]) -> None:
        """Count calls that were made."""
        for planned, outcome in made:
            self.calls += 1
            self._made[planned] = self._made.get(planned, 0) + 1
            if outcome.result is not planned.expected.result:
                key = (planned, outcome.result.value, outcome.reason)
                before = self._surprises.get(key)
                self._surprises[key] = Surprise(planned, outcome, before.times + 1 if before else 1)

    @property
    def surprises(self) -> tuple[Surprise, ...]:
        """What callers saw otherwise."""
        return tuple(self._surprises.values())

    def rows(self, seen: Mapping[edges.Edge, edges.Counts], workloads: Mapping[str, Key]) -> tuple[Row, ...]:
        """Every edge that was called or seen."""
        agreed = expected_edges(each for each, times in self._made.items() for _ in range(times))
        found = _seen(seen, workloads)
        nothing = edges.Counts()
        return tuple(
            Row(
                edge,
                agreed.get(edge, Counts()),
                Counts(counts.forwarded, counts.refused, counts.would_refuse),
                counts.failed,
                counts.rule,
            )
            for edge in sorted({*agreed, *found}, key=_order)
            for counts in [found.get(edge, nothing)]
        )


def _seen(seen: Mapping[edges.Edge, edges.Counts], workloads: Mapping[str, Key]) -> dict[Edge, edges.Counts]:
    found: dict[Edge, edges.Counts] = {}
    for edge, counts in seen.items():
        callee = workloads.get(edge.destination)
        if callee is None:
            continue
        place = Edge(callee, edge.port, workloads.get(edge.source))
        found.setdefault(place, edges.Counts()).join(counts)
    return found


def _order(edge: Edge) -> tuple[str, str, int]:
    return (str(edge.caller or ""), str(edge.callee), edge.port)
