"""Assertions are read strictly: what could be misunderstood is an error with the place, and asserts nothing."""

from __future__ import annotations

import pytest

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Path, Place
from licet.manifest.decode.assertions import decode
from licet.model.addresses import AddressSet
from licet.model.assertion import (
    AddressesWithin,
    Anything,
    Assertion,
    Expectation,
    GatewayNamed,
    IngressController,
    NamespaceNamed,
    PodsLabelled,
    Who,
    WorkloadNamed,
    World,
)
from licet.model.key import Pattern
from licet.model.ports import NamedPort, PortRange, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from tests.manifest.decode.given import documents

HEAD = "apiVersion: licet.dev/v1alpha1\nkind: Assertions\nmetadata: {name: shop}\nspec:\n  assertions:\n"
FROM = ("spec", "assertions", 0, "deny", "from", 0)


def read(entries: str, head: str = HEAD) -> tuple[tuple[Assertion, ...], list[Diagnostic]]:
    """Entries, one a line without its dash."""
    return decode(documents(head + "".join(f"  - {line}\n" for line in entries.strip().split("\n"))))


def one(peer: str, head: str = HEAD) -> Who:
    """Who a peer of `from` is."""
    found, wrong = read(f"{{name: a, deny: {{from: [{peer}], to: [any: {{}}]}}}}", head)
    assert wrong == []
    return found[0].sources[0].who


def fault(entry: str) -> tuple[str, Path, str, str]:
    """The one fault of an entry that is left out."""
    found, wrong = read(entry)
    assert found == ()
    assert [finding.severity for finding in wrong] == [Severity.ERROR]
    where = wrong[0].where
    assert isinstance(where, Place)
    return wrong[0].code, where.path, wrong[0].message, wrong[0].help


def test_the_whole_of_an_assertion() -> None:
    found, wrong = read(
        "{name: database, reason: secrets, only: {from: [workload: {name: a}, namespace: {name: b}], "
        "to: [workload: {name: c}], ports: [{port: 5432}, {port: 80, endPort: 90, transport: UDP}, {transport: SCTP}, "
        "{port: http}]}}\n{name: other, allow: {from: [platform: World], to: [any: {}]}}"
    )
    assert wrong == []
    database, other = found
    assert (database.name, database.reason, database.expectation) == ("database", "secrets", Expectation.ONLY)
    assert [party.who for party in database.sources] == [WorkloadNamed(Pattern("a")), NamespaceNamed("b")]
    assert database.ports == (
        PortRange(Protocol.TCP, 5432, 5432),
        PortRange(Protocol.UDP, 80, 90),
        PortRange(Protocol.SCTP),
        NamedPort("http", Protocol.TCP),
    )
    assert database.place.path == ("spec", "assertions", 0, "name")
    assert database.sources[1].place.path == ("spec", "assertions", 0, "only", "from", 1)
    assert (other.ports, other.expectation) == (None, Expectation.ALLOW)


@pytest.mark.parametrize(
    ("peer", "who"),
    [
        (
            "workload: {name: a, namespace: b, kind: Deployment, group: apps}",
            WorkloadNamed(Pattern("a", "b", "Deployment", "apps")),
        ),
        ("namespace: {name: bank}", NamespaceNamed("bank")),
        ("pods: {}", PodsLabelled(EVERYTHING, EVERYTHING)),
        (
            "pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}",
            PodsLabelled(EVERYTHING, Selector((Requirement("app", Operator.IN, ("web",)),))),
        ),
        (
            "cidr: {block: 10.0.0.0/8, except: [10.0.0.0/9]}",
            AddressesWithin(AddressSet.of(["10.128.0.0/9"]), "10.0.0.0/8 except 10.0.0.0/9"),
        ),
        ("cidr: {block: 'fd00::/8'}", AddressesWithin(AddressSet.of(["fd00::/8"]), "fd00::/8")),
        ("platform: World", World()),
        ("platform: Ingress", IngressController()),
        ("gateway: {name: public, namespace: infra}", GatewayNamed("public", "infra")),
        ("any: {}", Anything()),
    ],
)
def test_peers(peer: str, who: Who) -> None:
    assert one(peer) == who


def test_a_namespace_of_the_whole_is_that_of_names_without_one() -> None:
    head = HEAD.replace("name: shop", "name: shop, namespace: bank")
    assert one("workload: {name: a}", head) == WorkloadNamed(Pattern("a", "bank"))
    assert one("workload: {name: a, namespace: shop}", head) == WorkloadNamed(Pattern("a", "shop"))
    assert one("pods: {}", head) == PodsLabelled("bank", EVERYTHING)
    assert one("gateway: {name: g}", head) == GatewayNamed("g", "bank")


DENY = "{{name: a, deny: {{from: [{}], to: [any: {{}}]}}}}"


