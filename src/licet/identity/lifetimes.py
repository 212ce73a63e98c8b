"""How long things are valid, and which choices cannot be rotated safely."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from licet.identity.errors import IdentityError

RATIO = 6
"""An authority signs until a sixth of its life is left. What it signs lives at most that long and is not cut short."""
SHORTEST = 10
"""What is valid for less cannot be renewed in time."""
_LONGEST = 100 * 365 * 86400
_SLACK = timedelta(minutes=5)
"""How much longer than needed a retired authority is believed, for clocks that go wrong."""


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `backdate` is by how much a certificate begins before it is signed, for clocks that are late."""

    x509: int = 3600
    jwt: int = 300
    intermediate: int = 2 * 86400
    root: int = 365 * 86400
    backdate: int = 30
    propagation: int = 600
    """How long a new root stands in the bundle before the planned rotation uses it: two refresh hints."""

    def check(self) -> None:
        """Raise IdentityError where rotation could not keep up: it is refused, not warned of."""
        for name in ("x509", "jwt", "intermediate", "root"):
            if getattr(self, name) < SHORTEST:
                raise IdentityError(f"the {name} lifetime is {getattr(self, name)} s", f"{SHORTEST} s at least")
        if self.root > _LONGEST:
            raise IdentityError(f"the root lifetime is {self.root} s", f"{_LONGEST} s at most, a hundred years")
        for upper, lower in (("root", "intermediate"), ("intermediate", "x509"), ("intermediate", "jwt")):
            most, least = getattr(self, upper), getattr(self, lower) * RATIO
            if most < least:
                raise IdentityError(
                    f"the {upper} lifetime of {most} s cannot rotate safely over {lower} ones of {least // RATIO} s",
                    f"make it {least} s at least, {RATIO} {lower} lifetimes, or shorten the {lower} lifetime",
                )
        if not 0 <= self.backdate <= self.x509:
            raise IdentityError(f"backdating by {self.backdate} s", f"between 0 and the x509 lifetime, {self.x509} s")
        if not 0 <= self.propagation <= self.root // RATIO:
            raise IdentityError(
                f"new roots are held back {self.propagation} s",
                f"between 0 and {self.root // RATIO} s, a sixth of a root",
            )

    @property
    def longest(self) -> int:
        """The longest lifetime in seconds that an entry may have for its SVIDs."""
        return self.intermediate // RATIO

    @property
    def believed(self) -> timedelta:
        """For how long a retired authority is still needed to verify what it signed."""
        return timedelta(seconds=self.longest + self.backdate) + _SLACK


def outage_budget(ends: list[datetime], now: datetime) -> timedelta | None:
    """How long a server may stay away before the first of the certificates that end then expires; None for none."""
    return max(min(ends) - now, timedelta(0)) if ends else None


def guaranteed_budget(lifetimes: Lifetimes, jitter: float) -> timedelta:
    """The shortest outage that a node survives which renews at half-life with this jitter, whenever it begins."""
    return timedelta(seconds=lifetimes.x509 * (0.5 - jitter / 2))
