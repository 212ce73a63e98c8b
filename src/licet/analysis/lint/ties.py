"""Cluster policies of one priority that disagree, gathered into groups: of thousands, each pair would be a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from licet.model.addresses import AddressSet
from licet.model.policy import Action
from licet.model.ports import PortSet

Site = tuple[int, int]
"""A rule: its policy's position in the cluster, and its own in the policy's direction."""
Where = int | AddressSet
"""Peers of a rule: classes of pods, or addresses outside."""


class Told(msgspec.Struct, frozen=True):
    """What a rule of a tied policy may decide."""

    site: Site
    action: Action
    where: Where
    ports: PortSet


class Tie(msgspec.Struct, frozen=True):
    """Policies of one priority, each of which disagrees with another of them.

    `first` and `second` are rules that meet in the connection `witness` with different actions; `policies` are
    positions in the cluster, in the order of the input.
    """

    first: Site
    second: Site
    witness: str
    policies: tuple[int, ...]


class Ties:
    """Groups of policies, joined wherever two of them meet in one connection with different actions."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}
        self._seen: dict[int, tuple[Site, Site, str]] = {}

    def compare(self, tied: Sequence[Sequence[Told]], witness: Callable[[Where, PortSet], str]) -> None:
        """Join what disagrees among policies of one priority that apply to the same pods, each with what it decides.

        Policies that are of one group already are not compared again: only the first meeting of two groups counts.
        """
        rosters: dict[int, list[Told]] = {}
        for decided in tied:
            if not decided:
                continue
            number = decided[0].site[0]
            own = list(decided)
            for head in list(rosters):
                apart = self._head(head) != self._head(number)
                if apart and (met := next(_meetings(rosters[head], decided), None)):
                    one, other, where = met
                    self._join(one.site, other.site, witness(where, one.ports & other.ports))
                    apart = False
                if not apart:
                    own = [*rosters.pop(head), *own]
            rosters[self._head(number)] = own

    def groups(self) -> list[Tie]:
        """Every group, by its first policy."""
        members: dict[int, list[int]] = {}
        for number in sorted(self._above):
            members.setdefault(self._head(number), []).append(number)
        return [Tie(*self._seen[head], tuple(numbers)) for head, numbers in members.items()]

    def _head(self, number: int) -> int:
        """The policy that stands for a group."""
        while (above := self._above.get(number, number)) != number:
            self._above[number] = self._above.get(above, above)
            number = above
        return number

    def _join(self, first: Site, second: Site, witness: str) -> None:
        one, other = self._head(first[0]), self._head(second[0])
        self._above[one] = one
        self._above[other] = one
        self._seen.setdefault(one, self._seen.get(other, (first, second, witness)))


def _meetings(told: Sequence[Told], decided: Sequence[Told]) -> Iterator[tuple[Told, Told, Where]]:
    """Where rules meet with different actions."""
    for one in told:
        for other in decided:
            if one.action is not other.action and one.ports & other.ports and (where := _both(one.where, other.where)):
                yield one, other, where


def _both(a: Where, b: Where) -> Where:
    if isinstance(a, int) and isinstance(b, int):
        return a & b
    if isinstance(a, AddressSet) and isinstance(b, AddressSet):
        return a & b
    return 0
