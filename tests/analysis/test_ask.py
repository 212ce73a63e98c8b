"""Assertions hold exactly where every connection they speak of is as they say, without a doubt."""

from __future__ import annotations

import msgspec
import pytest

from licet.analysis.ask import Answer, Failure, Unmatched, ask, findings
from licet.analysis.reach import reach
from licet.diag.diagnostic import Severity
from licet.diag.place import Origin, Place
from licet.diag.text import Text
from licet.manifest.decode.assertions import decode
from licet.manifest.documents import read
from licet.model.assertion import (
    Assertion,
    Expectation,
    Party,
    World,
)
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.ports import Protocol
from licet.model.profiles import PROFILES
from licet.model.verdict import Cause, Verdict
from tests.analysis.lint.given import namespace, pod, policy
from tests.analysis.parties import PLACE
from tests.answers import manifests

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


WHERE = Place(Origin("p.yaml"), ("spec", "ingress", 0))
DECIDED = Cause("NetworkPolicy", Direction.INGRESS, None, "ingress[0]", "allow", "`p` ingress[0] allows it", WHERE)
DOUBTFUL = ("a label is set", "an address is known")


def failing(verdict: Verdict, *, src: str = "a", port: int = 80, cause: Cause | None = None) -> Failure:
    """One connection to `b`."""
    assumptions = DOUBTFUL if verdict is Verdict.UNDETERMINED else ()
    return Failure(src, "b", Protocol.UDP, port, verdict, assumptions, cause)


@pytest.mark.parametrize(
    ("expectation", "verdict", "code", "holds", "said"),
    [
        (Expectation.DENY, Verdict.ALLOW, "L0300", "does not", "reaches"),
        (Expectation.ONLY, Verdict.ALLOW, "L0300", "does not", "reaches"),
        (Expectation.ALLOW, Verdict.DENY, "L0300", "does not", "does not reach"),
        (Expectation.DENY, Verdict.UNDETERMINED, "L0301", "may not", "may reach"),
        (Expectation.ONLY, Verdict.UNDETERMINED, "L0301", "may not", "may reach"),
        (Expectation.ALLOW, Verdict.UNDETERMINED, "L0301", "may not", "may not reach"),
    ],
)
def test_what_fails_is_said_in_words(
    expectation: Expectation, verdict: Verdict, code: str, holds: str, said: str
) -> None:
    """At the rule that decided, else at the assertion; what is left out of few lines is at least counted."""
    assertion = Assertion("db", "", expectation, (), (), None, PLACE)
    one, other = failing(verdict), failing(verdict, src="c", port=53)
    [finding] = findings([Answer(assertion, (one, other), 2)])
    hangs = tuple(f"hangs on: {doubt}" for doubt in DOUBTFUL) if code == "L0301" else ()
    asserted = f"asserted in asks.yaml: `{expectation.value}`"
    also = f"also `c` {said} `b` on UDP 53"
    assert (finding.code, finding.where) == (code, PLACE)
    assert finding.message == f"`db` {holds} hold: `a` {said} `b` on UDP 80"
    assert finding.notes == (asserted, *hangs, also)
    reasoned = msgspec.structs.replace(assertion, reason="audits ask")
    [finding] = findings([Answer(reasoned, (failing(verdict, cause=DECIDED), other), 7)])
    assert finding.where == WHERE
    assert finding.notes == (f"{asserted}, since audits ask", DECIDED.text, *hangs, also, "7 pairs in all")
    unplaced = msgspec.structs.replace(DECIDED, place=None)
    [finding] = findings([Answer(assertion, (failing(verdict, cause=unplaced),), 1)])
    assert (finding.where, finding.notes) == (PLACE, (asserted, DECIDED.text, *hangs))


def test_nobody_and_no_connection_are_told_of_once() -> None:
    nobody = Unmatched(Party(World(), WHERE), "web")
    assertion = Assertion("db", "", Expectation.DENY, (), (), None, PLACE)
    told = [
        [(finding.code, finding.where) for finding in findings([answer]) if finding.message.startswith("`db` ")]
        for answer in (
            Answer(assertion),
            Answer(assertion, asks=False),
            Answer(assertion, unmatched=(nobody,), asks=False),
            Answer(assertion, (failing(Verdict.ALLOW),), 1, (nobody, nobody)),
        )
    ]
    assert told == [[], [("L0303", PLACE)], [("L0302", WHERE)], [("L0302", WHERE), ("L0302", WHERE), ("L0300", PLACE)]]


def test_the_cause_is_a_rule_wherever_there_is_one() -> None:
    """Of what both sides let pass, the last one that stands somewhere; where no policy decides, there is no place."""
    free = (namespace("free"), pod("api", "free"), pod("log", "free"))
    out = policy("out", "podSelector: {matchLabels: {app: api}}\npolicyTypes: [Egress]\negress: [{}]", "free")
    api, log = (f"workload: {{name: {name}}}" for name in ("api", "log"))
    [failure] = asked(claim("deny", api, log), *free, out).failures
    assert failure.cause is not None
    assert (failure.cause.policy, failure.cause.rule) == (
        Key("", "networking.k8s.io", "NetworkPolicy", "free", "out"),
        "egress[0]",
    )
    [failure] = asked(claim("deny", api, log), *free).failures
    assert failure.cause is not None
    assert (failure.cause.direction, failure.cause.place) == (Direction.INGRESS, None)


def test_bare_pods_that_are_alike_reach_each_other() -> None:
    """One may not be asked about itself, so the witness is a pair of two; of three there are six pairs."""
    bare = [
        f"\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: free, labels: {{app: one}}}}\n"
        "spec: {containers: [{name: c, image: i}]}\n"
        for name in ("una", "duo", "tria")
    ]
    ones = "pods: {podSelector: {matchLabels: {app: one}}}"
    answer = asked(claim("deny", ones, ones), namespace("free"), *bare)
    assert [(failure.src, failure.dst) for failure in answer.failures] == [("free/una[Pod]", "free/duo[Pod]")]
    assert answer.count == 6
    answer = asked(claim("deny", "workload: {name: duo}", ones), namespace("free"), *bare)
    assert [(failure.src, failure.dst) for failure in answer.failures] == [("free/duo[Pod]", "free/una[Pod]")]
    assert answer.count == 2


def test_a_pair_that_may_fail_hides_none_that_surely_does() -> None:
    """Many doubtful pairs come first here, and one that is sure; it is shown first."""
    wide = policy(
        "wide", "podSelector: {}\npolicyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", "many"
    )
    sure = policy("sure", "podSelector: {matchLabels: {app: p9}}\npolicyTypes: [Egress]\negress: [{}]", "many")
    crowd = [pod(f"p{at}", "many") for at in range(10)]
    open_db = policy("open", "podSelector: {}\ningress: [{}]", "data")
    many = claim("deny", "namespace: {name: many}", DB)
    answer = asked(many, namespace("many"), *crowd, wide, sure, open_db, profile="kubernetes")
    assert [(failure.src, failure.verdict) for failure in answer.failures] == [
        ("many/p9[Deployment]", Verdict.ALLOW),
        ("many/p0[Deployment]", Verdict.UNDETERMINED),
        ("many/p1[Deployment]", Verdict.UNDETERMINED),
    ]
    assert answer.count == 10
