"""The facts of a cluster that no manifest holds, as the user writes them."""

from typing import Any

import pytest

from licet.diag.place import Origin, Place
from licet.manifest import platform
from licet.manifest.documents import Document
from licet.model.addresses import AddressSet
from licet.model.platform import GatewayFact, Platform, Resolver, Scraper
from licet.model.selector import Operator, Requirement, Selector

_ORIGIN = Origin("platform.yaml", 0, 100)


def _document(spec: object, version: str = "licet.dev/v1alpha1") -> Document:
    value: dict[str, Any] = {"apiVersion": version, "kind": "Platform", "metadata": {"name": "default"}, "spec": spec}
    return Document(_ORIGIN, value)


def _labelled(app: str) -> Selector:
    return Selector((Requirement("app", Operator.IN, (app,)),))


def test_every_field_of_the_example_is_known() -> None:
    spec = {
        "cluster": "eu-central",
        "trustDomain": "shop.example",
        "enforcers": [{"name": "Calico"}, {"name": "Envoy"}],
        "podCIDRs": ["10.244.0.0/16"],
        "nodeCIDRs": ["192.168.0.0/24", "fd00::/64"],
        "apiServer": {"cidrs": ["10.96.0.1/32"]},
        "dns": {"service": {"name": "kube-dns", "namespace": "kube-system"}, "nodeLocal": "169.254.20.10"},
        "metrics": {"namespace": "monitoring", "selector": {"matchLabels": {"app": "prometheus"}}},
        "mode": "Shadow",
        "gateways": [
            {
                "name": "public",
                "namespace": "infra",
                "exposure": "World",
                "selector": {"matchLabels": {"app": "envoy"}},
            },
            {"name": "own", "namespace": "x"},
        ],
    }
    assert platform.decode([_document(spec)]) == (
        Platform(
            cluster="eu-central",
            trust_domain="shop.example",
            mode="Shadow",
            enforcers=("Calico", "Envoy"),
            pod_addresses=AddressSet.of(["10.244.0.0/16"]),
            node_addresses=AddressSet.of(["192.168.0.0/24", "fd00::/64"]),
            api_server=AddressSet.of(["10.96.0.1/32"]),
            resolver=Resolver("kube-system", "kube-dns", "169.254.20.10"),
            metrics=Scraper("monitoring", _labelled("prometheus")),
            gateways=(GatewayFact("public", "infra", "World", _labelled("envoy")), GatewayFact("own", "x", "World")),
        ),
        [],
    )


@pytest.mark.parametrize(
    ("spec", "code", "message", "path"),
    [
        ({"podCIDRs": ["10.0.0.0/8", "ten"]}, "L0160", "`ten` is not a block of addresses", ("spec", "podCIDRs", 1)),
        (
            {"gateways": [{"name": "a", "namespace": "b", "exposure": "Moon"}]},
            "L0161",
            "`Moon` is not an exposure",
            ("spec", "gateways", 0, "exposure"),
        ),
        ({"mode": "enforce"}, "L0164", "`enforce` is not a mode", ("spec", "mode")),
        (
            {"dns": {"nodeLocal": "169.254.20.10/32"}},
            "L0165",
            "`169.254.20.10/32` is not an address",
            ("spec", "dns", "nodeLocal"),
        ),
        (
            {"metrics": {"namespace": "m", "selector": {"matchLabels": {"app": "a b"}}}},
            "L0100",
            "`spec.metrics.selector.matchLabels.app` is not a label value: `a b`",
            ("spec", "metrics", "selector", "matchLabels", "app"),
        ),
        (
            {"gateways": [{"name": "a", "namespace": "b", "selector": {"app": "c"}}]},
            "L0102",
            "`spec.gateways[0].selector.app` is not a field of Platform; it has no effect",
            ("spec", "gateways", 0, "selector", "app"),
        ),
        ({"podCIDR": []}, "L0102", "`spec.podCIDR` is not a field of Platform; it has no effect", ("spec", "podCIDR")),
        (
            {"enforcers": [{"name": "Calico"}, {"name": "Nope"}, {"name": "Istio"}]},
            "L0167",
            "`Nope` is not an enforcer that is known",
            ("spec", "enforcers", 1, "name"),
        ),
        (
            {"gateways": [{"name": "a", "namespace": n} for n in ("b", "c", "b")]},
            "L0168",
            "a second gateway `b/a`",
            ("spec", "gateways", 2, "name"),
        ),
        ({"podCIDRs": "10.0.0.0/8"}, "L0101", "`spec.podCIDRs` is a string where a list is due", ("spec", "podCIDRs")),
    ],
)
def test_what_is_wrong_is_told_with_its_place(spec: object, code: str, message: str, path: tuple[str, ...]) -> None:
    _, (finding,) = platform.decode([_document(spec)])
    assert (finding.code, finding.message) == (code, message)
    assert isinstance(finding.where, Place)
    assert (finding.where.origin, finding.where.path) == (_ORIGIN, path)
    assert finding.help


