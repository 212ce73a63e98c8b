"""What gathers while contracts are read against each other."""

from __future__ import annotations

from collections.abc import Iterator

from licet.contracts import findings
from licet.contracts.agreement import Agreement, Pods, Unmet
from licet.contracts.binding import Bindings
from licet.contracts.contract import Contracts
from licet.contracts.roster import Roster
from licet.contracts.services import Services
from licet.contracts.surroundings import Part, Surroundings
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.cluster import Cluster
from licet.model.key import Key


class Ledger:
    """One cluster and its contracts, and what was found of them so far.

    `used` holds the entries of `serves` and of their callers that some agreement rests on.
    """

    def __init__(self, declared: Contracts, cluster: Cluster) -> None:
        self.roster = Roster(cluster)
        self.bindings = Bindings(declared, self.roster)
        self.services = Services(cluster, self.roster)
        self.surroundings = Surroundings(cluster)
        self.diagnostics: list[Diagnostic] = [*_empty(declared, cluster), *self.bindings.diagnostics]
        self.found: list[Agreement] = []
        self.unmet: list[Unmet] = []
        self.assumptions: dict[str, None] = {}
        self.used: set[Place] = set()

    def report(self, finding: Diagnostic) -> None:
        """Keep a finding."""
        self.diagnostics.append(finding)

    def assume(self, part: Part) -> None:
        """Keep what a part of the platform rests on."""
        if part.assumption:
            self.assumptions.setdefault(part.assumption)

    def closing(self, part: Part) -> Place | None:
        """Why the pods that a part stands for call nobody but by contracts of their own; None where they may."""
        end = part.end
        closed = self.bindings.closed.get(end.namespace) if isinstance(end, Pods) else None
        return None if closed is None else closed.place

    def is_in(self, key: Key, part: Part) -> bool:
        """Whether a workload is among the pods that a part stands for."""
        end = part.end
        return isinstance(end, Pods) and end.namespace == key.namespace and self.roster.matches(key, end.pods)


def _empty(declared: Contracts, cluster: Cluster) -> Iterator[Diagnostic]:
    for one in declared.namespaces:
        if one.namespace not in cluster.namespaces:
            where = Place(one.origin, ("metadata", "namespace"))
            yield findings.nothing_there(where, one.namespace, cluster.namespaces)
