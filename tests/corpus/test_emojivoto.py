"""Emojivoto: what its kustomizations deploy, read by hand, and its map under two sets of policies of our own."""

from __future__ import annotations

import os

import pytest

from licet.diag.text import Text
from tests.answers import answer, listed, manifests, side_by_side
from tests.corpus.listing import otherwise, services, workloads
from tests.kubectl import kubectl
from tests.shared import shared

PORTS = {
    "emoji": "grpc TCP 8080, prom TCP 8801",
    "vote-bot": "",
    "voting": "grpc TCP 8080, prom TCP 8801",
    "web": "http TCP 8080",
}

NAMES = {name: [f"emojivoto/{name}[Deployment]"] for name in PORTS} | {
    "outside": ["0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    "prometheus": ["ops/prometheus[Pod]"],
    "curl": ["ops/curl[Pod]"],
}

OPERATORS = """
kind: Namespace
apiVersion: v1
metadata: {name: ops, labels: {team: operators}}
---
kind: Pod
apiVersion: v1
metadata: {name: prometheus, namespace: ops, labels: {app: prometheus}}
spec: {containers: [{name: prometheus, image: prometheus}]}
---
kind: Pod
apiVersion: v1
metadata: {name: curl, namespace: ops, labels: {app: curl}}
spec: {containers: [{name: curl, image: curl}]}
"""

CALLS = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: nothing, namespace: emojivoto}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: web, namespace: emojivoto}
spec:
  podSelector: {matchLabels: {app: web-svc}}
  ingress:
  - ports: [{port: http}]
  egress:
  - to: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [emoji-svc, voting-svc]}]}}]
    ports: [{port: grpc}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: grpc, namespace: emojivoto}
spec:
  podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web-svc, vote-bot]}]}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web-svc}}}]
    ports: [{port: grpc}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: metrics, namespace: emojivoto}
spec:
  podSelector: {}
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {team: operators}}
      podSelector: {matchLabels: {app: prometheus}}
    ports: [{port: prom}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: vote-bot, namespace: emojivoto}
spec:
  podSelector: {matchLabels: {app: vote-bot}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: web-svc}}}]
    ports: [{port: 80}]
  - to: [{ipBlock: {cidr: 192.0.2.0/25}}, {ipBlock: {cidr: "2001:db8::/32"}}]
    ports: [{protocol: UDP, port: 123}]
"""
"""Closed but for the calls, by port names; vote-bot is let out to the Service's port, which is not the pod's."""

CALLS_MAP = """
outside, prometheus, curl -> web           : TCP 8080
web                       -> emoji, voting : TCP 8080
prometheus                -> emoji, voting : TCP 8801
vote-bot                  -> 192.0.2.0-192.0.2.127 : UDP 123
vote-bot                  -> 2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff : UDP 123
outside                   -> prometheus, curl      : all
prometheus, curl          -> outside               : all
prometheus, curl          -> prometheus, curl      : all
"""

NEIGHBOURS = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: voting, namespace: emojivoto}
spec:
  podSelector: {matchLabels: {app: voting-svc}}
  ingress:
  - from:
    - podSelector: {}
    - namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}
    ports: [{port: 8000, endPort: 8999}, {protocol: SCTP}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: emoji, namespace: emojivoto}
spec:
  podSelector: {matchLabels: {app: emoji-svc}}
  egress: []
  ingress:
  - from: [{ipBlock: {cidr: 0.0.0.0/0}}]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: web, namespace: emojivoto}
spec:
  podSelector: {matchLabels: {app: web-svc}}
  policyTypes: [Egress]
  ingress: [{}]
  egress:
  - to: [{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}]
    ports: [{port: grpc}, {port: prom, protocol: UDP}]
"""
"""Open but for three: neighbours by namespace, an `egress: []` that says nothing, ingress rules that do not count."""

NEIGHBOURS_MAP = """
emoji, voting, vote-bot, prometheus, curl -> web, vote-bot, prometheus, curl, outside : all
emoji, voting, vote-bot, prometheus, curl -> voting                 : TCP 8000-8999,SCTP 1-65535
web                                       -> voting                 : TCP 8080
outside                                   -> web, vote-bot, prometheus, curl : all
0.0.0.0-255.255.255.255                   -> emoji                  : all
"""