def test_a_field_is_suggested_that_is_close() -> None:
    _, (finding,) = platform.decode([_document({"podCIDR": []})])
    assert finding.help == "did you mean `podCIDRs`?"


def test_of_two_gateways_of_one_name_the_first_counts() -> None:
    gateways = [{"name": "a", "namespace": "b", "exposure": exposure} for exposure in ("Cluster", "World")]
    found, _ = platform.decode([_document({"gateways": gateways})])
    assert found == Platform(gateways=(GatewayFact("a", "b", "Cluster"),))


@pytest.mark.parametrize("version", ["licet.dev", "v1alpha1", "licet.io/v1alpha1", "licet.dev/v9"])
def test_a_platform_that_misses_the_version_is_told_of(version: str) -> None:
    document = _document({}, version)
    assert platform.is_platform(document)
    _, (finding,) = platform.decode([document])
    assert finding.code == "L0163"


def test_a_cluster_has_one_platform_and_the_first_counts() -> None:
    found, (finding,) = platform.decode([_document({"cluster": "a"}), _document({"cluster": "b"})])
    assert found == Platform(cluster="a")
    assert finding.code == "L0162"


@pytest.mark.parametrize("selector", [{"app": "c"}, {"matchLabels": {"app": "a b"}}])
def test_pods_selected_with_a_fault_are_left_out_and_never_more_than_meant(selector: object) -> None:
    found, wrong = platform.decode(
        [
            _document(
                {
                    "metrics": {"namespace": "m", "selector": selector},
                    "gateways": [
                        {"name": "a", "namespace": "b", "selector": selector},
                        {"name": "d", "namespace": "e"},
                    ],
                }
            )
        ]
    )
    assert found == Platform(gateways=(GatewayFact("d", "e"),))
    assert len(wrong) == 2


def test_dns_without_a_service_is_the_usual_one() -> None:
    found, wrong = platform.decode([_document({"dns": {}})])
    assert (found, wrong) == (Platform(resolver=Resolver("kube-system", "kube-dns", "")), [])


def test_another_name_is_told_and_the_platform_read() -> None:
    document = _document({"cluster": "a"})
    document.value["metadata"]["name"] = "prod"
    found, (finding,) = platform.decode([document])
    assert found == Platform(cluster="a")
    assert (finding.code, finding.where) == ("L0166", Place(_ORIGIN, ("metadata", "name")))


def test_an_unknown_version_is_left_out() -> None:
    found, (finding,) = platform.decode([_document({"cluster": "a"}, "licet.dev/v9")])
    assert found is None
    assert finding.code == "L0163"


def test_other_kinds_and_groups_are_no_platform() -> None:
    assert platform.is_platform(_document({}))
    assert not platform.is_platform(_document({}, "example.com/v1"))
    assert not platform.is_platform(Document(_ORIGIN, {"apiVersion": "licet.dev/v1alpha1", "kind": "Contract"}))
