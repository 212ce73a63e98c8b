"""What evidence makes of a workload's contract, and what it adds to one that people keep."""

from __future__ import annotations

from textwrap import indent

import pytest

from licet.contracts.decode import decode as decode_contracts
from licet.diag.text import Text
from licet.discover.draft import Draft, drafts, entry_name
from licet.discover.evidence import evidence
from licet.discover.lines import contract
from licet.discover.owner import owner
from licet.discover.update import update
from licet.manifest.decode import decode
from licet.manifest.documents import read
from licet.model.workload import Workload
from tests.discover.small import OTHERS, WEB

ENV = "        env:\n        - {{name: A, value: '{}'}}\n"
NAMES_DB = ENV.format("db:5432")


def drafted(text: str, name: str) -> tuple[Draft, Workload]:
    documents, _ = read([Text("all.yaml", text.encode())])
    cluster = decode(documents).cluster
    found = drafts(cluster, evidence(documents, cluster))
    workload = next(w for w in cluster.workloads if w.key.name == name)
    return next(draft for draft in found if draft.key == workload.key), workload


def shown(draft: Draft) -> str:
    """The contract without what every one has, and without remarks but doubts."""
    lines = contract(draft, draft.key.name, None, lambda _: "x:1").splitlines()
    kept = [line for line in lines if not line.lstrip().startswith("#") or "doubtful" in line]
    return "\n".join(kept[kept.index(next(line for line in kept if "targetRef" in line)) + 1 :])


CALLS = {
    "db:5432": "- name: db\n  to: {service: {name: db}}\n  ports: [{port: 5432}]",
    "db:5432,postgres://db/x": "- name: db\n  to: {service: {name: db}}\n  ports: [{port: 5432}]",
    "db.default:5432,queue.data:4222,queue.data:8222": (
        "- name: db\n  to: {service: {name: db}}\n  ports: [{port: 5432}]\n"
        "- name: queue\n  to: {service: {name: queue, namespace: data}}\n  ports: [{port: 4222}]\n"
        "- name: queue-8222\n  to: {service: {name: queue, namespace: data}}\n  ports: [{port: 8222}]"
    ),
    "web-0.ring:7946": "- name: self\n  to: {self: {}}\n  ports: [{port: 7946}]",
    "db-0.peers:5433": "- name: db\n  to: {workload: {kind: Deployment, name: db}}\n  ports: [{port: 5433}]",
    "https://api.example.com": (
        "- name: api-example-com\n  to: {dns: {name: api.example.com}}\n  ports: [{port: 443}]"
    ),
    "tcp://api.example.com": (
        "# doubtful: no port is written, 443 is a guess\n"
        "- name: api-example-com\n  to: {dns: {name: api.example.com}}\n  ports: [{port: 443}]"
    ),
    "http://192.0.2.1:81": ('- name: cidr-192-0-2-1-32\n  to: {cidr: {block: "192.0.2.1/32"}}\n  ports: [{port: 81}]'),
    "https://kubernetes.default.svc": "- name: api-server\n  to: {platform: APIServer}",
    "udp://agent:6831": "- name: agent\n  to: {service: {name: agent}}\n  ports: [{port: 6831, transport: UDP}]",
    "http://gone": (
        "# doubtful: the manifests hold no Service `default/gone`\n"
        "- name: gone\n  to: {service: {name: gone}}\n  ports: [{port: 80}]"
    ),
}


@pytest.mark.parametrize("value", CALLS)
def test_a_call_as_it_is_drafted(value: str) -> None:
    draft, _ = drafted(WEB + ENV.format(value) + OTHERS, "web")
    _, _, calls = shown(draft).partition("  calls:\n")
    assert calls == indent(CALLS[value], "  ")


@pytest.mark.parametrize("value", CALLS)
def test_what_is_drafted_can_be_decoded(value: str) -> None:
    draft, _ = drafted(WEB + ENV.format(value) + OTHERS, "web")
    text = contract(draft, "web", None, lambda _: "all.yaml:1")
    documents, _ = read([Text("web.yaml", text.encode())])
    found, faults = decode_contracts(documents, namespace="default", cluster="", mode="")
    assert (faults, len(found.contracts)) == ([], 1)


def test_who_calls_is_admitted_on_the_port_that_is_called() -> None:
    policy = (
        "---\nkind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\nspec:\n"
        "  podSelector: {matchLabels: {app: db}}\n  ingress:\n"
        "  - from:\n    - podSelector: {matchLabels: {app: web}}\n"
        "    - ipBlock: {cidr: 192.0.2.7/24, except: [192.0.2.0/28]}\n"
        "    ports: [{port: 5433}]\n"
    )
    draft, _ = drafted(WEB + NAMES_DB + OTHERS + policy, "db")
    serves, _, _ = shown(draft).partition("  calls:\n")
    assert serves == (
        "  serves:\n"
        "  - name: tcp-5433\n    ports: [{port: 5433}]\n    callers:\n      from: Selected\n      peers:\n"
        "      - {name: web, workload: {kind: Deployment, name: web}}\n"
        '      - {name: cidr-192-0-2-7-24, cidr: {block: "192.0.2.0/24", except: ["192.0.2.0/28"]}}\n'
        "  - name: udp-6831\n    ports: [{port: 6831, transport: UDP}]"
    )


def test_pods_on_the_nodes_network_call_as_nodes_and_have_no_contract() -> None:
    text = (
        WEB.replace("    spec:\n      containers", "    spec:\n      hostNetwork: true\n      containers")
        + NAMES_DB
        + OTHERS
    )
    documents, _ = read([Text("all.yaml", text.encode())])
    cluster = decode(documents).cluster
    found = {draft.key.name: draft for draft in drafts(cluster, evidence(documents, cluster))}
    assert sorted(found) == ["db", "queue"]
    assert "- {name: nodes, platform: Nodes}" in shown(found["db"])


