"""Steps on the way to what a contract says: which instances enforce, and what is kept and recorded of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.app.identity.domain import found, opened
from licet.app.identity.place import Place, administrator
from licet.contracts.contract import Mode
from licet.identity.domain import Settings
from licet.identity.errors import UnavailableError
from licet.identity.recorded import examine
from licet.identity.spiffeid import TrustDomain
from licet.mesh.errors import MeshError
from licet.mesh.fleet import Stage
from licet.mesh.rollout import Step, hold, release, stages, steps
from licet.model.key import Key
from licet.store import tables

CART = Key("", "apps", "Deployment", "shop", "cart")
AT = "2027-01-01T00:00:00.000000Z"
IDS = st.lists(st.text(min_size=1), unique=True)


def enforced(mode: Mode, step: Step | None, ids: list[str]) -> set[str]:
    return {id for id, stage in stages(mode, step, ids).items() if stage is Stage.ENFORCE}


def canary(share: int) -> Step:
    return Step(Mode.CANARY, share)


@given(IDS, st.lists(st.integers(1, 100)))
def test_a_growing_share_never_leaves_an_instance_out_again(ids: list[str], shares: list[int]) -> None:
    for smaller, larger in pairwise(sorted(shares)):
        assert enforced(Mode.ENFORCE, canary(smaller), ids) <= enforced(Mode.ENFORCE, canary(larger), ids)


@given(IDS.filter(bool), st.integers(1, 100), st.randoms())
def test_a_canary_is_the_share_rounded_up_in_whatever_order_instances_came(
    ids: list[str], share: int, random: Random
) -> None:
    first = enforced(Mode.ENFORCE, canary(share), ids)
    random.shuffle(ids)
    assert enforced(Mode.ENFORCE, canary(share), ids) == first
    assert len(first) == -(-len(ids) * share // 100)


@pytest.mark.parametrize("step", [Mode.SHADOW, Mode.OBSERVE])
def test_a_step_holds_back_and_never_goes_beyond_the_contract(step: Mode) -> None:
    assert set(stages(Mode.ENFORCE, Step(step), ["a", "b"]).values()) == {Stage(step.value.lower())}
    assert set(stages(Mode.OBSERVE, Step(Mode.ENFORCE), ["a", "b"]).values()) == {Stage.OBSERVE}
    assert set(stages(Mode.SHADOW, canary(100), ["a", "b"]).values()) == {Stage.SHADOW}


def test_a_contract_in_canary_mode_enforces_on_a_tenth() -> None:
    ids = [f"cart-{number}" for number in range(20)]
    assert len(enforced(Mode.CANARY, None, ids)) == 2
    assert len(enforced(Mode.CANARY, Step(Mode.ENFORCE), ids)) == 2


def test_steps_are_kept_and_recorded_and_nobody_else_may_change_them(tmp_path: Path) -> None:
    place = Place(tmp_path)
    found(place, TrustDomain("shop.example"), Settings(), passphrase=False)
    with opened(place) as domain:
        before = domain.state().version
        domain.change(lambda change: hold(change, CART, Step(Mode.CANARY, 25, "slowly"), AT, administrator()))
        domain.change(lambda change: hold(change, CART, Step(Mode.SHADOW, reason="refusals"), AT, administrator()))
        assert domain.state().version == before + 2, "whoever follows the domain has to see it"
        with domain.database.read() as connection:
            assert steps(connection) == {"shop/cart[Deployment]": Step(Mode.SHADOW, reason="refusals")}
            assert list(examine(connection)) == []
        with pytest.raises(MeshError, match="101 %"):
            domain.change(lambda change: hold(change, CART, canary(101), AT, administrator()))
        with domain.database.write() as connection:
            connection.execute(tables.rollout.update().values(mode="Observe"))
        with pytest.raises(UnavailableError, match="changed by something else"):
            domain.state()
        with domain.database.read() as connection:
            assert ["step of `shop/cart" in fault.message for fault in examine(connection)] == [True]


def test_what_is_released_is_held_back_no_more(tmp_path: Path) -> None:
    place = Place(tmp_path)
    found(place, TrustDomain("shop.example"), Settings(), passphrase=False)
    with opened(place) as domain:
        domain.change(lambda change: hold(change, CART, Step(Mode.SHADOW), AT, administrator()))
        domain.change(lambda change: release(change, CART, administrator()))
        with pytest.raises(MeshError, match="not held back"):
            domain.change(lambda change: release(change, CART, administrator()))
        with domain.database.read() as connection:
            assert steps(connection) == {}
            assert list(examine(connection)) == []