WHERE_BLOCKS_MATCH_PODS = """
emoji, voting, vote-bot, prometheus, curl -> emoji : all
web                                       -> emoji : TCP 8080
"""


def test_the_deployment() -> None:
    cluster, found = manifests(str(shared("corpus") / "emojivoto" / "deployment"))
    assert found == []
    assert workloads(cluster) == {f"emojivoto/{name}[Deployment]": ports for name, ports in PORTS.items()}
    assert services(cluster) == {
        "emojivoto/emoji-svc grpc TCP 8080": ["emojivoto/emoji[Deployment] 8080"],
        "emojivoto/emoji-svc prom TCP 8801": ["emojivoto/emoji[Deployment] 8801"],
        "emojivoto/voting-svc grpc TCP 8080": ["emojivoto/voting[Deployment] 8080"],
        "emojivoto/voting-svc prom TCP 8801": ["emojivoto/voting[Deployment] 8801"],
        "emojivoto/web-svc http TCP 80": ["emojivoto/web[Deployment] 8080"],
    }
    assert cluster.routes == ()
    assert cluster.namespaces["emojivoto"].declared


@pytest.mark.parametrize(("folder", "kind"), [("daemonset", "DaemonSet"), ("job", "Job"), ("tracing", "Deployment")])
def test_the_overlays(folder: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(kubectl().parent), prepend=os.pathsep)
    cluster, found = manifests(str(shared("corpus") / "emojivoto" / folder))
    assert found == []
    assert workloads(cluster) == {f"emojivoto/{name}[{kind}]": ports for name, ports in PORTS.items()}


def test_the_whole_folder_is_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The overlays say otherwise of the same objects, so they count only where one is pointed at."""
    monkeypatch.setenv("PATH", str(kubectl().parent), prepend=os.pathsep)
    cluster, found = manifests(str(shared("corpus") / "emojivoto"))
    assert workloads(cluster) == {f"emojivoto/{name}[Deployment]": ports for name, ports in PORTS.items()}
    assert otherwise(found) == [
        "L0022 4 kustomizations met on the way and not rendered: what they change is not seen",
        "L0023 5 files left out: patches and inputs of a kustomization, not objects of the cluster",
    ]


def test_an_overlay_that_kustomize_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """`patches` lists a file by name where an object is asked for."""
    monkeypatch.setenv("PATH", str(kubectl().parent), prepend=os.pathsep)
    cluster, found = manifests(str(shared("corpus") / "emojivoto" / "statefulset"))
    assert cluster.workloads == ()
    assert [finding.code for finding in found] == ["L0021", "L0023"]


@pytest.mark.parametrize(
    ("profile", "hangs"), [("cilium", ""), ("kubernetes", "vote-bot -> prometheus, curl : UDP 123")]
)
def test_closed_but_for_the_calls(profile: str, hangs: str) -> None:
    folder = str(shared("corpus") / "emojivoto" / "deployment")
    cluster, found = manifests(folder, texts=[Text("policies.yaml", (OPERATORS + "---" + CALLS).encode())])
    assert found == []
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(CALLS_MAP, NAMES))
    assert ours == theirs
    assert answered.undetermined == listed(hangs, NAMES)


@pytest.mark.parametrize(
    ("profile", "sure", "hangs"),
    [
        ("cilium", "", ""),
        ("calico", WHERE_BLOCKS_MATCH_PODS, ""),
        ("kubernetes", "", WHERE_BLOCKS_MATCH_PODS),
    ],
)
def test_neighbours(profile: str, sure: str, hangs: str) -> None:
    folder = str(shared("corpus") / "emojivoto" / "deployment")
    cluster, found = manifests(folder, texts=[Text("policies.yaml", (OPERATORS + "---" + NEIGHBOURS).encode())])
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(NEIGHBOURS_MAP + sure, NAMES))
    assert ours == theirs
    assert answered.undetermined == listed(hangs, NAMES)
    assert [finding.code for finding in found] == ["L0116"]
