"""Bookinfo: what its files hold, read by hand, and its map under two sets of policies of our own."""

from __future__ import annotations

import pytest

from licet.diag.text import Text
from licet.manifest.documents import read
from licet.sources import fetch
from tests.answers import answer, listed, manifests, side_by_side
from tests.corpus.listing import given_again, otherwise, paths, services, workloads
from tests.shared import shared

WORKLOADS = {
    "default/details-v1[Deployment]": "TCP 9080",
    "default/productpage-v1[Deployment]": "TCP 9080",
    "default/ratings-v1[Deployment]": "TCP 9080",
    "default/reviews-v1[Deployment]": "TCP 9080",
    "default/reviews-v2[Deployment]": "TCP 9080",
    "default/reviews-v3[Deployment]": "TCP 9080",
}

SERVICES = {
    "default/details http TCP 9080": ["default/details-v1[Deployment] 9080"],
    "default/productpage http TCP 9080": ["default/productpage-v1[Deployment] 9080"],
    "default/ratings http TCP 9080": ["default/ratings-v1[Deployment] 9080"],
    "default/reviews http TCP 9080": [
        "default/reviews-v1[Deployment] 9080",
        "default/reviews-v2[Deployment] 9080",
        "default/reviews-v3[Deployment] 9080",
    ],
}

EVERY_WORKLOAD = WORKLOADS | {
    "default/details-v2[Deployment]": "TCP 9080",
    "default/mongodb-v1[Deployment]": "TCP 27017",
    "default/mysqldb-v1[Deployment]": "TCP 3306",
    "default/ratings-v2[Deployment]": "TCP 9080",
    "default/ratings-v2-mysql[Deployment]": "TCP 9080",
    "default/ratings-v2-mysql-vm[Deployment]": "TCP 9080",
}

EVERY_SERVICE = {
    "default/details http TCP 9080": ["default/details-v1[Deployment] 9080", "default/details-v2[Deployment] 9080"],
    "default/details-v1 http TCP 9080": ["default/details-v1[Deployment] 9080"],
    "default/mongodb mongo TCP 27017": ["default/mongodb-v1[Deployment] 27017"],
    "default/mysqldb tcp TCP 3306": ["default/mysqldb-v1[Deployment] 3306"],
    "default/productpage http TCP 9080": ["default/productpage-v1[Deployment] 9080"],
    "default/productpage-v1 http TCP 9080": ["default/productpage-v1[Deployment] 9080"],
    "default/ratings http TCP 9080": [
        "default/ratings-v1[Deployment] 9080",
        "default/ratings-v2[Deployment] 9080",
        "default/ratings-v2-mysql[Deployment] 9080",
        "default/ratings-v2-mysql-vm[Deployment] 9080",
    ],
    "default/ratings-v1 http TCP 9080": ["default/ratings-v1[Deployment] 9080"],
    "default/reviews http TCP 9080": [
        "default/reviews-v1[Deployment] 9080",
        "default/reviews-v2[Deployment] 9080",
        "default/reviews-v3[Deployment] 9080",
    ],
    "default/reviews-v1 http TCP 9080": ["default/reviews-v1[Deployment] 9080"],
    "default/reviews-v2 http TCP 9080": ["default/reviews-v2[Deployment] 9080"],
    "default/reviews-v3 http TCP 9080": ["default/reviews-v3[Deployment] 9080"],
}

GIVEN_AGAIN = {
    "default/details[Service]": 4,
    "default/details-v1[Deployment]": 4,
    "default/productpage[Service]": 3,
    "default/productpage-v1[Deployment]": 2,
    "default/ratings[Service]": 6,
    "default/ratings-v1[Deployment]": 4,
    "default/reviews[Service]": 2,
    "default/reviews-v1[Deployment]": 2,
    "default/reviews-v2[Deployment]": 3,
    "default/reviews-v3[Deployment]": 2,
}
"""Bookinfo as a whole stands in three files, most of its parts in files of their own as well."""

PATHS = {
    "default/gateway[Ingress] Exact /productpage": "default/productpage 9080",
    "default/gateway[Ingress] Prefix /static/": "default/productpage 9080",
    "default/gateway[Ingress] Exact /login": "default/productpage 9080",
    "default/gateway[Ingress] Exact /logout": "default/productpage 9080",
    "default/gateway[Ingress] Prefix /api/v1/products": "default/productpage 9080",
}

OUTSIDE = ["0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
NAMES = {id_.partition("/")[2].partition("[")[0]: [id_] for id_ in EVERY_WORKLOAD} | {
    "outside": OUTSIDE,
    "pods": list(WORKLOADS),
}

CALLS = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: nothing}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: productpage}
spec:
  podSelector: {matchLabels: {app: productpage}}
  ingress: [{ports: [{port: 9080}]}]
  egress:
  - to: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [details, reviews]}]}}]
    ports: [{port: 9080}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: called-by-productpage}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [details, reviews]}]}
  ingress:
  - from: [{podSelector: {matchLabels: {app: productpage}}}]
    ports: [{port: 9080}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: stars}
spec:
  podSelector: {matchLabels: {app: reviews}, matchExpressions: [{key: version, operator: NotIn, values: [v1]}]}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: ratings}}}]
    ports: [{port: 9080}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: ratings}
spec:
  podSelector: {matchLabels: {app: ratings}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: reviews}}}]
    ports: [{port: 9080}]
"""
"""Who calls whom, closed otherwise: the picture in Bookinfo's own description."""

CALLS_MAP = """
outside        -> productpage-v1         : TCP 9080
productpage-v1 -> details-v1             : TCP 9080
productpage-v1 -> reviews-v1             : TCP 9080
productpage-v1 -> reviews-v2             : TCP 9080
productpage-v1 -> reviews-v3             : TCP 9080
reviews-v2     -> ratings-v1             : TCP 9080
reviews-v3     -> ratings-v1             : TCP 9080
{ingress-controller} -> productpage-v1   : TCP 9080
"""

