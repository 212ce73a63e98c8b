"""What is left of a rule when what others surely match is taken away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from licet.analysis.grant import Grant
from licet.analysis.partition import Region
from licet.analysis.rules import Match
from licet.model.addresses import AddressSet
from licet.model.ports import PortSet

R = TypeVar("R", bound=Region)


class Pieces(Generic[R]):
    """Regions with the ports that are left there. Regions may overlap."""

    __slots__ = ("left",)

    def __init__(self, left: Iterable[tuple[R, PortSet]]) -> None:
        self.left = [(region, ports) for region, ports in left if region and ports]

    def take(self, parts: Iterable[tuple[R, Grant]]) -> bool:
        """Take away what is surely matched; whether anything was."""
        taken = False
        for region, grant in parts:
            if grant.must and self.left:
                taken |= self._take(region, grant.must)
        return taken

    def _take(self, region: R, ports: PortSet) -> bool:
        kept: list[tuple[R, PortSet]] = []
        taken = False
        for own, still in self.left:
            hit = own & region
            if not hit or not still & ports:
                kept.append((own, still))
                continue
            taken = True
            if rest := own ^ hit:
                kept.append((rest, still))
            if fewer := still - ports:
                kept.append((hit, fewer))
        self.left = kept
        return taken


class Remainder:
    """What a rule may match, less what others surely match."""

    __slots__ = ("outside", "pods")

    def __init__(self, match: Match, exempt: int = 0) -> None:
        """`exempt` are classes that do not count."""
        self.pods: Pieces[int] = Pieces((region & ~exempt, grant.may) for region, grant in match.pods)
        self.outside: Pieces[AddressSet] = Pieces((region, grant.may) for region, grant in match.outside)

    def __bool__(self) -> bool:
        return bool(self.pods.left or self.outside.left)

    def take(self, match: Match) -> bool:
        """Take away what another rule surely matches; whether anything was."""
        pods = self.pods.take(match.pods)
        return self.outside.take(match.outside) or pods
