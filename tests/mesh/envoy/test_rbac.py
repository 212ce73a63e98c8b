"""Envoy decides as `verdict.decide` does, and gives the same name of what decided."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.flows.envoy_verdict import ADMISSION
from licet.mesh.envoy import rbac
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, From, Intent, Proof, Rule, Served, Speaks
from licet.mesh.verdict import Decision, Request, decide
from licet.model.addresses import AddressSet
from tests.mesh.envoy.served import KEY, Workload, identity, workload

CALLERS = ("web", "shop/api", "batch", "cart", "stranger")
SOURCES = ("127.0.0.1", "127.0.0.2", "127.0.0.9")
METHODS = ("GET", "POST", "DELETE", "HEAD")
PATHS = (
    "/",
    "/v1",
    "/v1/",
    "/v1/items",
    "/v10",
    "/V1",
    "/v1.5",
    "/shop.Cart/Add",
    "/shop.Cart/Remove",
    "/shop.Cartel/Add",
)
HTTP = tuple(
    HttpMatch(methods, path, exact)
    for methods in ((), ("GET",), ("GET", "POST"))
    for path, exact in (("/", False), ("/", True), ("/v1", False), ("/v1/", False), ("/v1", True), ("/v1/", True))
)
GRPC = (GrpcMatch("shop.Cart"), GrpcMatch("shop.Cart", ("Add",)), GrpcMatch("shop.Cart", ("Add", "Remove")))


@pytest.fixture(scope="module")
def cart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """Of each kind a port that hears callers without a certificate, and one that does not."""
    ports = [(speaks, strict) for speaks in Speaks for strict in (False, True)]
    with workload(tmp_path_factory.mktemp("cart"), ports) as running:
        yield running


@pytest.mark.parametrize("seed", [0, 1, 2, 7])
def test_every_verdict_and_its_name_are_those_of_the_decision(cart: Workload, seed: int) -> None:
    chance = random.Random(seed)
    stage = Stage.SHADOW if seed == 7 else Stage.ENFORCE
    intent = _intent(chance, cart.intent)
    bound = {identity(each): frozenset(chance.sample(SOURCES, 2)) for each in chance.sample(CALLERS, 2)}
    if seed % 2:
        bound[identity("batch")] = frozenset()  # its workload runs nowhere now
    fleet = cart.obey(intent, stage, denied=frozenset({identity(chance.choice(CALLERS))}), bound=bound)
    cart.plane.heard.clear()
    asked = [
        each
        for served in intent.serves
        for path in ("", *CALLERS)
        for source in SOURCES
        if path or rbac.hears_strangers(served, stage)
        for each in _ask(cart, served, path, source, chance)
    ]
    told = {each: cart.plane.found(f"inbound/{each.served.port}", each.told_of) for each in asked}
    for each, entry in told.items():
        expected = decide(fleet, KEY, each.request)
        # Whatever else passes while it is not enforced, who is revoked does not.
        passes = stage is Stage.SHADOW and each.request.identity not in fleet.denied
        assert each.passed == (expected.allowed or passes), each
        assert _judged(each, entry, stage) == (expected.allowed, _name(each, expected, stage)), each
    assert len(asked) > 100


def test_policies_that_decide_otherwise_have_other_marks() -> None:
    """By its mark the prober tells one from another, whoever it is that they differ about."""
    near, here = From(AddressSet.of(["10.0.0.0/8"])), From(AddressSet.of(["10.0.0.0/9"]))
    web = Proof(frozenset({identity("web")}))
    first = Served(8080, Speaks.HTTP, False, (Rule("a", near, (), (), None),))
    others = [
        msgspec.structs.replace(first, port=8081),
        msgspec.structs.replace(first, speaks=Speaks.TCP),
        msgspec.structs.replace(first, strict=True),
        msgspec.structs.replace(first, rules=(Rule("b", near, (), (), None),)),
        msgspec.structs.replace(first, rules=(Rule("a", here, (), (), None),)),
        msgspec.structs.replace(first, rules=(Rule("a", near, (HTTP[2],), (), None),)),
        msgspec.structs.replace(first, rules=(*first.rules, Rule("c", web, (), (), None))),
    ]
    fleet = Fleet("example.org", {}, prober=identity("prober"))
    denying = msgspec.structs.replace(fleet, denied=frozenset({identity("web")}))
    marks = [rbac.policy(each, stage, fleet).mark for each in (first, *others) for stage in Stage]
    marks.append(rbac.policy(first, Stage.ENFORCE, denying).mark)
    assert len(set(marks)) == len(marks)


class Asked(msgspec.Struct, frozen=True):
    """What was asked over a connection, from this port, and whether it was let through."""

    served: Served
    request: Request
    local: int
    passed: bool

    def told_of(self, entry: Any) -> bool:
        """Whether an access log's entry is the last of it."""
        common = entry.common_properties
        if common.downstream_direct_remote_address.socket_address.port_value != self.local:
            return False
        if common.intermediate_log_entry or not (common.metadata.filter_metadata or ADMISSION in common.custom_tags):
            return False
        return not self.request.path or entry.request.path == f"{self.request.path}?is=it"


