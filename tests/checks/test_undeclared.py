"""A call is undeclared exactly where no contract has it; each way to declare it, and each thing that is no call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from licet.checks.undeclared import Undeclared, undeclared
from licet.contracts import decode as contracts
from licet.contracts.agree import agree
from licet.contracts.agreement import Agreements
from licet.contracts.annotation import annotated
from licet.contracts.contract import Contracts
from licet.diag.place import Origin, Place
from licet.diag.text import Text
from licet.discover.edge import Evidence
from licet.discover.evidence import evidence
from licet.manifest import documents, platform
from licet.manifest.decode import decode
from licet.manifest.documents import Document
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import UNKNOWN_PLATFORM
from licet.model.ports import PortRange, Protocol
from tests.cli.command import allow, deployment, service

AT = datetime(2026, 11, 21, tzinfo=UTC)
PLATFORM = (
    "---\napiVersion: licet.dev/v1alpha1\nkind: Platform\nmetadata: {name: default}\n"
    "spec:\n  apiServer: {cidrs: [10.96.0.1/32]}\n"
    "  metrics: {namespace: monitoring, selector: {matchLabels: {app: prom}}}\n"
)
ISOLATED = (
    "---\napiVersion: licet.dev/v1alpha1\nkind: NamespaceContract\nmetadata: {name: default, namespace: shop}\n"
    "spec: {isolate: AllWorkloads}\n"
)
CALLEE = deployment("db") + service("db", "shop", 5432, 8080)


def web(*urls: str, extra: str = "") -> str:
    """The caller, with a variable for each URL."""
    env = ", ".join(f"{{name: U{at}_URL, value: '{url}'}}" for at, url in enumerate(urls))
    return deployment("web").replace("image: i,", f"image: i, env: [{env}],") + extra


def contract(name: str, *calls: str, serves: str = "") -> str:
    listed = "".join(f"  - {call}\n" for call in calls)
    return (
        f"---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n  targetRef: {{kind: Deployment, name: {name}}}\n{serves}" + (f"  calls:\n{listed}" if calls else "")
    )


def read_all(*texts: str) -> tuple[list[Document], Cluster, Agreements]:
    read, wrong = documents.read([Text("m.yaml", "".join(texts).encode())])
    assert not wrong
    ours = [one for one in read if one.api_version.startswith("licet.dev/")]
    facts, _ = platform.decode([one for one in ours if platform.is_platform(one)])
    decoded = decode([one for one in read if one not in ours], platform=facts or UNKNOWN_PLATFORM)
    declared, faults = contracts.decode(ours, namespace="default", cluster="", mode="")
    assert not faults, faults
    noted, _ = annotated(read, namespace="default", cluster="")
    both = Contracts((*declared.contracts, *noted), declared.namespaces, declared.mode)
    return read, decoded.cluster, agree(both, decoded.cluster, AT)


def agreed(*texts: str) -> tuple[Cluster, Agreements]:
    return read_all(*texts)[1:]


def check(*texts: str) -> list[Undeclared]:
    read, cluster, agreements = read_all(*texts)
    return undeclared(evidence(read, cluster), agreements, cluster)


def messages(*texts: str) -> list[str]:
    return [one.finding.message for one in check(*texts)]


@pytest.mark.parametrize(
    "call",
    [
        "{name: db, to: {workload: {kind: Deployment, name: db}}, ports: [{port: 8080}]}",
        "{name: db, to: {workload: {name: db, kind: Deployment}}, ports: [{port: 8000, endPort: 9000}]}",
        "{name: db, to: {service: {name: db}}, ports: [{port: 5432}]}",
        "{name: db, to: {service: {name: db}}}",
    ],
)
def test_a_call_is_declared_by_workload_or_by_service(call: str) -> None:
    assert messages(web("tcp://db:5432"), CALLEE, contract("web", call)) == []


@pytest.mark.parametrize(
    "call",
    [
        "{name: db, to: {workload: {kind: Deployment, name: db}}, ports: [{port: 8081}]}",
        "{name: db, to: {workload: {kind: Deployment, name: db}}, ports: [{port: 8080, transport: UDP}]}",
        "{name: me, to: {self: {}}, ports: [{port: 8080}]}",
        "{name: out, to: {dns: {name: db.example}}, ports: [{port: 8080}]}",
        "{name: out, to: {cidr: {block: 0.0.0.0/0}}, ports: [{port: 8080}]}",
    ],
)
def test_a_call_of_another_port_or_to_another_end_declares_nothing(call: str) -> None:
    [found] = check(web("tcp://db:5432"), CALLEE, contract("web", call))
    assert found.finding.message == (
        "`shop/web[Deployment]` calls `shop/db[Deployment] TCP 8080`, which its contract does not declare"
    )
    assert found.contract is not None


def test_ports_of_several_calls_count_together() -> None:
    calls = [
        f"{{name: p{n}, to: {{workload: {{kind: Deployment, name: db}}}}, ports: [{{port: {n}}}]}}"
        for n in (8080, 8081)
    ]
    assert messages(web("tcp://db:5432"), CALLEE, contract("web", *calls)) == []


def test_a_call_that_its_callee_does_not_admit_is_declared_all_the_same() -> None:
    """Half an agreement is another finding, and its own."""
    serves = "  serves:\n  - {name: sql, ports: [{port: 8080}]}\n"
    call = "{name: db, to: {workload: {kind: Deployment, name: db}}, ports: [{port: 8080}]}"
    assert messages(web("tcp://db:5432"), CALLEE, contract("web", call), contract("db", serves=serves)) == []


def test_a_call_whose_time_is_over_is_declared_all_the_same() -> None:
    call = '{name: db, to: {service: {name: db}}, notAfter: "2026-01-01T00:00:00Z"}'
    assert messages(web("tcp://db:5432"), CALLEE, contract("web", call)) == []


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("api.example.com", True),
        ("*.example.com", True),
        ("*.example.org", False),
        ("*.api.example.com", False),
        ("example.com", False),
    ],
)
def test_a_name_outside_is_declared_by_itself_or_by_one_label_of_a_wildcard(name: str, declared: bool) -> None:
    call = f"{{name: api, to: {{dns: {{name: '{name}'}}}}, ports: [{{port: 443}}]}}"
    assert (messages(web("https://api.example.com"), contract("web", call)) == []) == declared


@pytest.mark.parametrize(
    ("block", "declared"), [("192.0.2.0/24", True), ("192.0.2.7/32", True), ("192.0.2.8/32", False)]
)
def test_an_address_is_declared_by_a_block_that_holds_it(block: str, declared: bool) -> None:
    call = f"{{name: api, to: {{cidr: {{block: {block}}}}}, ports: [{{port: 443}}]}}"
    assert (messages(web("https://192.0.2.7"), contract("web", call)) == []) == declared


def test_a_call_to_itself_is_declared_as_such() -> None:
    key = Key("", "apps", "Deployment", "shop", "web")
    one = Evidence(key, key, Place(Origin("m.yaml")), "PEERS=web:8080", port=PortRange(Protocol.TCP, 8080, 8080))
    for call, number in (
        (None, 1),
        ("{name: me, to: {self: {}}, ports: [{port: 8080}]}", 0),
        ("{name: me, to: {self: {}}, ports: [{port: 8081}]}", 1),
    ):
        cluster, agreements = agreed(deployment("web"), contract("web", *([call] if call else [])))
        assert len(undeclared([one], agreements, cluster)) == number


RIGHTS = (
    "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r, namespace: shop}\n"
    "roleRef: {kind: Role, name: r, apiGroup: rbac.authorization.k8s.io}\n"
    "subjects: [{kind: ServiceAccount, name: default, namespace: shop}]\n"
)


@pytest.mark.parametrize("facts", ["", PLATFORM])
def test_whoever_has_rights_calls_the_api_server(facts: str) -> None:
    assert messages(web(), RIGHTS, facts, contract("web")) == [
        "`shop/web[Deployment]` calls `{APIServer}`, which its contract does not declare"
    ]
    assert messages(web(), RIGHTS, facts, contract("web", "{name: api, to: {platform: APIServer}}")) == []


def test_many_lines_that_make_one_call_are_one_finding_at_the_first() -> None:
    [found] = check(
        web("tcp://db:5432", "tcp://db.shop:5432", "tcp://db.shop.svc:5432", "tcp://db"), CALLEE, contract("web")
    )
    assert len(found.evidence) >= 3
    assert found.finding.where == found.evidence[0].place
    assert found.finding.related[0].label.startswith("and here: U1_URL=")
    assert found.finding.related[-1].label == "what it declares"


def test_without_a_contract_nothing_is_asked() -> None:
    assert messages(web("tcp://db:5432"), CALLEE) == []


def test_where_the_namespace_isolates_everybody_a_contract_is_asked_for() -> None:
    [found] = check(web("tcp://db:5432"), CALLEE, ISOLATED)
    assert (found.contract, found.caller and found.caller.name) == (None, "web")
    assert found.finding.message.endswith("which no contract declares")
    assert "licet init" in found.finding.help


def test_an_annotation_declares_too_and_is_not_what_a_fix_adds_to() -> None:
    noted = web("tcp://db:5432").replace(
        "namespace: shop}", 'namespace: shop, annotations: {licet.dev/calls: "%s"}}', 1
    )
    assert messages(noted % "db:8080", CALLEE) == []
    [found] = check(noted % "other:1", CALLEE)
    assert "annotation" in found.finding.help


def test_what_a_policy_lets_through_is_no_call() -> None:
    """The proof tells of it."""
    assert messages(deployment("web"), deployment("db"), allow("web", "db"), contract("web")) == []


def test_what_may_be_no_call_is_none() -> None:
    text = web().replace("env: []", "env: [{name: NOTE, value: see db}]")
    assert messages(text, CALLEE, contract("web")) == []


INGRESS = (
    "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\n"
    "spec: {defaultBackend: {service: {name: db, port: {number: 5432}}}}\n"
)
SERVES = (
    "  serves:\n  - name: http\n    ports: [{port: 8080}]\n"
    "    callers: {from: Selected, peers: [{name: it, platform: %s}]}\n"
)


def test_an_ingress_leads_to_whom_it_is_not_admitted() -> None:
    [found] = check(CALLEE, INGRESS, contract("db"))
    assert (found.caller, found.finding.code) == (None, "L0461")
    assert found.finding.message == (
        "`{Ingress}` is led to `shop/db[Deployment] TCP 8080`, whose contract does not admit it"
    )


def test_an_ingress_that_is_admitted_leads_nowhere_new() -> None:
    gateways = (
        "---\napiVersion: licet.dev/v1alpha1\nkind: Platform\nmetadata: {name: default}\n"
        "spec: {gateways: [{name: g, namespace: infra}]}\n"
    )
    assert messages(CALLEE, INGRESS, gateways, contract("db", serves=SERVES % "Ingress")) == []


def test_a_scraper_that_is_not_admitted_is_a_warning() -> None:
    scraped = CALLEE.replace(
        "metadata: {labels: {app: db}}",
        'metadata: {labels: {app: db}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}}',
    )
    [found] = check(scraped, PLATFORM, contract("db"))
    assert (found.finding.code, found.finding.severity.word) == ("L0461", "warning")
    assert messages(scraped, PLATFORM, contract("db", serves=SERVES % "Metrics")) == []


def test_nobody_without_a_contract_is_led_to() -> None:
    assert messages(CALLEE, INGRESS) == []