@pytest.mark.parametrize(
    ("entry", "code", "path", "message", "help"),
    [
        (DENY.format("wokload: {name: a}"), "L0140", (*FROM, "wokload"), "is not a field", "did you mean `workload`?"),
        (DENY.format("workload: {name: a}, any: {}"), "", (), "", ""),
        (DENY.format("{workload: {name: a}, any: {}}"), "L0140", FROM, "has `workload` and `any`", "exactly one of"),
        (DENY.format("{}"), "L0140", FROM, "has no peer", "exactly one of"),
        (DENY.format(""), "L0140", FROM[:-1], "names nobody", "`any: {}`"),
        (DENY.format("platform: Wrold"), "L0140", (*FROM, "platform"), "is `Wrold`", "did you mean `World`?"),
        (DENY.format("platform: Nodes"), "L0140", (*FROM, "platform"), "is `Nodes`", "use World or Ingress"),
        (DENY.format("cidr: {block: 10.0.0.0}"), "L0140", (*FROM, "cidr", "block"), "no prefix length", "10.0.0.0/32"),
        (DENY.format("workload: {}"), "L0140", (*FROM, "workload", "name"), "is missing", "required"),
        (DENY.format("workload: a"), "L0140", (*FROM, "workload"), "is a string where", "write a mapping"),
        (
            DENY.format("pods: {podSelector: {matchExpressions: [{key: a, operator: in}]}}"),
            "L0140",
            (*FROM, "pods", "podSelector", "matchExpressions", 0, "operator"),
            "is `in`",
            "use In, NotIn",
        ),
        ("{name: a}", "L0143", FROM[:3], "`a` says none of them", "exactly one of `deny`"),
        (
            "{name: a, deny: {from: [any: {}], to: [any: {}]}, allow: {from: [any: {}], to: [any: {}]}}",
            "L0143",
            FROM[:3],
            "`a` says `deny` and `allow`",
            "exactly one of",
        ),
        ("{name: a, denny: {}}", "L0140", (*FROM[:3], "denny"), "is not a field", "did you mean `deny`?"),
        ("{deny: {from: [any: {}], to: [any: {}]}}", "L0140", (*FROM[:3], "name"), "is missing", "required"),
        (
            "{name: a, deny: {from: [any: {}], to: [platform: Ingress]}}",
            "L0140",
            (*FROM[:4], "to", 0),
            "is only a source",
            "`from`",
        ),
        (
            "{name: a, deny: {from: [any: {}], to: [any: {}], ports: [{port: 80, protocol: TCP}]}}",
            "L0140",
            (*FROM[:4], "ports", 0, "protocol"),
            "is not a field",
            "did you mean `transport`?",
        ),
        (
            "{name: a, deny: {from: [any: {}], to: [any: {}], ports: [{port: 80, endPort: 79}]}}",
            "L0140",
            (*FROM[:4], "ports", 0, "endPort"),
            "is 79",
            "at least `port`",
        ),
        (
            "{name: a, deny: {from: [any: {}], to: [any: {}], ports: [{port: 65536}]}}",
            "L0140",
            (*FROM[:4], "ports", 0, "port"),
            "is 65536",
            "from 1 to 65535",
        ),
        (
            "{name: a, deny: {from: [any: {}], to: [any: {}], ports: [{port: 80, transport: tcp}]}}",
            "L0140",
            (*FROM[:4], "ports", 0, "transport"),
            "is `tcp`",
            "use TCP",
        ),
    ],
)
def test_faults(entry: str, code: str, path: Path, message: str, help: str) -> None:
    if not code:  # two peers, each of one field, are no fault
        assert len(read(entry)[0][0].sources) == 2
        return
    found = fault(entry)
    assert found[:2] == (code, path)
    assert message in found[2]
    assert help in found[3]


def test_a_faulty_entry_leaves_the_others_alone() -> None:
    sound = "deny: {from: [any: {}], to: [any: {}]}"
    found, wrong = read(f"{{name: a, {sound}}}\n{{name: b}}\n{{name: c, {sound}}}\n{{name: a, {sound}}}")
    assert [assertion.name for assertion in found] == ["a", "c"]
    assert [(finding.code, finding.message) for finding in wrong] == [
        ("L0143", "`b` says none of them"),
        ("L0142", "`a` is asserted twice"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", "`Namespace` where `Assertions` is due"),
        (HEAD.replace("  assertions:\n", "  assertions: []\n"), "no assertion at all"),
        (HEAD.replace("spec:\n  assertions:\n", ""), "`spec` is missing"),
        (HEAD.replace("  assertions:\n", "  assertions: {}\n"), "is a mapping where a list is due"),
    ],
)
def test_a_document_without_assertions_is_a_fault(text: str, message: str) -> None:
    """A file that asserts nothing would pass whatever the policies say."""
    found, wrong = decode(documents(text))
    assert found == ()
    assert len(wrong) == 1
    assert message in wrong[0].message
    assert wrong[0].severity is Severity.ERROR
