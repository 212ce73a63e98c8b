"""The AKS store: what its files, overlays and chart deploy, read by hand, and its map under two sets of policies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from licet.diag.text import Text
from licet.manifest.documents import read
from licet.sources import fetch
from tests.answers import answer, listed, manifests, side_by_side
from tests.corpus.listing import given_again, otherwise, paths, services, workloads
from tests.kubectl import helm, kubectl
from tests.shared import shared

QUEUE = "rabbitmq-amqp TCP 5672, rabbitmq-http TCP 15672"

QUICKSTART = {
    "default/order-service[Deployment]": "TCP 3000",
    "default/product-service[Deployment]": "TCP 3002",
    "default/rabbitmq[StatefulSet]": QUEUE,
    "default/store-front[Deployment]": "store-front TCP 8080",
}

STORE = QUICKSTART | {
    "default/documentdb[StatefulSet]": "documentdb TCP 10260",
    "default/makeline-service[Deployment]": "TCP 3001",
    "default/store-admin[Deployment]": "store-admin TCP 8081",
    "default/virtual-customer[Deployment]": "",
    "default/virtual-worker[Deployment]": "",
}

QUICKSTART_SERVICES = {
    "default/order-service http TCP 3000": ["default/order-service[Deployment] 3000"],
    "default/product-service http TCP 3002": ["default/product-service[Deployment] 3002"],
    "default/rabbitmq rabbitmq-amqp TCP 5672": ["default/rabbitmq[StatefulSet] 5672"],
    "default/rabbitmq rabbitmq-http TCP 15672": ["default/rabbitmq[StatefulSet] 15672"],
    "default/store-front TCP 80": ["default/store-front[Deployment] 8080"],
}

STORE_SERVICES = QUICKSTART_SERVICES | {
    "default/documentdb TCP 10260": ["default/documentdb[StatefulSet] 10260"],
    "default/makeline-service http TCP 3001": ["default/makeline-service[Deployment] 3001"],
    "default/store-admin TCP 80": ["default/store-admin[Deployment] 8081"],
}

ASSISTANT = {"default/ai-service[Deployment]": "TCP 5001"}
ASSISTANT_SERVICES = {"default/ai-service http TCP 5001": ["default/ai-service[Deployment] 5001"]}

NAMES = {id_.partition("/")[2].partition("[")[0]: [id_] for id_ in STORE} | {
    "store": list(STORE),
    "services": [f"default/{name}-service[Deployment]" for name in ("order", "product", "makeline")],
    "shops": ["default/store-front[Deployment]", "default/store-admin[Deployment]"],
    "simulators": ["default/virtual-customer[Deployment]", "default/virtual-worker[Deployment]"],
    "stores": ["default/rabbitmq[StatefulSet]", "default/documentdb[StatefulSet]"],
    "outside": ["0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
}

CALLED = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: nothing-in}
spec: {podSelector: {}}
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: shops}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [store-front, store-admin]}]}
  ingress:
  - from: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.128/25]}}]
    ports: [{port: store-front}, {port: store-admin}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: order-service}
spec:
  podSelector: {matchLabels: {app: order-service}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: store-front}}}, {podSelector: {matchLabels: {app: virtual-customer}}}]
    ports: [{port: 3000}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: makeline-service}
spec:
  podSelector: {matchLabels: {app: makeline-service}}
  ingress:
  - from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [store-admin, virtual-worker]}]}}]
    ports: [{port: 3001}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: product-service}
spec:
  podSelector: {matchLabels: {app: product-service}}
  ingress:
  - from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [store-admin, store-front]}]}}]
    ports: [{port: 3002}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: rabbitmq}
spec:
  podSelector: {matchLabels: {app: rabbitmq}}
  ingress:
  - from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [order-service, makeline-service]}]}}]
    ports: [{port: rabbitmq-amqp}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: documentdb}
spec:
  podSelector: {matchLabels: {app: documentdb}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: makeline-service}}}]
    ports: [{port: documentdb}]
"""
"""Nothing comes in but what the store's parts call; out, everything is open."""

