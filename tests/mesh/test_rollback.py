"""What brings a workload back to Shadow, and what whoever provokes refusals does not bring about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.flows.record import (
    Confidence,
    Decision,
    Endpoint,
    Evidence,
    Flow,
    Reporter,
    Request,
    Side,
    Transport,
    Verdict,
)
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, Intent, Proof, Rule, Served, Speaks
from licet.mesh.rollback import AUTOMATIC, Edge, Harm, Rollback, Thresholds
from licet.mesh.rollout import Step
from licet.model.key import Key

AT = datetime(2026, 11, 21, tzinfo=UTC)
PLACE = Place(Origin("contracts.yaml", 0, 1, ()), ())
PORT = 8080
SHADOW, CANARY = Step(Mode.SHADOW), Step(Mode.CANARY, 50)


def key(name: str) -> Key:
    return Key("", "apps", "Deployment", "shop", name)


CART, STOCK = key("cart"), key("stock")


def intent(name: str, mode: Mode = Mode.ENFORCE, *rules: str) -> Intent:
    admitted = tuple(Rule(rule, Proof(frozenset({identity(rule)})), (), (), PLACE) for rule in rules)
    served = (Served(PORT, Speaks.HTTP, strict=True, rules=admitted),)
    return Intent(key(name), identity(name), mode, served, (), PLACE)


def identity(name: str) -> str:
    return f"spiffe://shop.example/ns/shop/sa/{name}"


def flow(verdict: Verdict, path: str = "/v1/items/7", **other: Any) -> Flow:
    """A request of `cart` to `stock`, as the latter's sidecar tells of it."""
    rule = "cart->stock" if verdict is Verdict.FORWARDED else DEFAULT_DENY
    made = Flow(
        AT,
        Endpoint(identity("cart"), workload=CART),
        Endpoint(identity("stock"), workload=STOCK, port=PORT),
        Transport.TCP,
        Reporter(Side.DESTINATION, "shop/stock[Deployment]/1", "envoy"),
        verdict,
        Decision(Evidence.ENFORCER, "envoy", rule=rule),
        request=Request(method="GET", path=path),
        confidence=Confidence.PROVED,
    )
    return msgspec.structs.replace(made, **other)


def rule(name: str) -> Decision:
    return Decision(Evidence.ENFORCER, "envoy", rule=name)


class Watch:
    """A rollback, whose clock goes on with what it is told."""

    def __init__(self, step: Step | None = SHADOW, mode: Mode = Mode.ENFORCE) -> None:
        self.now = 1000.0
        self.made = Rollback(Thresholds())
        self.contract(step, mode)

    def contract(self, step: Step | None, mode: Mode = Mode.ENFORCE, *rules: str) -> None:
        """Have this be enforced from now on."""
        steps = {} if step is None else {str(STOCK): step}
        self.made.enforced({CART: intent("cart"), STOCK: intent("stock", mode, *rules)}, steps, self.now)

    def hear(self, times: int, made: Flow, pause: float = 0.0) -> None:
        """Hear of so many of these, with so many seconds between."""
        for _ in range(times):
            self.made.hear(made, self.now)
            self.now += pause

    @property
    def due(self) -> list[Key]:
        """Who is to go back."""
        return list(self.made.due(self.now))


def used(step: Step | None = CANARY) -> Watch:
    """An edge that was let through for long, and then a step forward."""
    watch = Watch()
    watch.hear(20, flow(Verdict.WOULD_REFUSE), pause=10)
    watch.now += 300
    watch.contract(step)
    return watch


@pytest.mark.parametrize("step", [CANARY, None])
def test_a_step_that_refuses_what_was_in_use_is_taken_back(step: Step | None) -> None:
    watch = used(step)
    assert watch.due == []
    watch.hear(9, flow(Verdict.REFUSED, path="/v1/items/8"))
    assert watch.due == []
    watch.hear(1, flow(Verdict.REFUSED))
    [(workload, harm)] = watch.made.due(watch.now).items()
    assert (workload, harm) == (STOCK, Harm(Edge(CART, STOCK, PORT), 10, 10, would=False))
    assert harm.reason == (
        "automatic: 10 of 10 requests refused on shop/cart[Deployment] -> shop/stock[Deployment]:8080, which was in use"
    )


def test_a_step_that_is_about_to_refuse_what_is_in_use_is_not_waited_for() -> None:
    watch = Watch()
    watch.hear(20, flow(Verdict.WOULD_REFUSE), pause=1)
    watch.contract(CANARY)
    [harm] = watch.made.due(watch.now).values()
    assert harm == Harm(Edge(CART, STOCK, PORT), 20, 20, would=True)


