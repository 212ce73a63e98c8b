"""Authorities follow each other as laws say, however time passes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from licet.identity.authority import Authority, Kind, Standing, active, pins
from licet.identity.domain import State
from licet.identity.keys import pin, supported
from licet.identity.lifetimes import Lifetimes
from licet.identity.node.upstream import Issued
from licet.identity.rotation import plan
from licet.identity.succession import Succession
from tests.identity.domains import NODE, Founded, ask, entry, founded

TIGHT = Lifetimes(x509=10, jwt=10, intermediate=60, root=360, backdate=10, propagation=60)
HOURS = Lifetimes(x509=600, jwt=60, intermediate=3600, root=6 * 3600, backdate=30, propagation=600)
LIFETIMES = [TIGHT, HOURS, Lifetimes()]


class Leaf(msgspec.Struct, frozen=True):
    """A certificate that was handed out, the root above it, and how much of what was asked for it was given."""

    root: str
    ends: datetime


class World:
    """A domain that is looked at after every step."""

    def __init__(self, domain: Founded) -> None:
        self.domain = domain
        self.clock = domain.clock
        self.state = domain.state
        self.lifetimes = self.state.settings.lifetimes
        self.issuer = domain.issuer()
        self.leaves: list[Leaf] = []
        self.published: dict[str, datetime] = {}
        self.gone: set[str] = set()
        domain.register(entry(x509_lifetime=self.lifetimes.longest))
        self.look()

    def step(self, do: Callable[[Succession], object] = Succession.reconcile) -> None:
        """Do this, as a server does it."""
        self.domain.succeed(do)
        self.look()

    def look(self) -> None:
        """Hold what is stored to the laws that hold at every moment."""
        before, now = self.state, self.domain.state
        self.state = now
        for kind in Kind:
            assert sum(a.kind is kind and a.standing is Standing.ACTIVE for a in now.authorities) == 1
        by = {a.id: a for a in now.authorities}
        for each in now.authorities:
            assert (each.handle is None) == (each.standing is Standing.REVOKED)
            if each.issuer is not None:
                assert each.not_after <= by[each.issuer].not_after
        content = before.bundle.x509, before.bundle.jwt
        assert (now.bundle.sequence > before.bundle.sequence) == ((now.bundle.x509, now.bundle.jwt) != content)
        assert (now.version > before.version) == (
            now.authorities != before.authorities or now.entries != before.entries
        )
        for each in now.authorities:
            self.published.setdefault(each.id, self.clock())

    def at_rest(self) -> None:
        """Hold what is stored after a reconciliation to the laws of rest."""
        now = self.clock().replace(microsecond=0)
        assert plan(self.state.authorities, now, self.lifetimes) == ()
        roots = pins(self.state.authorities)
        assert len(roots.active) == 1
        assert roots.backup
        for kind in Kind:
            signing = active(self.state.authorities, kind)
            assert signing is not None
            assert signing.not_before <= now < signing.not_after
        under, above = active(self.state.authorities, Kind.INTERMEDIATE), active(self.state.authorities, Kind.ROOT)
        assert under is not None
        assert above is not None
        assert under.issuer == above.id

    def issue(self) -> None:
        """Have a certificate of the longest life issued; it gets all of that."""
        [answer] = self.issuer.mint(NODE, [ask()])
        assert isinstance(answer, Issued), answer
        leaf, upper = map(x509.load_der_x509_certificate, answer.chain)
        now = self.clock().replace(microsecond=0)
        assert leaf.not_valid_after_utc == now + timedelta(seconds=self.lifetimes.longest)
        issuer = self.authority(pin(supported(upper.public_key())))
        assert issuer.issuer is not None
        self.leaves.append(Leaf(issuer.issuer, leaf.not_valid_after_utc))

    def authority(self, id: str) -> Authority:
        """The one of this id."""
        return next(a for a in self.state.authorities if a.id == id)

    def nobody_is_orphaned(self) -> None:
        """Every certificate that has not expired is verified by a root that is still in the bundle."""
        self.leaves = [leaf for leaf in self.leaves if leaf.ends > self.clock()]
        believed = {a.id for a in self.state.authorities if a.kind is Kind.ROOT and a.believed}
        assert {leaf.root for leaf in self.leaves} <= believed


def world(lifetimes: Lifetimes, story: Callable[[World], None]) -> None:
    with tempfile.TemporaryDirectory() as folder, founded(Path(folder), lifetimes) as domain:
        story(World(domain))


def parts(smallest: float, most: float) -> st.SearchStrategy[list[float]]:
    """Stretches of time in intermediate lifetimes."""
    return st.lists(st.floats(smallest, most), min_size=1, max_size=25)


STORY = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


@STORY
@given(st.sampled_from(LIFETIMES), st.lists(st.sampled_from([0.01, 0.1, 1 / 6]), min_size=5, max_size=30))
@example(TIGHT, [0.1, 1 / 6, 1 / 6, 0.1, 1 / 6, 1 / 6])
def test_while_a_server_runs_nothing_is_cut_short_orphaned_or_used_unannounced(
    lifetimes: Lifetimes, waits: list[float]
) -> None:
    def story(world: World) -> None:
        for wait in waits:
            before = world.state
            world.clock.pass_by(int(wait * lifetimes.intermediate))
            world.step()
            world.at_rest()
            world.nobody_is_orphaned()
            world.issue()
            announced(world, before)

    world(lifetimes, story)


def announced(world: World, before: State) -> None:
    """Roots and JWT keys that sign now, and did not, were in the bundle for as long as was promised."""
    for kind, wait in ((Kind.ROOT, world.lifetimes.propagation), (Kind.JWT, world.lifetimes.jwt)):
        old, new = active(before.authorities, kind), active(world.state.authorities, kind)
        assert new is not None
        if old is not None and new.id != old.id:
            wait = min(wait, world.lifetimes.propagation)
            assert world.clock() - world.published[new.id] >= timedelta(seconds=wait)


@STORY
@given(st.sampled_from(LIFETIMES), parts(0, 50))
def test_however_long_a_server_was_away_it_is_at_rest_at_once_and_issues(
    lifetimes: Lifetimes, waits: list[float]
) -> None:
    def story(world: World) -> None:
        for wait in waits:
            world.clock.pass_by(wait * lifetimes.intermediate)
            world.step()
            world.at_rest()
            world.nobody_is_orphaned()
            world.issue()

    world(lifetimes, story)


@STORY
@given(st.sampled_from(LIFETIMES), st.lists(st.tuples(st.floats(-40, 40), st.booleans()), min_size=1, max_size=15))
def test_a_clock_that_jumps_back_stops_nothing_for_longer_than_a_root_takes_to_be_known(
    lifetimes: Lifetimes, jumps: list[tuple[float, bool]]
) -> None:
    def story(world: World) -> None:
        for jump, small in jumps:
            world.clock.pass_by(jump * (1 if small else lifetimes.intermediate))
            for _ in range(5):
                world.step()
                world.clock.pass_by(lifetimes.propagation / 4)
            world.step()
            world.at_rest()
            world.issue()

    world(lifetimes, story)


@STORY
@given(
    st.sampled_from(LIFETIMES),
    st.lists(st.tuples(st.floats(0, 8), st.integers(0, 40), st.booleans()), min_size=1, max_size=12),
)
def test_any_authority_can_be_tainted_and_dropped_at_any_time(
    lifetimes: Lifetimes, thefts: list[tuple[float, int, bool]]
) -> None:
    def story(world: World) -> None:
        for wait, number, drop in thefts:
            world.clock.pass_by(wait * lifetimes.intermediate)
            believed = [a for a in world.state.authorities if a.believed]
            stolen = believed[number % len(believed)]
            if stolen.kind is Kind.INTERMEDIATE:
                assert stolen.issuer is not None
                stolen = world.authority(stolen.issuer)
            world.step(lambda succession, stolen=stolen: succession.taint(stolen))  # type: ignore[misc]
            assert world.authority(stolen.id).standing is Standing.TAINTED
            spoilt = {a.id for a in world.state.authorities if a.issuer == stolen.id and a.believed}
            assert spoilt <= world.state.reissue
            if drop:
                stolen = world.authority(stolen.id)
                world.step(lambda succession, stolen=stolen: succession.revoke(stolen, "stolen"))  # type: ignore[misc]
                assert stolen.certificate not in world.state.bundle.x509
            world.step()
            world.at_rest()
            world.issue()

    world(lifetimes, story)


def test_many_rotations_by_hand_are_cleared_away_together() -> None:
    def story(world: World) -> None:
        for _ in range(40):
            world.step(lambda succession: succession.activate(succession.prepare(Kind.INTERMEDIATE)))
        world.clock.pass_by(world.lifetimes.believed.total_seconds() + 1)
        world.step()
        world.at_rest()

    world(Lifetimes(), story)