CALLED_MAP = """
store                             -> outside          : all
198.51.100.0-198.51.100.127       -> store-front      : TCP 8080
198.51.100.0-198.51.100.127       -> store-admin      : TCP 8081
store-front, virtual-customer     -> order-service    : TCP 3000
store-admin, virtual-worker       -> makeline-service : TCP 3001
store-admin, store-front          -> product-service  : TCP 3002
order-service, makeline-service   -> rabbitmq         : TCP 5672
makeline-service                  -> documentdb       : TCP 10260
"""

SHOPS_HANG = """
store -> store-front : TCP 8080
store -> store-admin : TCP 8081
"""

KEPT_IN = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: stores-keep-to-themselves}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [documentdb, rabbitmq]}]}
  policyTypes: [Egress]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: simulators}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [virtual-customer, virtual-worker]}]}
  policyTypes: [Ingress, Egress]
  egress:
  - to:
    - namespaceSelector: {}
      podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [rabbitmq, documentdb]}]}
    ports: [{port: 3000, endPort: 3001}, {port: store-front}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: services}
spec:
  podSelector:
    matchExpressions: [{key: app, operator: In, values: [order-service, makeline-service, product-service]}]
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [rabbitmq, documentdb]}]}}]
    ports: [{port: rabbitmq-amqp}, {port: documentdb}]
  - to: [{ipBlock: {cidr: "2001:db8:1::/48", except: ["2001:db8:1:8000::/49"]}}]
    ports: [{port: 443}]
  - ports: [{port: 53, protocol: UDP}]
"""
"""Going out is what is limited; in, only the simulators are closed."""

KEPT_IN_MAP = """
outside    -> services, shops, stores              : all
shops      -> services, shops, stores, outside     : all
simulators -> services, store-admin                : TCP 3000-3001
simulators -> store-front                          : TCP 3000-3001,8080
services   -> rabbitmq                             : TCP 5672,UDP 53
services   -> documentdb                           : TCP 10260,UDP 53
services   -> services, shops, outside             : UDP 53
services   -> 2001:db8:1::-2001:db8:1:7fff:ffff:ffff:ffff:ffff : TCP 443
"""

BLOCK_HANGS = "services -> services, shops, stores : TCP 443"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The corpus' folder, with the real helm and kubectl on the path."""
    monkeypatch.setenv("PATH", str(kubectl().parent), prepend=os.pathsep)
    monkeypatch.setenv("PATH", str(helm().parent), prepend=os.pathsep)
    return shared("corpus") / "aks-store"


@pytest.mark.parametrize(
    ("path", "holds", "serves"),
    [
        ("ai-service.yaml", ASSISTANT, ASSISTANT_SERVICES),
        ("aks-store-quickstart.yaml", QUICKSTART, QUICKSTART_SERVICES),
        ("aks-store-ingress-quickstart.yaml", QUICKSTART, QUICKSTART_SERVICES),
        ("aks-store-all-in-one.yaml", STORE, STORE_SERVICES),
        ("kustomize/base", STORE, STORE_SERVICES),
        ("kustomize/overlays/dev", STORE, STORE_SERVICES),
        ("kustomize/overlays/kaito", STORE | ASSISTANT, STORE_SERVICES | ASSISTANT_SERVICES),
        ("charts/aks-store-demo", STORE, STORE_SERVICES),
    ],
)
def test_what_is_deployed(folder: Path, path: str, holds: dict[str, str], serves: dict[str, list[str]]) -> None:
    cluster, _ = manifests(str(folder / path))
    assert workloads(cluster) == holds
    assert services(cluster) == serves


