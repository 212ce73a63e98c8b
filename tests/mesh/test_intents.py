"""What sidecars are for, by what is agreed: who is let in by which proof, and what is told of where that is wider."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import yaml

from licet.contracts import decode as contracts
from licet.contracts.agree import agree
from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.decode import decode
from licet.mesh.intent import From, Intents, Served, Speaks
from licet.mesh.intents import intents

_NOW = datetime(2027, 3, 1, tzinfo=UTC)


def test_an_entry_that_asks_for_a_proof_does_so_beside_one_on_its_port_that_does_not() -> None:
    """An address was let in by the strict entry as soon as another one on the port was not strict."""
    block = {"from": "Selected", "peers": [{"name": "old", "cidr": {"block": "192.0.2.0/24"}}]}
    whom = {"from": "Selected", "peers": [{"name": "web", "workload": {"name": "web"}}]}
    strict = {"name": "strict", "ports": [{"port": 8080}], "mtls": "Strict", "callers": block}
    lax = {"name": "lax", "ports": [{"port": 8080}], "mtls": "Permissive", "callers": whom}
    call = {"name": "cart", "to": {"workload": {"name": "cart"}}, "serves": "lax"}
    made = _made(_pods("cart"), _pods("web"), _contract("cart", serves=[strict, lax]), _contract("web", calls=[call]))
    served = _served(made, "cart")
    assert not served.strict
    assert [rule.name for rule in served.rules if isinstance(rule.who, From)] == []
    assert [found.code for found in made.diagnostics] == ["L0551"]


def test_workloads_that_are_one_to_sidecars_are_told_of_where_not_the_same_is_agreed() -> None:
    call = {"name": "cart", "to": {"workload": {"name": "cart"}}, "serves": "http"}
    serve = {"name": "http", "ports": [{"port": 8080}], "callers": {"from": "All"}}
    platform = [_pods("cart"), _pods("web", "shared"), _pods("jobs", "shared"), _contract("cart", serves=[serve])]
    apart = _made(*platform, _contract("web", calls=[call]), _contract("jobs"))
    assert [(found.code, found.message) for found in apart.diagnostics] == [
        (
            "L0555",
            "`shop/web[Deployment]`, `shop/jobs[Deployment]` run as `spiffe://shop.example/ns/shop/sa/shared`, "
            "and not the same is agreed with them",
        )
    ]
    alike = _made(*platform, _contract("web", calls=[call]), _contract("jobs", calls=[call]))
    assert alike.diagnostics == ()


def test_pods_of_the_platform_that_have_a_contract_are_let_in_by_it_alone() -> None:
    """As network policies have it: a contract that is enforced lets nothing out that it does not declare."""
    whom = {"from": "Selected", "peers": [{"name": "scraper", "platform": "Metrics"}]}
    entry = {"name": "http", "ports": [{"port": 8080}], "callers": whom}
    call = {"name": "scrape", "to": {"workload": {"name": "cart"}}, "serves": "http"}
    scraper = _pods("prometheus") | {"metadata": {"name": "prometheus", "namespace": "monitoring"}}
    labels = {"app.kubernetes.io/name": "prometheus"}
    scraper["spec"]["template"]["metadata"]["labels"] = labels
    own = _contract("prometheus")
    own["metadata"]["namespace"] = "monitoring"
    platform = [_pods("cart"), _contract("cart", serves=[entry]), scraper]

    def admitted(*more: dict[str, Any]) -> list[str]:
        return [rule.name for rule in _served(_made(*platform, *more), "cart").rules]

    assert admitted() == ["metrics in monitoring->shop/cart[Deployment]"]
    assert admitted(own) == []
    own["spec"]["mode"] = "Observe"
    assert admitted(own) == ["metrics in monitoring->shop/cart[Deployment]"]
    own["spec"] |= {"mode": "Enforce", "calls": [call | {"to": {"workload": {"name": "cart", "namespace": "shop"}}}]}
    assert admitted(own) == ["monitoring/prometheus[Deployment]->shop/cart[Deployment]"]


def test_a_port_that_its_own_workload_alone_calls_speaks_what_its_entry_says() -> None:
    entry = {"name": "http", "ports": [{"port": 8080}], "application": "HTTP"}
    own = {"name": "peers", "to": {"self": {}}, "serves": "http"}
    made = _made(_pods("cart"), _contract("cart", serves=[entry], calls=[own]))
    assert _served(made, "cart").speaks is Speaks.HTTP


def _pods(name: str, account: str = "") -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"serviceAccountName": account or name, "containers": [{"name": "main", "image": "example.org/a:1"}]},
    }
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def _contract(name: str, **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "licet.dev/v1alpha1",
        "kind": "Contract",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"targetRef": {"kind": "Deployment", "name": name}, **spec},
    }


def _made(*written: dict[str, Any]) -> Intents:
    read, wrong = documents.read([Text("m.yaml", yaml.safe_dump_all(written).encode())])
    ours = [each for each in read if each.value["kind"] == "Contract"]
    decoded = decode([each for each in read if each.value["kind"] != "Contract"])
    declared, faults = contracts.decode(ours, namespace="default", cluster="", mode="")
    assert not [*wrong, *faults, *decoded.diagnostics]
    return intents(agree(declared, decoded.cluster, _NOW), decoded.cluster, "shop.example")


def _served(made: Intents, name: str) -> Served:
    [intent] = [each for key, each in made.by_workload.items() if key.name == name]
    [served] = intent.serves
    return served
