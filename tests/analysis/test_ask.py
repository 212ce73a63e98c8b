"""Assertions hold exactly where every connection they speak of is as they say, without a doubt."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

import pytest

from licet.analysis.ask import Answer, ask, findings
from licet.analysis.edges import gateway_id
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import Grant
from licet.analysis.reach import Reach, reach
from licet.diag.diagnostic import Severity
from licet.diag.place import Place
from licet.diag.text import Text
from licet.manifest.decode.assertions import decode
from licet.manifest.documents import read
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.assertion import (
    AddressesWithin,
    Anything,
    Assertion,
    Expectation,
    IngressController,
    World,
)
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, Protocol
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from tests.analysis.lint.given import namespace, pod, policy
from tests.analysis.parties import an_assertion, is_among, is_router_among, with_twins
from tests.analysis.test_routed import with_routes
from tests.answers import manifests
from tests.clusters import PORTS, border_addresses, random_cluster
from tests.clusters import random_profile as any_profile

SHOP = [
    namespace("shop"),
    namespace("data"),
    pod("web", port="http"),
    pod("cart"),
    pod("db", "data", port="sql"),
    policy("deny", "podSelector: {}\npolicyTypes: [Ingress, Egress]"),
    policy("deny", "podSelector: {}\npolicyTypes: [Ingress, Egress]", "data"),
    policy(
        "cart-out",
        "podSelector: {matchLabels: {app: cart}}\npolicyTypes: [Egress]\negress: "
        "[{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]},"
        " {to: [{ipBlock: {cidr: 203.0.113.0/28}}]}]",
    ),
    policy(
        "db-in",
        "podSelector: {matchLabels: {app: db}}\ningress: "
        "[{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: cart}}}], ports: [{port: 5432}]}]",
        "data",
    ),
]
CART, WEB, DB = (f"workload: {{name: {name}}}" for name in ("cart", "web", "db"))


def asked(claim: str, *more: str, profile: str = "cilium") -> Answer:
    """The answer to one assertion over SHOP and some objects."""
    cluster, wrong = manifests(texts=[Text("shop.yaml", "\n---\n".join([*SHOP, *more]).encode())])
    text = f"apiVersion: licet.dev/v1alpha1\nkind: Assertions\nspec: {{assertions: [{{name: a, {claim}}}]}}\n"
    documents, broken = read([Text("asks.yaml", text.encode())])
    assertions, faults = decode(documents)
    assert (wrong, broken, faults) == ([], [], [])
    [answer] = ask(reach(cluster, PROFILES[profile]), assertions)
    assert answer.holds is not bool(findings([answer]))
    return answer


def claim(verb: str, sources: str, destinations: str, ports: str = "") -> str:
    """One assertion without its name."""
    on = f", ports: [{ports}]" if ports else ""
    return f"{verb}: {{from: [{sources}], to: [{destinations}]{on}}}"


HOLDS = [
    claim("deny", WEB, DB),
    claim("deny", DB, "any: {}"),
    claim("deny", "any: {}", WEB),
    claim("deny", CART, DB, "{port: 5433}, {port: 5432, transport: UDP}"),
    claim("deny", CART, "cidr: {block: 0.0.0.0/0, except: [203.0.113.0/28]}"),
    claim("deny", "platform: Ingress", "any: {}"),
    claim("deny", "namespace: {name: data}", "namespace: {name: shop}"),
    claim("allow", CART, DB, "{port: 5432}"),
    claim("allow", CART, "cidr: {block: 203.0.113.8/29}"),
    claim("allow", "pods: {podSelector: {matchLabels: {app: cart}}}", DB, "{port: 5432}"),
    claim("only", CART, DB),
    claim("only", "namespace: {name: shop}", DB),
]

FAILS = [
    (claim("deny", CART, DB), "shop/cart[Deployment]", "data/db[Deployment]", 5432, Verdict.ALLOW, "db-in", 1),
    (claim("deny", "any: {}", DB), "shop/cart[Deployment]", "data/db[Deployment]", 5432, Verdict.ALLOW, "db-in", 1),
    (claim("deny", CART, "platform: World"), "shop/cart[Deployment]", "203.0.113.0", 1, Verdict.ALLOW, "cart-out", 1),
    (claim("only", WEB, DB), "shop/cart[Deployment]", "data/db[Deployment]", 5432, Verdict.ALLOW, "db-in", 1),
    (claim("allow", CART, DB), "shop/cart[Deployment]", "data/db[Deployment]", 1, Verdict.DENY, "db-in", 1),
    (
        claim("allow", CART, DB, "{port: 5432, endPort: 5433}"),
        "shop/cart[Deployment]",
        "data/db[Deployment]",
        5433,
        Verdict.DENY,
        "db-in",
        1,
    ),
    (
        claim("allow", f"{WEB}, {CART}", DB, "{port: 5432}"),
        "shop/web[Deployment]",
        "data/db[Deployment]",
        5432,
        Verdict.DENY,
        "db-in",
        1,
    ),
    (
        claim("allow", CART, "cidr: {block: 203.0.113.0/27}", "{port: 443}"),
        "shop/cart[Deployment]",
        "203.0.113.16",
        443,
        Verdict.DENY,
        "cart-out",
        1,
    ),
]


@pytest.mark.parametrize("said", HOLDS)
def test_an_assertion_holds(said: str) -> None:
    assert asked(said) == Answer(asked(said).assertion)


@pytest.mark.parametrize("case", FAILS)
def test_an_assertion_fails_with_a_witness_and_its_cause(case: tuple[str, str, str, int, Verdict, str, int]) -> None:
    said, src, dst, port, verdict, by, count = case
    answer = asked(said)
    assert not answer.holds
    assert answer.count == count
    failure = answer.failures[0]
    assert (failure.src, failure.dst, failure.protocol, failure.port, failure.verdict) == (
        src,
        dst,
        Protocol.TCP,
        port,
        verdict,
    )
    assert failure.cause is not None
    assert failure.cause.policy is not None
    assert failure.cause.policy.name == by
    [finding] = findings([answer])
    assert finding.where == failure.cause.place
    assert finding.code == "L0300"
    assert finding.help


def test_a_name_of_a_port_is_each_destinations_own() -> None:
    """`http` is 8080 on web; the database has no port of that name, so nothing is asked of it."""
    open_web = policy("open", "podSelector: {matchLabels: {app: web}}\ningress: [{}]")
    open_cart = policy(
        "out", "podSelector: {matchLabels: {app: cart}}\npolicyTypes: [Egress]\negress: [{to: [{podSelector: {}}]}]"
    )
    answer = asked(claim("deny", CART, f"{WEB}, {DB}", "{port: http}"), open_web, open_cart)
    assert [(failure.dst, failure.port) for failure in answer.failures] == [("shop/web[Deployment]", 8080)]
    assert asked(claim("allow", CART, f"{WEB}, {DB}", "{port: http}"), open_web, open_cart).holds


def test_a_doubt_is_a_failure_that_says_what_it_hangs_on() -> None:
    """Whether an ipBlock matches pods, the API leaves open."""
    wide = policy(
        "wide",
        "podSelector: {matchLabels: {app: web}}\npolicyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]",
    )
    open_db = policy("open", "podSelector: {}\ningress: [{}]", "data")
    said = claim("deny", WEB, DB)
    assert asked(said, wide, open_db).holds
    answer = asked(said, wide, open_db, profile="kubernetes")
    [finding] = findings([answer])
    assert finding.code == "L0301"
    assert answer.failures[0].verdict is Verdict.UNDETERMINED
    assert answer.failures[0].assumptions == ("the enforcer matches an ipBlock against pods' own addresses",)
    assert "hangs on: the enforcer matches an ipBlock against pods' own addresses" in finding.notes
    assert not asked(claim("allow", WEB, DB), wide, open_db, profile="kubernetes").holds


def test_replicas_are_sources_unless_named() -> None:
    """Of what one bare pod says to itself nobody asks, but whether it may: it always may."""
    near = policy("near", "podSelector: {}\ningress: [{from: [{podSelector: {}}]}]\negress: [{}]", "data")
    assert not asked(claim("only", CART, DB), near).holds
    assert asked(claim("only", f"{CART}, {DB}", DB), near).holds
    bare = "\napiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: data, labels: {app: one}}\n"
    bare += "spec: {containers: [{name: c, image: i}]}\n"
    assert asked(claim("only", DB, "workload: {name: one}"), bare, near).holds
    alone = asked(claim("deny", "workload: {name: one}", "workload: {name: one}"), bare, near)
    assert (alone.asks, alone.holds) == (False, False)
    assert [finding.code for finding in findings([alone])] == ["L0303"]
    assert asked(claim("allow", "workload: {name: one}", "workload: {name: one}"), bare, near).holds


@pytest.mark.parametrize(
    ("party", "meant"),
    [
        ("workload: {name: crat}", "did you mean `shop/cart[Deployment]`?"),
        ("workload: {name: cart, namespace: data}", "did you mean `shop/cart[Deployment]`?"),
        ("workload: {name: cart, kind: StatefulSet}", "did you mean `shop/cart[Deployment]`?"),
        ("workload: {name: nothing-like-it}", "`licet map` lists those there are"),
        ("namespace: {name: shops}", "did you mean `shop`?"),
        ("pods: {podSelector: {matchLabels: {app: crat}}}", "did you mean `app: cart`?"),
        ("gateway: {name: public}", "`licet map` lists those there are"),
        ("cidr: {block: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9]}", "`licet map` lists those there are"),
    ],
)
def test_a_party_that_is_nobody_makes_an_assertion_fail(party: str, meant: str) -> None:
    """What is said of nobody would always hold."""
    answer = asked(claim("deny", f"{party}, {WEB}", DB))
    assert answer.failures == ()
    [finding] = findings([answer])
    assert (finding.code, finding.help, finding.severity) == ("L0302", meant, Severity.ERROR)
    assert isinstance(finding.where, Place)
    assert finding.where.path == ("spec", "assertions", 0, "deny", "from", 0)


def test_what_routes_lead_to_is_the_ingress_controllers() -> None:
    service = (
        "\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
        "spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n"
    )
    ingress = (
        "\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\n"
        "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n"
    )
    open_web = policy("open", "podSelector: {matchLabels: {app: web}}\ningress: [{}]")
    objects = (service, ingress, open_web)
    assert asked(claim("allow", "platform: Ingress", WEB, "{port: 8080}"), *objects).holds
    refused = asked(claim("allow", "platform: Ingress", WEB, "{port: 8081}"), *objects)
    assert [(f.src, f.port, f.verdict, f.cause) for f in refused.failures] == [
        ("{ingress-controller}", 8081, Verdict.DENY, None)
    ]
    answer = asked(claim("deny", "any: {}", WEB, "{port: http}"), *objects)
    assert {failure.src for failure in answer.failures} == {"0.0.0.0", "{ingress-controller}"}
    assert asked(claim("only", "platform: Ingress, platform: World", WEB), *objects).holds


def twins(*names: str) -> list[str]:
    """Deployments that no policy could tell apart: one class, several workloads."""
    return [pod(name, "data").replace(f"{{app: {name}}}", "{app: twin}") for name in names]


def test_of_workloads_that_are_alike_only_those_named_are_meant() -> None:
    """Castor and Pollux are one class to every policy; an assertion may be about one of them."""
    castor, pollux = (f"workload: {{name: {name}}}" for name in ("castor", "pollux"))
    near = policy(
        "near",
        "podSelector: {matchLabels: {app: twin}}\ningress: [{from: [{podSelector: {matchLabels: {app: twin}}}]}]\n"
        "egress: [{}]",
        "data",
    )
    objects = (*twins("castor", "pollux"), near)
    answer = asked(claim("only", f"{castor}, {WEB}", castor), *objects)
    assert [(f.src, f.dst) for f in answer.failures] == [("data/pollux[Deployment]", "data/castor[Deployment]")]
    assert answer.count == 1
    assert asked(claim("only", f"{castor}, {pollux}, {WEB}", castor), *objects).holds
    assert asked(claim("only", f"{castor}, namespace: {{name: data}}", f"{castor}, {pollux}"), *objects).holds
    answer = asked(claim("deny", f"{pollux}, {WEB}", f"{castor}, {CART}"), *objects)
    assert [(f.src, f.dst) for f in answer.failures] == [("data/pollux[Deployment]", "data/castor[Deployment]")]
    answer = asked(claim("deny", "namespace: {name: data}", f"{castor}, {pollux}"), *objects)
    assert answer.count == 4
    assert asked(claim("deny", f"{castor}, namespace: {{name: data}}", castor), *objects).count == 2


def test_few_witnesses_stand_for_many() -> None:
    many = [pod(f"p{at}", "data") for at in range(20)]
    open_all = [policy("open", "podSelector: {}\ningress: [{}]\negress: [{}]", name) for name in ("shop", "data")]
    answer = asked(claim("deny", WEB, "namespace: {name: data}"), *many, *open_all)
    assert (len(answer.failures), answer.count) == (3, 21)
    assert "21 pairs in all" in findings([answer])[0].notes


# --- The law ---------------------------------------------------------------------------------------------------------


def packets(assertion: Assertion, cluster: Cluster, end: Workload | int) -> Iterator[tuple[Protocol, int]]:
    """The ports to look at on one destination: every border of every rule, where it is asked about."""
    for port in assertion.ports or tuple(PortRange(protocol) for protocol in Protocol):
        if isinstance(port, PortRange):
            borders = {at + step for at in PORTS for step in (-1, 0, 1)}
            borders |= {number.number for workload in cluster.workloads for number in workload.ports}
            yield from ((port.protocol, at) for at in sorted(borders) if port.first <= at <= port.last)
        elif isinstance(end, Workload):
            yield from end.port_numbers(port.name, port.protocol)


End = Workload | Key | int
"""Workloads, ingress controllers and gateways, addresses."""
Pair = tuple[Key | None, Key | None]
"""Both ends of a connection; all addresses outside are one."""


def worst(answer: Reach, assertion: Assertion) -> tuple[dict[Pair, set[Verdict]], bool]:
    """The verdicts that fail, packet by packet, and whether there was any packet."""
    cluster = answer.cluster
    ends: list[Workload | int] = [*cluster.workloads, *_addresses(assertion, cluster)]
    sources = [end for end in (*ends, *routers(answer)) if _is_source(assertion, end, cluster)]
    failing: dict[Pair, set[Verdict]] = {}
    asked_any = False
    for src, dst in itertools.product(sources, ends):
        if isinstance(src, int) and isinstance(dst, int):
            continue
        itself = src is dst and isinstance(src, Workload) and src.key.kind == "Pod"
        if itself and assertion.expectation is not Expectation.ALLOW:
            continue
        if isinstance(src, Key) and isinstance(dst, int):
            continue
        if not any(is_among(party.who, dst, cluster) for party in assertion.destinations):
            continue
        grant = granted(answer, src, dst)
        for point in packets(assertion, cluster, dst):
            asked_any = True
            verdict = grant.verdict(point)
            if verdict is not (Verdict.ALLOW if assertion.expectation is Expectation.ALLOW else Verdict.DENY):
                failing.setdefault((_key(src), _key(dst)), set()).add(verdict)
    return failing, asked_any


def routers(answer: Reach) -> list[Key]:
    """Whatever leads to pods from outside, wherever it leads."""
    return list(
        dict.fromkeys([INGRESS_CONTROLLER, *(gateway.key for gateway in answer.cluster.gateways), *answer.routed])
    )


def _addresses(assertion: Assertion, cluster: Cluster) -> list[int]:
    found = border_addresses(cluster)
    for party in (*assertion.sources, *assertion.destinations):
        if isinstance(party.who, AddressesWithin):
            found += [edge + step for span in party.who.addresses.spans for edge in span for step in (-1, 0, 1)]
    return [one for one in found if 0 <= one <= EVERY_ADDRESS.spans[-1][1]]


def _is_source(assertion: Assertion, end: End, cluster: Cluster) -> bool:
    whos = [party.who for party in assertion.sources]
    only = assertion.expectation is Expectation.ONLY
    if isinstance(end, Key):
        if assertion.expectation is Expectation.ALLOW:
            whos = [who for who in whos if who != Anything()]
        return only is not any(is_router_among(who, end) for who in whos)
    if only:
        return is_among(Anything(), end, cluster) and not any(is_among(who, end, cluster, surely=True) for who in whos)
    return any(is_among(who, end, cluster) for who in whos)


def granted(answer: Reach, src: End, dst: Workload | int) -> Grant:
    """What the whole answer says of a connection; for routers, of what their routes lead to."""
    if isinstance(src, Key):
        assert isinstance(dst, Workload)
        return answer.routed.get(src, {}).get(answer.population.class_of[dst.key], answer.grants.denied)
    return answer.between(src.key if isinstance(src, Workload) else src, dst.key if isinstance(dst, Workload) else dst)


def _key(end: End) -> Key | None:
    return end.key if isinstance(end, Workload) else end if isinstance(end, Key) else None


@pytest.mark.parametrize("seed", range(150))
def test_it_agrees_with_every_single_packet(seed: int) -> None:
    """On random clusters: what fails is what some packet shows, pair by pair, and every witness is such a packet."""
    rng = Random(seed)
    cluster = with_routes(rng, with_twins(rng, random_cluster(rng)))
    answered = reach(cluster, any_profile(rng))
    names: dict[str, End] = {str(workload.key): workload for workload in cluster.workloads}
    names |= {gateway_id(router): router for router in routers(answered)}
    assertions = [an_assertion(rng, cluster, routers(answered)) for _ in range(6)]
    for assertion, answer in zip(assertions, ask(answered, assertions), strict=True):
        failing, asked_any = worst(answered, assertion)
        certain = {Verdict.DENY, Verdict.ALLOW} & {verdict for verdicts in failing.values() for verdict in verdicts}
        assert answer.count == len(failing), assertion
        assert bool(answer.failures) == bool(failing)
        if answer.failures:
            assert (answer.failures[0].verdict in certain) == bool(certain)
        for failure in answer.failures:
            src, dst = (
                names[name] if name in names else AddressSet.of([name]).spans[0][0]
                for name in (failure.src, failure.dst)
            )
            assert not isinstance(dst, Key)
            assert granted(answered, src, dst).verdict((failure.protocol, failure.port)) is failure.verdict
            assert failure.verdict in failing[_key(src), _key(dst)]
            assert bool(failure.assumptions) == (failure.verdict is Verdict.UNDETERMINED)
        if assertion.ports is None and assertion.expectation is not Expectation.ONLY:
            assert answer.asks == asked_any
        parties = (*assertion.sources, *assertion.destinations)
        assert [one.party for one in answer.unmatched] == [
            party
            for party in parties
            if not isinstance(party.who, AddressesWithin | World | IngressController)
            and not any(is_among(party.who, workload, cluster) for workload in cluster.workloads)
            and not any(is_router_among(party.who, gateway.key) for gateway in cluster.gateways)
        ]