GIVEN_AGAIN = {
    "default/ai-service[Deployment]": 2,
    "default/ai-service[Service]": 2,
    "default/documentdb[Service]": 2,
    "default/documentdb[StatefulSet]": 2,
    "default/makeline-service[Deployment]": 3,
    "default/makeline-service[Service]": 3,
    "default/order-service[Deployment]": 6,
    "default/order-service[Service]": 6,
    "default/product-service[Deployment]": 6,
    "default/product-service[Service]": 6,
    "default/rabbitmq[Service]": 5,
    "default/rabbitmq[StatefulSet]": 4,
    "default/store-admin[Deployment]": 3,
    "default/store-admin[Service]": 3,
    "default/store-front[Deployment]": 6,
    "default/store-front[Service]": 6,
    "default/virtual-customer[Deployment]": 2,
    "default/virtual-worker[Deployment]": 2,
}
"""One more than in how many files, overlays and chart together, each stands."""

OTHERWISE = [
    "L0103 1 object of the unknown kind `Application.argoproj.io` left out",
    "L0103 1 object of the unknown kind `ServiceMonitor.azmonitoring.coreos.com` left out",
    "L0103 1 object of the unknown kind `Workspace.kaito.sh` left out",
    "L0105 1 object of kind `Gateway.networking.istio.io` not read",
    "L0105 1 object of kind `VirtualService.networking.istio.io` not read",
]


def test_the_whole_folder(folder: Path) -> None:
    """One sample runs the queue as a Deployment: beside the StatefulSet that the others have."""
    cluster, found = manifests(str(folder))
    assert workloads(cluster) == STORE | ASSISTANT | {"default/rabbitmq[Deployment]": QUEUE}
    assert {name: to for name, to in services(cluster).items() if "rabbitmq " not in name} == {
        name: to for name, to in (STORE_SERVICES | ASSISTANT_SERVICES).items() if "rabbitmq " not in name
    }
    assert given_again(found) == GIVEN_AGAIN
    assert [line for line in otherwise(found) if line[:5] in {"L0103", "L0105"}] == OTHERWISE


def test_the_whole_folder_without_helm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The chart's templates are no YAML: said so, and the rest is read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster, found = manifests(str(shared("corpus") / "aks-store"))
    assert workloads(cluster) == STORE | ASSISTANT | {"default/rabbitmq[Deployment]": QUEUE}
    assert given_again(found).total() == sum(GIVEN_AGAIN.values()) - len(STORE) - len({*STORE_SERVICES}) + 1
    assert [line for line in otherwise(found) if line[:5] in {"L0103", "L0105"}] == OTHERWISE
    assert [finding.code for finding in found if "helm" in finding.message] == ["L0010"]


def test_its_ingress(folder: Path) -> None:
    file = str(folder / "aks-store-ingress-quickstart.yaml")
    cluster, found = manifests(file)
    assert found == []
    documents, _ = read(fetch([file]).texts)
    ingress = next(document.value for document in documents if document.value["kind"] == "Ingress")
    assert paths(cluster, {"default/store-front[Ingress]": ingress}) == {
        "default/store-front[Ingress] Prefix /": "default/store-front 80"
    }


@pytest.mark.parametrize("path", ["aks-store-all-in-one.yaml", "kustomize/base", "charts/aks-store-demo"])
@pytest.mark.parametrize(("profile", "hangs"), [("cilium", ""), ("kubernetes", SHOPS_HANG)])
def test_only_what_is_called(folder: Path, path: str, profile: str, hangs: str) -> None:
    cluster, _ = manifests(str(folder / path), texts=[Text("policies.yaml", CALLED.encode())])
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(CALLED_MAP, NAMES))
    assert ours == theirs
    assert answered.undetermined == listed(hangs, NAMES)


@pytest.mark.parametrize(("profile", "hangs"), [("cilium", ""), ("kubernetes", BLOCK_HANGS)])
def test_kept_in(folder: Path, profile: str, hangs: str) -> None:
    cluster, _ = manifests(str(folder / "kustomize/base"), texts=[Text("policies.yaml", KEPT_IN.encode())])
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(KEPT_IN_MAP, NAMES))
    assert ours == theirs
    assert answered.undetermined == listed(hangs, NAMES)
