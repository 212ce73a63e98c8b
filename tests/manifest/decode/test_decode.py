"""A first whole cluster: what the parts make together."""

from __future__ import annotations

from licet.model.key import Key
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


def test_a_cluster_is_what_its_objects_say():
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