@pytest.mark.parametrize(
    "made",
    [
        flow(Verdict.REFUSED, path="/admin"),
        flow(Verdict.REFUSED, path="/v2/items/7"),
        flow(Verdict.REFUSED, request=Request(method="DELETE", path="/v1/items/7")),
        flow(Verdict.REFUSED, decision=rule(REVOKED)),
        flow(Verdict.REFUSED, decision=rule(FOREIGN_ADDRESS)),
        flow(Verdict.REFUSED, decision=None),
        flow(Verdict.FAILED),
        flow(Verdict.REFUSED, reporter=Reporter(Side.SOURCE, "shop/cart[Deployment]/1", "envoy")),
        flow(Verdict.REFUSED, source=Endpoint(address="10.0.0.9")),
        flow(Verdict.REFUSED, source=Endpoint("spiffe://shop.example/vm")),
        flow(Verdict.REFUSED, source=Endpoint(claimed=identity("cart"), workload=CART)),
        flow(Verdict.REFUSED, source=Endpoint(identity("other"), workload=key("other"))),
        flow(Verdict.REFUSED, confidence=Confidence.REPORTED),
    ],
)
def test_a_flood_of_anything_else_switches_nothing_off(made: Flow) -> None:
    watch = used()
    watch.hear(10_000, made, pause=0.001)
    assert watch.due == []


def test_what_was_tried_a_few_times_before_a_step_was_not_in_use() -> None:
    watch = used()
    watch.contract(SHADOW)
    watch.hear(4, flow(Verdict.WOULD_REFUSE, path="/admin"))
    watch.contract(CANARY)
    watch.hear(1000, flow(Verdict.REFUSED, path="/admin"))
    assert watch.due == []


def test_what_is_let_through_by_other_instances_after_a_step_was_not_in_use_before() -> None:
    watch = used()
    watch.hear(1000, flow(Verdict.WOULD_REFUSE, path="/admin"))
    watch.hear(1000, flow(Verdict.REFUSED, path="/admin"))
    assert watch.due == []


def test_what_makes_a_small_part_is_borne() -> None:
    watch = used()
    watch.hear(1000, flow(Verdict.FORWARDED))
    watch.hear(40, flow(Verdict.REFUSED))
    assert watch.due == []
    watch.hear(20, flow(Verdict.REFUSED))
    assert watch.due == [STOCK]


def test_after_its_time_a_step_stands() -> None:
    watch = used()
    watch.now += Thresholds().bake + 1
    watch.hear(1000, flow(Verdict.REFUSED))
    assert watch.due == []


def test_a_contract_that_admits_less_is_meant_to_refuse() -> None:
    watch = Watch(step=None)
    watch.contract(None, Mode.ENFORCE, "cart")
    watch.hear(1000, flow(Verdict.FORWARDED))
    watch.contract(None, Mode.ENFORCE)
    watch.hear(1000, flow(Verdict.REFUSED))
    assert watch.due == []


def test_a_contract_whose_mode_goes_forward_is_a_step() -> None:
    watch = Watch(step=None, mode=Mode.SHADOW)
    watch.hear(20, flow(Verdict.WOULD_REFUSE), pause=10)
    watch.now += 300
    watch.contract(None, Mode.ENFORCE)
    watch.hear(20, flow(Verdict.REFUSED))
    assert watch.due == [STOCK]


def test_whoever_releases_what_was_taken_back_has_the_last_word_until_the_contract_changes() -> None:
    watch = used()
    watch.hear(20, flow(Verdict.REFUSED))
    assert watch.due == [STOCK]
    watch.contract(Step(Mode.SHADOW, reason=f"{AUTOMATIC}refusals"))
    watch.hear(20, flow(Verdict.WOULD_REFUSE), pause=1)
    watch.contract(None)
    watch.hear(100, flow(Verdict.REFUSED))
    assert watch.due == []
    watch.contract(SHADOW, Mode.ENFORCE, "other")
    watch.contract(None, Mode.ENFORCE, "other")
    watch.hear(100, flow(Verdict.REFUSED))
    assert watch.due == [STOCK]


def test_a_control_plane_that_begins_takes_what_it_finds_for_no_step() -> None:
    watch = Watch(step=None)
    watch.hear(1000, flow(Verdict.REFUSED))
    assert watch.due == []


def test_one_edge_leaves_the_others_their_room() -> None:
    watch = Watch()
    for number in range(1000):
        watch.hear(1, flow(Verdict.WOULD_REFUSE, path=f"/{'x' * (number % 20)}y{chr(97 + number % 26)}z/q"))
    other = msgspec.structs.replace(flow(Verdict.WOULD_REFUSE), source=Endpoint(identity("stock"), workload=STOCK))
    watch.hear(20, other)
    watch.now += 300
    watch.contract(None)
    watch.hear(20, msgspec.structs.replace(other, verdict=Verdict.REFUSED))
    assert watch.due == [STOCK]
