"""What a pair of endpoints is granted: the ports that are certain, those that are possible, and why the two differ."""

from __future__ import annotations

from collections.abc import Callable

from licet.model.ports import ALL_PORTS, NO_PORTS, PortSet, Protocol
from licet.model.verdict import Verdict

Reasons = frozenset[str]
NO_REASONS: Reasons = frozenset()


class Grant:
    """Ports that are surely reachable (`must`), possibly reachable (`may`, never less), and what the gap hangs on.

    Interned by `Grants`: within one answer equal grants are the same object, so they compare by identity.
    """

    __slots__ = ("may", "must", "reasons")

    def __init__(self, must: PortSet, may: PortSet, reasons: Reasons) -> None:
        self.must = must
        self.may = may
        self.reasons = reasons

    @property
    def open_question(self) -> PortSet:
        """The ports whose verdict is undetermined."""
        return self.may - self.must

    def verdict(self, point: tuple[Protocol, int]) -> Verdict:
        """The verdict for one (protocol, port)."""
        if point in self.must:
            return Verdict.ALLOW
        return Verdict.UNDETERMINED if point in self.may else Verdict.DENY


class Outcome:
    """What a tier of cluster policies may do with each port: accept it, deny it, or leave it to the next layer.

    The three sets together are all ports; where they overlap, the outcome is not known. `undecided` is only used
    while rules are being applied, and is what no rule has surely decided so far. Interned like `Grant`.
    """

    __slots__ = ("accept", "deny", "leave", "reasons", "undecided")

    def __init__(self, accept: PortSet, deny: PortSet, leave: PortSet, undecided: PortSet, reasons: Reasons) -> None:
        self.accept = accept
        self.deny = deny
        self.leave = leave
        self.undecided = undecided
        self.reasons = reasons


class Grants:
    """The grants and outcomes of one answer, each value once, with the operations on them remembered."""

    def __init__(self) -> None:
        self._grants: dict[tuple[PortSet, PortSet, Reasons], Grant] = {}
        self._outcomes: dict[tuple[PortSet, PortSet, PortSet, PortSet, Reasons], Outcome] = {}
        self._memo: dict[tuple[object, ...], Grant] = {}
        self._moves: dict[tuple[object, ...], Outcome] = {}
        self.denied = self.grant(NO_PORTS, NO_PORTS)
        self.open = self.grant(ALL_PORTS, ALL_PORTS)
        self.start = self.outcome(NO_PORTS, NO_PORTS, NO_PORTS, ALL_PORTS)
        self.left = self.outcome(NO_PORTS, NO_PORTS, ALL_PORTS, NO_PORTS)

    def grant(self, must: PortSet, may: PortSet, reasons: Reasons = NO_REASONS) -> Grant:
        """The one grant with these parts; reasons are dropped where nothing is open."""
        if must == may:
            reasons = NO_REASONS
        key = (must, may, reasons)
        found = self._grants.get(key)
        if found is None:
            found = self._grants[key] = Grant(must, may, reasons)
        return found

    def outcome(
        self,
        accept: PortSet,
        deny: PortSet,
        leave: PortSet,
        undecided: PortSet,
        reasons: Reasons = NO_REASONS,
    ) -> Outcome:
        """The one outcome with these parts."""
        key = (accept, deny, leave, undecided, reasons)
        found = self._outcomes.get(key)
        if found is None:
            found = self._outcomes[key] = Outcome(accept, deny, leave, undecided, reasons)
        return found

    def either(self, a: Grant, b: Grant) -> Grant:
        """What one of two rules grants."""
        if a is b or b is self.denied:
            return a
        if a is self.denied:
            return b
        return self._remember(
            ("either", a, b), lambda: self.grant(a.must | b.must, a.may | b.may, a.reasons | b.reasons)
        )

    def both(self, a: Grant, b: Grant) -> Grant:
        """What two independent gates both let through."""
        if a is b or b is self.open:
            return a
        if a is self.open:
            return b
        if a is self.denied or b is self.denied:
            return self.denied
        return self._remember(("both", a, b), lambda: self.grant(a.must & b.must, a.may & b.may, a.reasons | b.reasons))

    def perhaps(self, a: Grant, reasons: Reasons) -> Grant:
        """The grant if something holds that is not known, and nothing if it does not."""
        return self._remember(("perhaps", a, reasons), lambda: self.grant(NO_PORTS, a.may, a.reasons | reasons))

    def unsettled(self, a: Grant, b: Grant, reasons: Reasons) -> Grant:
        """One of the two, and it is not known which."""
        if a is b:
            return a
        return self._remember(
            ("unsettled", a, b, reasons),
            lambda: self.grant(a.must & b.must, a.may | b.may, a.reasons | b.reasons | reasons),
        )

    def softened(self, a: Grant, reason: str) -> Grant:
        """The grant where whatever it denies may be possible all the same."""
        return self._remember(("softened", a, reason), lambda: self.grant(a.must, ALL_PORTS, a.reasons | {reason}))

    def after(self, tier: Outcome, then: Grant) -> Grant:
        """What a tier and the layer behind it grant together."""
        if tier is self.left:
            return then
        return self._remember(
            ("after", tier, then),
            lambda: self.grant(
                ALL_PORTS - tier.deny - (tier.leave - then.must),
                tier.accept | (tier.leave & then.may),
                tier.reasons | then.reasons,
            ),
        )

    def move(self, key: tuple[object, ...], make: Callable[[], Outcome]) -> Outcome:
        """Remember a step from one outcome to the next."""
        found = self._moves.get(key)
        if found is None:
            found = self._moves[key] = make()
        return found

    def _remember(self, key: tuple[object, ...], make: Callable[[], Grant]) -> Grant:
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = make()
        return found
