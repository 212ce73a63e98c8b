"""Who may ask, which workload is meant, and what is answered where that is not sure: no."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given

from licet.mesh.decision.explain import Reason
from licet.mesh.decision.point import Point, Question
from licet.mesh.decision.standing import Standing
from licet.mesh.fleet import Fleet
from licet.mesh.sidecar import Instance
from tests.mesh.decision.fleets import (
    CART,
    CHECKOUT,
    FLEET,
    FRONTEND,
    GATEWAY,
    KEY,
    fleets,
    identity,
    point,
    where,
    workload,
)

FINE = Question(8080, str(KEY), identity=FRONTEND, address="10.0.0.1", method="GET", path="/v1/items?all=1")


def _asked(asker: str | None = GATEWAY, fleet: Fleet | None = FLEET, **changed: Any) -> tuple[bool, Reason]:
    answer = point(fleet).answer(asker, msgspec.structs.replace(FINE, **changed))
    return answer.allowed, answer.explained.reason


@pytest.mark.parametrize(
    ("asker", "expected"),
    [
        (GATEWAY, Reason.AGREED),
        (CHECKOUT, Reason.AGREED),
        (CART, Reason.NOT_ASKED),
        (FRONTEND, Reason.NOT_ASKED),
        (identity("stolen"), Reason.NOT_ASKED),
        ("", Reason.NOT_ASKED),
        (None, Reason.NOT_ASKED),
    ],
)
def test_gateways_may_ask_about_all_and_a_workload_about_itself(asker: str | None, expected: Reason) -> None:
    assert _asked(asker) == (expected is Reason.AGREED, expected)


def test_a_gateway_that_is_revoked_may_not_ask_any_more() -> None:
    revoked = msgspec.structs.replace(FLEET, denied=frozenset({GATEWAY}))
    assert _asked(fleet=revoked) == (False, Reason.NOT_ASKED)


def test_whoever_may_not_ask_about_all_does_not_learn_what_there_is() -> None:
    asked = [point().answer(CART, msgspec.structs.replace(FINE, workload=each)) for each in (str(KEY), "shop/no[Pod]")]
    assert asked[0] == asked[1]


def test_without_a_fleet_everything_is_denied() -> None:
    assert _asked(fleet=None) == (False, Reason.NO_STATE)
    assert point(None).answer(GATEWAY, FINE).version == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"port": 0}, Reason.UNSURE),
        ({"port": 65536}, Reason.UNSURE),
        ({"address": "10.0.0.0/8"}, Reason.UNSURE),
        ({"address": "10.0.0.1:80"}, Reason.UNSURE),
        ({"address": "fe80::1%eth0"}, Reason.UNSURE),
        ({"address": "010.0.0.1"}, Reason.UNSURE),
        ({"identity": "CN=frontend"}, Reason.UNSURE),
        ({"identity": FRONTEND.upper()}, Reason.UNSURE),
        ({"identity": FRONTEND + "/"}, Reason.UNSURE),
        ({"method": ""}, Reason.UNSURE),
        ({"path": ""}, Reason.UNSURE),
        ({"path": "/v1/../v1/items"}, Reason.UNSURE),
        ({"method": "get"}, Reason.UNSURE),
        ({"workload": "shop/checkout"}, Reason.NO_CONTRACT),
        ({"workload": "shop/Checkout[Deployment]"}, Reason.NO_CONTRACT),
        ({"workload": ""}, Reason.NO_CONTRACT),
        ({"workload": "", "address_to": "10.0.0.8"}, Reason.NO_CONTRACT),
        ({"workload": "", "address_to": "10.0.0.7", "identity_to": CART}, Reason.UNSURE),
    ],
)
def test_what_is_not_sure_is_denied(changed: dict[str, Any], reason: Reason) -> None:
    assert _asked(**changed) == (False, reason)


@pytest.mark.parametrize(
    "changed",
    [
        {"address_to": "10.0.0.7"},
        {"address_to": "10.0.0.7", "identity_to": CHECKOUT},
        {"identity_to": CHECKOUT},
        {"address_to": "192.0.2.1", "identity_to": CHECKOUT},
    ],
)
def test_a_workload_is_known_by_its_address_or_by_its_identity(changed: dict[str, Any]) -> None:
    assert _asked(workload="", **changed) == (True, Reason.AGREED)


def test_what_two_workloads_share_names_neither() -> None:
    twin = msgspec.structs.replace(FLEET.intents[KEY], key=workload("twin"))
    instances = {KEY: FLEET.instances[KEY], twin.key: (Instance("twin-1", "10.0.0.7"),)}
    shared = msgspec.structs.replace(FLEET, intents={**FLEET.intents, twin.key: twin}, instances=instances)
    assert _asked(fleet=shared, workload="", address_to="10.0.0.7") == (False, Reason.NO_CONTRACT)
    assert _asked(fleet=shared, workload="", identity_to=CHECKOUT) == (False, Reason.NO_CONTRACT)
    assert _asked(fleet=shared) == (True, Reason.AGREED)


def test_an_address_is_compared_in_one_spelling() -> None:
    bound = msgspec.structs.replace(FLEET, bound={FRONTEND: frozenset({"2001:db8::1"})})
    assert _asked(fleet=bound, address="2001:0DB8:0:0::1") == (True, Reason.AGREED)


def _version(**changed: Any) -> str:
    return Standing.of(msgspec.structs.replace(FLEET, **changed)).version


def test_a_version_follows_from_what_decides_and_from_nothing_else() -> None:
    known = _version()
    assert point().answer(GATEWAY, FINE).version == known
    turned = dict(reversed(list(FLEET.intents.items())))
    assert _version(intents=turned) == known
    assert _version(prober="spiffe://shop.example/prober") == known
    denied = frozenset({CART})
    changes: tuple[dict[str, Any], ...] = ({"denied": denied}, {"bound": {}}, {"instances": {}}, {"intents": {}})
    for changed in changes:
        assert _version(**changed) != known


def test_a_version_is_the_same_in_every_process() -> None:
    told = "from tests.mesh.decision.fleets import FLEET; from licet.mesh.decision.standing import Standing"
    for seed in ("1", "2"):
        words = [sys.executable, "-c", f"{told}; print(Standing.of(FLEET).version)"]
        environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}
        ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == _version()


def test_what_stands_when_it_is_asked_decides() -> None:
    standing = [Standing.of(FLEET)]
    asked = Point(lambda: standing[0], where, frozenset({GATEWAY}))
    assert asked.answer(GATEWAY, FINE).allowed
    standing[0] = Standing.of(msgspec.structs.replace(FLEET, denied=frozenset({FRONTEND})))
    assert asked.answer(GATEWAY, FINE).explained.reason is Reason.REVOKED


@given(fleets(), fleets())
def test_a_fleet_stands_the_same_whatever_stood_before_it(first: Fleet, second: Fleet) -> None:
    before = Standing.of(first)
    assert Standing.of(second, before) == Standing.of(second)
    changed = msgspec.structs.replace(second, intents=first.intents)
    assert Standing.of(changed, before) == Standing.of(changed)