def _ask(cart: Workload, served: Served, path: str, source: str, chance: random.Random) -> Iterator[Asked]:
    requests = [("", "")]
    if served.speaks is Speaks.HTTP:
        requests = [(chance.choice(METHODS), each) for each in chance.sample(PATHS, 5)]
    with cart.call(served.port, f"/{path}" if path else "", source) as caller:
        local = caller.socket.getsockname()[1]
        for method, at in requests:
            passed = caller.status(method, f"{at}?is=it") == 200 if method else caller.admitted()
            request = Request(served.port, identity(path) if path else "", source, method, at)
            yield Asked(served, request, local, passed)


def _judged(asked: Asked, entry: Any, stage: Stage) -> tuple[bool, str]:
    if asked.served.speaks is Speaks.TCP:
        admission = entry.common_properties.custom_tags[ADMISSION]
        assert (admission[0] == "-") == (not asked.passed)
        return admission[0] == "+", admission[1:]
    metadata = entry.common_properties.metadata.filter_metadata
    [fields] = [metadata[name] for name in metadata if name.endswith("rbac")]
    said = "shadow" if stage is Stage.SHADOW else "enforced"
    return fields[f"{said}_engine_result"] == "allowed", fields[f"{said}_effective_policy_id"]


def _name(asked: Asked, decision: Decision, stage: Stage) -> str:
    """Of who is not among the callers Envoy knows not where they belong, and where it refuses anyway no revocation."""
    if decision.rule == REVOKED and stage is not Stage.ENFORCE:
        return REVOKED
    rules = [rule.who for rule in asked.served.rules]
    needed = any(isinstance(who, From) or asked.request.identity in who.identities for who in rules)
    return decision.rule if decision.rule not in (FOREIGN_ADDRESS, REVOKED) or needed else DEFAULT_DENY


def _intent(chance: random.Random, intent: Intent) -> Intent:
    return msgspec.structs.replace(intent, serves=tuple(_served(chance, each) for each in intent.serves))


def _served(chance: random.Random, served: Served) -> Served:
    return msgspec.structs.replace(
        served, rules=tuple(_rule(chance, f"{served.port}/{number}") for number in range(chance.randint(0, 5)))
    )


def _rule(chance: random.Random, name: str) -> Rule:
    who = (
        From(AddressSet.of(chance.sample(["127.0.0.2", "127.0.0.8/29", "127.0.0.0/30", "10.0.0.0/8", "::1"], 2)))
        if chance.random() < 0.3
        else Proof(frozenset(identity(each) for each in chance.sample(CALLERS, chance.randint(1, 3))))
    )
    http = tuple(chance.sample(HTTP, chance.choice((0, 1, 2))))
    return Rule(name, who, http, tuple(chance.sample(GRPC, chance.choice((0, 0, 1)))), None)
