"""A first whole cluster: what the parts make together."""

from __future__ import annotations

from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.workload import Namespace
from tests.manifest.decode.given import faults, given

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: payments}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop, labels: {app: not-the-pods}}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers: [{name: c, image: i, ports: [{containerPort: 5050, name: grpc}]}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""


def test_a_cluster_is_what_its_objects_say() -> None:
    decoded = given(SHOP)
    cluster = decoded.cluster
    assert faults(decoded) == []
    assert [w.key for w in cluster.workloads] == [Key("", "apps", "Deployment", "shop", "checkout")]
    assert cluster.workloads[0].labels == {"app": "checkout"}
    assert [p.key for p in cluster.network_policies] == [
        Key("", "networking.k8s.io", "NetworkPolicy", "default", "closed")
    ]
    assert dict(cluster.namespaces) == {
        "shop": Namespace(
            "shop", {"team": "payments", "kubernetes.io/metadata.name": "shop"}, True, cluster.namespaces["shop"].origin
        ),
        "default": Namespace("default", {"kubernetes.io/metadata.name": "default"}, False),
    }


def test_namespace_cluster_and_platform_are_the_callers() -> None:
    platform = Platform(cluster="east")
    cluster = given(SHOP, namespace="mine", cluster="east", platform=platform).cluster
    assert [str(p.key) for p in cluster.network_policies] == ["east:mine/closed[NetworkPolicy]"]
    assert set(cluster.namespaces) == {"shop", "mine"}
    assert cluster.platform == platform


def test_nothing_decodes_to_an_empty_cluster() -> None:
    decoded = given("")
    assert decoded.diagnostics == []
    assert dict(decoded.cluster.namespaces) == {}
    assert decoded.cluster.workloads == ()


def test_a_namespace_is_named_by_its_label_whatever_the_manifest_says() -> None:
    decoded = given(
        "{apiVersion: v1, kind: Namespace,"
        " metadata: {name: a, namespace: ignored, labels: {kubernetes.io/metadata.name: b}}}"
    )
    assert decoded.cluster.namespaces["a"].labels == {"kubernetes.io/metadata.name": "a"}
    assert faults(decoded) == [
        (
            "L0115",
            "`metadata.labels[kubernetes.io/metadata.name]` has no effect; the API server sets it to `a`",
            ("metadata", "labels", "kubernetes.io/metadata.name"),
        )
    ]
