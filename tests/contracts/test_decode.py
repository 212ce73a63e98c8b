"""Contracts are read strictly: what could be misunderstood is an error with its place, and agrees to nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from licet.contracts.contract import (
    Application,
    Call,
    Caller,
    CidrPeer,
    Contract,
    Contracts,
    DnsPeer,
    From,
    GatewayPeer,
    GrpcMatch,
    HttpMatch,
    Isolation,
    Mode,
    MutualTls,
    NamespaceContract,
    NamespacePeer,
    Need,
    PlatformPart,
    PlatformPeer,
    SelfPeer,
    Sensitivity,
    Serve,
    ServicePeer,
    SpiffePeer,
    WorkloadPeer,
)
from licet.contracts.decode import is_contract
from licet.diag.place import Origin, Place
from licet.manifest.documents import Document
from licet.model.addresses import AddressSet
from licet.model.key import Key, Pattern
from licet.model.ports import NamedPort, PortRange, Protocol
from tests.contracts.read import HEAD, SOURCE, TARGET, contract, decoded, faults, origin, told

_FULL = (Path(__file__).parent / "full.yaml").read_text()
_NAMESPACE = "apiVersion: licet.dev/v1alpha1\nkind: NamespaceContract\nmetadata: {name: default, namespace: shop}\n"


def _deployment(name: str, namespace: str = "shop", cluster: str = "") -> WorkloadPeer:
    return WorkloadPeer(Pattern(name, namespace, "Deployment", None, cluster))


def _tcp(first: int, last: int | None = None) -> PortRange:
    return PortRange(Protocol.TCP, first, last or first)


def test_the_whole_of_a_contract() -> None:
    found, wrong = decoded(_FULL)
    assert wrong == []
    first, second = _FULL.split("---\n")
    own = Origin(SOURCE, 0, len(first))

    def at(*path: str | int) -> Place:
        return Place(own, ("spec", *path))

    def admitted(number: int) -> Place:
        return at("serves", 0, "callers", "peers", number)

    archive = AddressSet.of(["10.20.0.0/16"]) - AddressSet.of(["10.20.9.0/24"])
    checkout = Contract(
        Key("", "licet.dev", "Contract", "shop", "checkout"),
        Pattern("checkout", "shop", "Deployment", "apps", ""),
        (
            Serve(
                "grpc",
                (_tcp(5050),),
                From.SELECTED,
                (
                    Caller("frontend", _deployment("frontend"), admitted(0)),
                    Caller(
                        "ledger",
                        _deployment("ledger", "bank", "eu-west"),
                        admitted(1),
                        grpc=(GrpcMatch("shop.Checkout", ("PlaceOrder",)),),
                    ),
                    Caller("team", NamespacePeer("bank"), admitted(2)),
                    Caller("public", GatewayPeer("infra", "public"), admitted(3)),
                    Caller("vm", SpiffePeer("spiffe://corp/vm/ledger"), admitted(4)),
                    Caller("legacy", CidrPeer(AddressSet.of(["10.9.0.0/16"]), "10.9.0.0/16"), admitted(5)),
                    Caller("scraper", PlatformPeer(PlatformPart.METRICS), admitted(6)),
                ),
                at("serves", 0),
                Application.GRPC,
                MutualTls.STRICT,
            ),
        ),
        (
            Call(
                "charge",
                _deployment("payment"),
                at("calls", 0),
                serves="grpc",
                grpc=(GrpcMatch("shop.Payment", ("Charge",)),),
                need=Need.REQUIRED,
                reason="charges the card",
            ),
            Call("cache", ServicePeer("data", "redis"), at("calls", 1), ports=(_tcp(6379),)),
            Call(
                "items",
                _deployment("catalog"),
                at("calls", 2),
                serves="http",
                http=(HttpMatch(("GET",), "/v1/items", False),),
            ),
            Call(
                "stripe",
                DnsPeer("api.stripe.com"),
                at("calls", 3),
                ports=(_tcp(443),),
                not_after=datetime(2027, 3, 31, tzinfo=UTC),
            ),
            Call(
                "archive",
                CidrPeer(archive, "10.20.0.0/16 except 10.20.9.0/24"),
                at("calls", 4),
                ports=(_tcp(5432, 5435),),
            ),
            Call("gossip", SelfPeer(), at("calls", 5), ports=(_tcp(7946), PortRange(Protocol.UDP, 7946, 7946))),
            Call("api", PlatformPeer(PlatformPart.API_SERVER), at("calls", 6)),
        ),
        own,
        "team-payments",
        Sensitivity.CONFIDENTIAL,
        Mode.ENFORCE,
    )
    shop = NamespaceContract("shop", Origin(SOURCE, len(first) + 4, len(second)), Isolation.CONTRACTED, Mode.SHADOW)
    assert found == Contracts((checkout,), (shop,), None)


def test_what_may_be_left_out() -> None:
    text = "apiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: a}\n" + "spec:\n" + TARGET
    found, wrong = decoded(text, namespace="shop", cluster="eu", mode="Canary")
    assert wrong == []
    key = Key("eu", "licet.dev", "Contract", "shop", "a")
    target = Pattern("checkout", "shop", "Deployment", None, "eu")
    assert found == Contracts((Contract(key, target, (), (), origin(text)),), (), Mode.CANARY)


def test_an_entry_that_says_nothing_of_callers_admits_nobody() -> None:
    [serve] = contract("  serves: [{name: a, ports: [{port: http, transport: SCTP}]}]\n").serves
    assert (serve.admits, serve.callers) == (From.NONE, ())
    assert serve.ports == (NamedPort("http", Protocol.SCTP),)


def test_names_are_those_of_the_contracts_namespace_and_cluster() -> None:
    made = contract(
        "  calls:\n  - {name: a, to: {workload: {name: b}}}\n  - {name: c, to: {service: {name: d}}}\n"
        "  serves:\n  - {name: e, ports: [{port: 1}], callers: {from: Selected, peers: [{name: f, "
        "gateway: {name: g}}]}}\n",
        cluster="eu",
    )
    assert [call.peer for call in made.calls] == [
        WorkloadPeer(Pattern("b", "shop", None, None, "eu")),
        ServicePeer("shop", "d"),
    ]
    assert made.serves[0].callers[0].peer == GatewayPeer("shop", "g")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("http: [{}]", (HttpMatch(()),)),
        ("http: [{path: {value: /a, type: Exact}}]", (HttpMatch((), "/a", True),)),
        ("http: [{methods: [HEAD, PATCH]}, {path: {value: /}}]", (HttpMatch(("HEAD", "PATCH")), HttpMatch(()))),
    ],
)
def test_requests(call: str, expected: tuple[HttpMatch, ...]) -> None:
    assert contract(f"  calls: [{{name: a, to: {{workload: {{name: b}}}}, {call}}}]\n").calls[0].http == expected


def test_what_holds_for_a_namespace() -> None:
    found, wrong = decoded(_NAMESPACE + "spec: {isolate: AllWorkloads}\n---\n" + _NAMESPACE.replace("shop", "bank"))
    assert wrong == []
    assert [(one.namespace, one.isolate, one.mode) for one in found.namespaces] == [
        ("shop", Isolation.ALL, None),
        ("bank", Isolation.CONTRACTED, None),
    ]


_NOBODY = "  calls:\n  - {name: a, ports: [{port: 1}], to: {}}\n"


def test_every_fault_of_a_contract_is_told_at_once() -> None:
    text = HEAD + "  targetref: {}\n  mode: 5\n  calls: [{name: B}]\n"
    assert [(code, message) for code, message, _, _ in faults(text)] == [
        ("L0352", "`spec.targetref` is not a field of a contract"),
        ("L0351", "`spec.mode` is the number 5 where a string is due"),
        ("L0350", "`spec.calls[0].name` is `B`"),
        ("L0353", "`spec.calls[0].to` is missing"),
        ("L0353", "`spec.targetRef` is missing"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "message", "help", "underlined"),
    [
        (
            HEAD.replace("v1alpha1", "v1") + TARGET,
            "L0359",
            "`licet.dev/v1` is no known version of Contract",
            "write `licet.dev/v1alpha1`",
            "licet.dev/v1",
        ),
        (
            HEAD.replace("Contract", "Contrat") + TARGET,
            "L0360",
            "`licet.dev` has no kind `Contrat`",
            "did you mean `Contract`?",
            "Contrat",
        ),
        (
            HEAD.replace("name: checkout, ", "") + TARGET,
            "L0353",
            "`metadata.name` is missing",
            "add it: its name",
            "{namespace: shop}",
        ),
        (
            HEAD.replace("namespace:", "namepsace:") + TARGET,
            "L0352",
            "`metadata.namepsace` is not a field of a contract",
            "did you mean `namespace`?",
            "namepsace",
        ),
        (
            _NAMESPACE.replace("default", "main"),
            "L0358",
            "a NamespaceContract is named `main`",
            "name it `default`: a namespace has one NamespaceContract",
            "main",
        ),
        (
            _NAMESPACE + "spec: {isolate: AllWorkload}\n",
            "L0350",
            "`spec.isolate` is `AllWorkload`",
            "did you mean `AllWorkloads`?",
            "AllWorkload",
        ),
    ],
)
def test_a_document_that_cannot_be_taken(text: str, code: str, message: str, help: str, underlined: str) -> None:
    found, [finding] = decoded(text)
    assert found == Contracts()
    assert told(finding, text) == (code, message, help, underlined)


@pytest.mark.parametrize("text", [HEAD + TARGET, _NAMESPACE])
def test_of_two_of_one_name_the_first_counts(text: str) -> None:
    found, [finding] = decoded(f"{text}---\n{text}")
    origins = [*(one.origin for one in found.contracts), *(one.origin for one in found.namespaces)]
    assert [origin.offset for origin in origins] == [0]
    assert (finding.code, len(finding.related)) == ("L0357", 1)
    assert isinstance(finding.where, Place)
    assert finding.where.origin.offset > 0


def test_a_faulty_first_one_leaves_no_room_for_a_second() -> None:
    found, wrong = decoded(f"{HEAD}{TARGET}{_NOBODY}---\n{HEAD}{TARGET}")
    assert found == Contracts()
    assert [finding.code for finding in wrong] == ["L0354", "L0357"]


def test_a_faulty_contract_leaves_the_others_alone() -> None:
    found, wrong = decoded(f"{HEAD}{TARGET}  cals: []\n---\n{HEAD.replace('checkout', 'payment')}{TARGET}")
    assert [one.key.name for one in found.contracts] == ["payment"]
    assert [finding.code for finding in wrong] == ["L0352"]


@pytest.mark.parametrize(
    ("version", "kind", "expected"),
    [
        ("licet.dev/v1alpha1", "Contract", True),
        ("licet.dev/v9", "NamespaceContract", True),
        ("licet.dev/v1alpha1", "Contrct", True),
        ("licet.dev/v1alpha1", "Platform", False),
        ("licet.dev/v1alpha1", "Assertions", False),
        ("example.com/v1", "Contract", False),
        ("ticket.dev/v1", "Contract", False),
        ("v1", "ConfigMap", False),
        ("licet.dev", "Contract", True),
        ("v1alpha1", "NamespaceContract", True),
        ("Licet.dev/v1alpha1", "Contract", True),
        ("licet.io/v1alpha1", "Contract", True),
        ("lict.dev/v1alpha1", "Contract", True),
        ("licet.io/v1alpha1", "Assertions", True),
        ("licet.io/v1alpha1", "Platform", False),
    ],
)
def test_what_is_read_here(version: str, kind: str, expected: bool) -> None:
    assert is_contract(Document(Origin(""), {"apiVersion": version, "kind": kind})) is expected


@pytest.mark.parametrize("version", ["licet.dev", "v1alpha1", "licet.io/v1alpha1", "Licet.dev/v1alpha1"])
def test_a_contract_that_misses_the_group_is_not_passed_over(version: str) -> None:
    text = HEAD.replace("licet.dev/v1alpha1", version) + TARGET
    assert faults(text) == [
        ("L0359", f"`{version}` is no known version of Contract", "write `licet.dev/v1alpha1`", version)
    ]