def test_names_of_entries() -> None:
    assert entry_name("Api.Example.com", []) == "api-example-com"
    assert entry_name("db", ["db"], "5432") == "db-5432"
    assert entry_name("db", ["db", "db-5432"], "5432") == "db-2"
    assert entry_name("..", []) == "unnamed"
    assert len(entry_name("x" * 300, ["x" * 63])) <= 63


HEAD = (
    "apiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: web}\n"
    "spec:\n  targetRef: {kind: Deployment, name: web}\n"
)

COVERED = [
    "{name: a, to: {service: {name: db}}, ports: [{port: 5432}]}",
    "{name: a, to: {service: {name: db}}, ports: [{port: 5000, endPort: 6000}]}",
    "{name: a, to: {service: {name: db, namespace: default}}, serves: sql}",
    "{name: a, to: {workload: {name: db}}, serves: sql}",
    "{name: a, to: {workload: {name: db, kind: Deployment}}, ports: [{port: 5433}]}",
]
NOT_COVERED = [
    "{name: a, to: {service: {name: db}}, ports: [{port: 80}]}",
    "{name: a, to: {service: {name: db}}, ports: [{port: 5432, transport: UDP}]}",
    "{name: a, to: {workload: {name: db}}, ports: [{port: 5432}]}",
    "{name: a, to: {workload: {name: db, namespace: data}}, serves: sql}",
    "{name: a, to: {service: {name: queue}}}",
    "{name: a, to: {dns: {name: db.default}}, ports: [{port: 5432}]}",
]


def added(call: str, text: str = NAMES_DB) -> list[str]:
    """What is added to a contract of web with this one call."""
    draft, workload = drafted(WEB + text + OTHERS, "web")
    documents, _ = read([Text("web.yaml", f"{HEAD}  calls:\n  - {call}\n".encode())])
    found, faults = decode_contracts(documents, namespace="default", cluster="", mode="")
    assert faults == []
    return [one.what for one in update(found.contracts[0], draft, workload, frozenset(), lambda _: "x:1").additions]


@pytest.mark.parametrize("call", COVERED)
def test_a_call_that_is_declared_is_not_added(call: str) -> None:
    assert added(call) == []


@pytest.mark.parametrize("call", NOT_COVERED)
def test_a_call_that_is_declared_otherwise_is_added(call: str) -> None:
    assert added(call) == ["call `db`"]


@pytest.mark.parametrize(
    ("call", "value", "covered"),
    [
        ("{name: a, to: {dns: {name: '*.example.com'}}, ports: [{port: 443}]}", "https://api.example.com", True),
        ("{name: a, to: {dns: {name: '*.example.com'}}, ports: [{port: 443}]}", "https://a.b.example.com", False),
        ("{name: a, to: {cidr: {block: 192.0.2.0/24}}, ports: [{port: 80}]}", "http://192.0.2.1", True),
        ("{name: a, to: {cidr: {block: 198.51.100.0/24}}, ports: [{port: 80}]}", "http://192.0.2.1", False),
        ("{name: a, to: {cidr: {block: 192.0.2.0/24}}, ports: [{port: 443}]}", "https://api.example.com", True),
        ("{name: a, to: {self: {}}, ports: [{port: 7946}]}", "web-0.ring:7946", True),
        ("{name: a, to: {platform: APIServer}}", "https://kubernetes.default.svc", True),
    ],
)
def test_calls_to_others_than_workloads(call: str, value: str, covered: bool) -> None:
    assert (added(call, ENV.format(value)) == []) is covered


@pytest.mark.parametrize(
    ("callers", "expected"),
    [
        ("{from: All}", []),
        ("{from: SameNamespace}", []),
        ("{from: Selected, peers: [{name: a, workload: {name: web}}]}", []),
        ("{from: Selected, peers: [{name: a, namespace: {name: default}}]}", []),
        ("{from: Selected, peers: [{name: web, workload: {name: other}}]}", ["caller `web-default`"]),
        ("{from: None}", []),
    ],
)
def test_callers_that_are_admitted_are_not_added(callers: str, expected: list[str]) -> None:
    draft, workload = drafted(WEB + NAMES_DB + OTHERS, "db")
    head = HEAD.replace("web", "db")
    text = f"{head}  serves:\n  - {{name: sql, ports: [{{port: 5433}}], callers: {callers}}}\n"
    documents, _ = read([Text("db.yaml", text.encode())])
    found, faults = decode_contracts(documents, namespace="default", cluster="", mode="")
    assert faults == []
    made = update(found.contracts[0], draft, workload, frozenset(), lambda _: "x:1")
    assert [one.what for one in made.additions] == expected
    assert [d.code for d in made.diagnostics if d.code == "L0443"] == (["L0443"] if "None" in callers else [])


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ("labels: {team: a}", "a"),
        ("labels: {team: a}, annotations: {owner: b}", "b"),
        ("annotations: {shop.example/owner: a, x.y/team: b}", "a"),
        ("labels: {app.kubernetes.io/managed-by: Helm, app.kubernetes.io/part-of: shop}", None),
        ("annotations: {owner: two words}", None),
        ("labels: {owner: 1}", None),
    ],
)
def test_owners(metadata: str, name: str | None) -> None:
    documents, _ = read([Text("x.yaml", f"kind: Pod\napiVersion: v1\nmetadata: {{name: x, {metadata}}}\n".encode())])
    found = owner([(documents[0], ("metadata",))])
    assert (found.name if found is not None else None) == name