PORTS = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: the-service-has-this-name-the-pod-has-not}
spec:
  podSelector: {matchLabels: {app: details}}
  ingress: [{ports: [{port: http}]}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: from-the-office}
spec:
  podSelector: {matchLabels: {app: ratings}}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
    ports: [{port: 9080, endPort: 9090}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: from-here}
spec:
  podSelector: {matchLabels: {app: reviews}}
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}}]
    ports: [{port: 9080}, {port: 9080, protocol: UDP}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: to-the-archive}
spec:
  podSelector: {matchLabels: {app: productpage}}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 198.51.100.0/24}}]
    ports: [{port: 443}]
  - to: [{namespaceSelector: {matchLabels: {team: books}}}]
    ports: [{port: 9080}]
"""
"""A name that no container has, a block with a hole, a namespace that goes by its name, one that no file declares."""

PORTS_MAP = """
details-v1, ratings-v1, reviews-v1, reviews-v2, reviews-v3 -> outside, productpage-v1         : all
details-v1, ratings-v1, reviews-v1, reviews-v2, reviews-v3 -> reviews-v1, reviews-v2, reviews-v3 : TCP 9080,UDP 9080
productpage-v1                          -> 198.51.100.0-198.51.100.255 : TCP 443
outside                                 -> productpage-v1              : all
10.0.0.0-10.0.255.255                   -> ratings-v1                  : TCP 9080-9090
10.2.0.0-10.255.255.255                 -> ratings-v1                  : TCP 9080-9090
"""

HANGS_ON_LABELS = """
productpage-v1 -> productpage-v1, reviews-v1, reviews-v2, reviews-v3 : TCP 9080
"""

HANGS_ON_ADDRESSES = """
details-v1, ratings-v1, reviews-v1, reviews-v2, reviews-v3 -> ratings-v1     : TCP 9080-9090
productpage-v1                                             -> ratings-v1     : TCP 9080
productpage-v1                                             -> productpage-v1 : TCP 443,9080
productpage-v1 -> reviews-v1, reviews-v2, reviews-v3 : TCP 9080
"""


def test_the_sample_itself() -> None:
    cluster, found = manifests(str(shared("corpus") / "bookinfo" / "bookinfo.yaml"))
    assert found == []
    assert workloads(cluster) == WORKLOADS
    assert services(cluster) == SERVICES
    assert cluster.routes == ()


def test_its_ingress() -> None:
    files = [str(shared("corpus") / "bookinfo" / name) for name in ("bookinfo.yaml", "bookinfo-ingress.yaml")]
    cluster, found = manifests(*files)
    assert found == []
    documents, _ = read(fetch(files[1:]).texts)
    assert paths(cluster, {"default/gateway[Ingress]": documents[0].value}) == PATHS


def test_the_whole_folder_holds_every_variant_once() -> None:
    cluster, found = manifests(str(shared("corpus") / "bookinfo"))
    assert workloads(cluster) == EVERY_WORKLOAD
    assert {key: set(to) for key, to in services(cluster).items()} == {k: set(to) for k, to in EVERY_SERVICE.items()}
    assert given_again(found) == GIVEN_AGAIN
    assert otherwise(found) == [
        "L0103 1 object of the unknown kind `Certificate.certmanager.k8s.io` left out",
        "L0103 1 object of the unknown kind `ClusterIssuer.certmanager.k8s.io` left out",
    ]


def test_the_last_one_given_holds() -> None:
    cluster, _ = manifests(str(shared("corpus") / "bookinfo"))
    assert [s.type for s in cluster.services if s.key.name == "productpage"] == ["NodePort"]


def test_envoy_filters_are_no_policies_that_are_read() -> None:
    cluster, found = manifests(str(shared("corpus") / "bookinfo-policy"))
    assert cluster.workloads == ()
    assert otherwise(found) == ["L0103 2 objects of the unknown kind `EnvoyFilter.networking.istio.io` left out"]


def test_without_policies_everything_is_open() -> None:
    cluster, _ = manifests(str(shared("corpus") / "bookinfo" / "bookinfo.yaml"))
    answered = answer(cluster, "kubernetes")
    ours, theirs = side_by_side(answered.allowed, listed("pods -> pods, outside : all\noutside -> pods : all", NAMES))
    assert ours == theirs
    assert answered.undetermined == {}


@pytest.mark.parametrize("profile", ["kubernetes", "cilium", "calico"])
def test_closed_but_for_the_calls(profile: str) -> None:
    files = [str(shared("corpus") / "bookinfo" / name) for name in ("bookinfo.yaml", "bookinfo-ingress.yaml")]
    cluster, found = manifests(*files, texts=[Text("policies.yaml", CALLS.encode())])
    assert found == []
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(CALLS_MAP, NAMES))
    assert ours == theirs
    assert answered.undetermined == {}


@pytest.mark.parametrize(
    ("profile", "hangs"),
    [("cilium", HANGS_ON_LABELS), ("calico", HANGS_ON_ADDRESSES), ("kubernetes", HANGS_ON_ADDRESSES)],
)
def test_ports_and_blocks(profile: str, hangs: str) -> None:
    file = str(shared("corpus") / "bookinfo" / "bookinfo.yaml")
    cluster, found = manifests(file, texts=[Text("policies.yaml", PORTS.encode())])
    assert found == []
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(PORTS_MAP, NAMES))
    assert ours == theirs
    ours, theirs = side_by_side(answered.undetermined, listed(hangs, NAMES))
    assert ours == theirs
