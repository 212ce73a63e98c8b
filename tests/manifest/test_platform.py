"""The facts of a cluster that no manifest holds, as the user writes them."""

from typing import Any

import pytest

from licet.diag.place import Origin, Place
from licet.manifest import platform
from licet.manifest.documents import Document
from licet.model.addresses import AddressSet
from licet.model.platform import GatewayFact, Platform

_ORIGIN = Origin("platform.yaml", 0, 100)


def _document(spec: object, version: str = "licet.dev/v1alpha1") -> Document:
    value: dict[str, Any] = {"apiVersion": version, "kind": "Platform", "metadata": {"name": "default"}, "spec": spec}
    return Document(_ORIGIN, value)


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
        "gateways": [{"name": "public", "namespace": "infra", "exposure": "World"}, {"name": "own", "namespace": "x"}],
    }
    assert platform.decode([_document(spec)]) == (
        Platform(
            cluster="eu-central",
            pod_addresses=AddressSet.of(["10.244.0.0/16"]),
            node_addresses=AddressSet.of(["192.168.0.0/24", "fd00::/64"]),
            gateways=(GatewayFact("public", "infra", "World"), GatewayFact("own", "x", "World")),
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
        ({"podCIDR": []}, "L0102", "`spec.podCIDR` is not a field of Platform; it has no effect", ("spec", "podCIDR")),
        ({"podCIDRs": "10.0.0.0/8"}, "L0101", "`spec.podCIDRs` is a string where a list is due", ("spec", "podCIDRs")),
    ],
)
def test_what_is_wrong_is_told_with_its_place(spec: object, code: str, message: str, path: tuple[str, ...]) -> None:
    _, (finding,) = platform.decode([_document(spec)])
    assert (finding.code, finding.message) == (code, message)
    assert isinstance(finding.where, Place)
    assert (finding.where.origin, finding.where.path) == (_ORIGIN, path)
    assert finding.help


def test_a_cluster_has_one_platform_and_the_first_counts() -> None:
    found, (finding,) = platform.decode([_document({"cluster": "a"}), _document({"cluster": "b"})])
    assert found == Platform(cluster="a")
    assert finding.code == "L0162"


def test_an_unknown_version_is_left_out() -> None:
    found, (finding,) = platform.decode([_document({"cluster": "a"}, "licet.dev/v9")])
    assert found is None
    assert finding.code == "L0163"


def test_other_kinds_and_groups_are_no_platform() -> None:
    assert platform.is_platform(_document({}))
    assert not platform.is_platform(_document({}, "example.com/v1"))
    assert not platform.is_platform(Document(_ORIGIN, {"apiVersion": "licet.dev/v1alpha1", "kind": "Contract"}))
