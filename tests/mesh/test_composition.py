"""What is kept of former snapshots is never seen in a later one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.contracts.contract import HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.mesh.assembly import Known, assemble
from licet.mesh.composition import Composer
from licet.mesh.fleet import Fleet, Front, Settings
from licet.mesh.intent import Call, Callee, Intent, Proof, Rule, Served, Speaks
from licet.mesh.rollout import Step
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet, Protocol

PLACE = Place(Origin("contracts.yaml", 0, 1, ()), ())
NAMES = ("cart", "stock", "wallet")
PORT = 8080
HTTP = (HttpMatch((), "/v1", exact=False),)


def key(name: str) -> Key:
    return Key("", "apps", "Deployment", "shop", name)


def identity(name: str) -> str:
    return f"spiffe://shop.example/ns/shop/sa/{name}"


def intent(name: str, mode: Mode, callers: frozenset[str], callees: frozenset[str], speaks: Speaks) -> Intent:
    narrowed = HTTP if speaks is Speaks.HTTP else ()
    rules = tuple(Rule(f"{each}->{name}", Proof(frozenset({identity(each)})), narrowed, (), PLACE) for each in callers)
    ports = PortSet.of(PortRange(Protocol.TCP, PORT, PORT))
    calls = tuple(
        Call(f"{name}->{each}", Callee(key(each), frozenset({identity(each)})), ports, speaks, narrowed, (), PLACE)
        for each in sorted(callees)
    )
    return Intent(key(name), identity(name), mode, (Served(PORT, speaks, strict=True, rules=rules),), calls, PLACE)


SOME = st.frozensets(st.sampled_from(NAMES))
INSTANCES = st.lists(st.integers(1, 3), unique=True, max_size=2)


@st.composite
def fleets(draw: st.DrawFn) -> Known:
    """What may be known at one moment, of few things so that the same comes again."""
    intents = {
        key(name): intent(
            name,
            draw(st.sampled_from([Mode.SHADOW, Mode.CANARY, Mode.ENFORCE])),
            draw(SOME),
            draw(SOME) - {name},
            draw(st.sampled_from(Speaks)),
        )
        for name in NAMES
    }
    there = {
        str(key(name)): tuple(Instance(f"{key(name)}/{number}", f"10.0.{at}.{number}") for number in draw(INSTANCES))
        for at, name in enumerate(NAMES)
    }
    return Known(
        "shop.example",
        identity("prober"),
        intents,
        there,
        {str(key(name)): Step(Mode.SHADOW) for name in draw(SOME)},
        frozenset(map(identity, draw(SOME))),
        Settings(bind_addresses=draw(st.booleans())),
        frozenset(each.id for held in there.values() for each in held if draw(st.booleans())),
        {key("stock"): (Front("10.96.0.1", 80, PORT),)} if draw(st.booleans()) else {},
    )


@settings(max_examples=12, deadline=None)
@given(st.lists(fleets(), min_size=2, max_size=4), st.data())
def test_whatever_was_made_before_a_snapshot_is_the_one_that_is_made_from_nothing(
    known: list[Known], data: st.DataObject
) -> None:
    kept = Composer()
    for one in (*known, known[0]):
        fleet = assemble(one)
        for at, name in enumerate(NAMES):
            capture = data.draw(st.sampled_from(Capture))
            exits = {f"{key(each)}:{PORT}": f"127.0.0.1:{20000 + n}" for n, each in enumerate(NAMES)}
            at_home = Sidecar(
                f"{key(name)}/1",
                key(name),
                identity(name),
                f"10.0.{at}.1",
                capture,
                exits=exits if capture is Capture.EXPLICIT else {},
            )
            assert kept(fleet, at_home) == Composer()(fleet, at_home)
        if data.draw(st.booleans()):
            kept.forget(fleet, [f"{key('cart')}/1"])


NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize("change", ["moved", "revoked", "gone"])
def test_what_is_let_pass_without_an_agreement_follows_whatever_it_leads_to(change: str) -> None:
    def fleet(change: str) -> Fleet:
        there = [name for name in NAMES if change != "gone" or name != "stock"]
        at = "10.0.1.2" if change == "moved" else "10.0.1.1"
        return assemble(
            Known(
                "shop.example",
                identity("prober"),
                {key(name): intent(name, Mode.SHADOW, NOBODY, NOBODY, Speaks.HTTP) for name in there},
                {
                    str(key("cart")): (Instance(f"{key('cart')}/1", "10.0.0.1"),),
                    str(key("stock")): (Instance(f"{key('stock')}/1", at),),
                },
                denied=frozenset({identity("stock")} if change == "revoked" else ()),
            )
        )

    exits = {f"{key('stock')}:{PORT}": "127.0.0.1:20000"}
    cart = Sidecar(f"{key('cart')}/1", key("cart"), identity("cart"), "10.0.0.1", Capture.EXPLICIT, exits=exits)
    kept = Composer()
    before = kept(fleet(""), cart)
    after = kept(fleet(change), cart)
    assert after == Composer()(fleet(change), cart)
    assert after.version != before.version


@given(fleets())
def test_an_identity_is_bound_to_addresses_only_where_all_of_its_workloads_are_known(known: Known) -> None:
    fleet = assemble(known)
    for name in NAMES:
        there = known.instances[str(key(name))]
        expected = frozenset(each.address for each in there) if there and known.settings.bind_addresses else None
        assert fleet.bound.get(identity(name)) == expected
        assert {each.id for each in fleet.instances[key(name)]} == {each.id for each in there} - known.coming
        assert {each.id for each in there} <= fleet.stages.keys()
