"""What small sets of manifests mean, worked out by hand from the documentation before anything was run."""

from __future__ import annotations

import pytest

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.follow import Follower, Sender
from licet.diag.text import Text
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import UNKNOWN_PLATFORM, GatewayFact, Platform
from licet.model.ports import Protocol
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from tests.answers import Pairs, answer, listed, manifests

CONTROLLER = INGRESS_CONTROLLER.name
WORDS = {
    "a": ["shop/a[Deployment]"],
    "b": ["shop/b[Deployment]"],
    "nightly": ["shop/nightly[CronJob]"],
    "agent": ["shop/agent[DaemonSet]"],
    "db": ["shop/db[StatefulSet]"],
    "pod": ["shop/solo[Pod]"],
    "controller": [CONTROLLER],
}


def document(api: str, kind: str, name: str, rest: str, namespace: str = "shop") -> str:
    """One object; a cluster-scoped one has no namespace."""
    where = f", namespace: {namespace}" if namespace else ""
    return f"---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{where}}}\n{rest}\n"


def pods(name: str, kind: str = "Deployment", ports: str = "") -> str:
    """A controller of pods that bear its name."""
    template = (
        f"{{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: i, ports: [{ports}]}}]}}}}"
    )
    return document("apps/v1", kind, name, f"spec: {{template: {template}}}")


def service(name: str, ports: str, more: str = "") -> str:
    """A Service before the workload of its name."""
    return document("v1", "Service", name, f"spec: {{selector: {{app: {name}}}, ports: [{ports}]{more}}}")


def ingress(spec: str) -> str:
    return document("networking.k8s.io/v1", "Ingress", "front", f"spec: {spec}")


def openshift(spec: str) -> str:
    return document("route.openshift.io/v1", "Route", "front", f"spec: {spec}")


def policy(spec: str, name: str = "rules", namespace: str = "shop") -> str:
    return document("networking.k8s.io/v1", "NetworkPolicy", name, f"spec: {spec}", namespace)


def admin(spec: str, kind: str = "AdminNetworkPolicy", name: str = "admin") -> str:
    return document("policy.networking.k8s.io/v1alpha1", kind, name, f"spec: {spec}", "")


NAMESPACE = document("v1", "Namespace", "shop", "", "")
A = pods("a", ports="{containerPort: 8080, name: web}, {containerPort: 9090, name: adm}")
B = pods("b")
NIGHTLY = document(
    "batch/v1",
    "CronJob",
    "nightly",
    """spec: {schedule: '@daily', jobTemplate: {spec: {template: {metadata: {labels: {app: nightly}}, spec: {
      restartPolicy: Never, containers: [{name: c, image: i}]}}}}}""",
)
TWO_PORTS = service("a", "{name: http, port: 80, targetPort: web}, {name: manage, port: 81, targetPort: 9090}")
DEFAULT = "{defaultBackend: {service: {name: a, port: {%s}}}}"
FRONT = A + TWO_PORTS + ingress(DEFAULT % "number: 80")
EVERY = "subject: {namespaces: {}}"


def cluster(text: str, platform: Platform = UNKNOWN_PLATFORM) -> Cluster:
    """The cluster that sound YAML describes."""
    found, diagnostics = manifests(texts=[Text("given.yaml", (NAMESPACE + text).encode())], platform=platform)
    assert [d.message for d in diagnostics if d.severity.name == "ERROR"] == []
    return found


def between(text: str, platform: Platform = UNKNOWN_PLATFORM, profile: str = "cilium") -> tuple[Pairs, Pairs]:
    """What is sure and what is not among workloads and gateways, replicas of one workload left out."""
    found = answer(cluster(text, platform), profile)
    return _inside(found.allowed), _inside(found.undetermined)


def _inside(found: Pairs) -> Pairs:
    return {(s, d): p for (s, d), p in found.items() if s != d and s[-1] in "]}" and d.endswith("]")}


def to_front(text: str, platform: Platform = UNKNOWN_PLATFORM) -> tuple[Pairs, Pairs]:
    """What the ingress controller reaches."""
    sure, open_ = between(text, platform)
    return (
        {pair: p for pair, p in sure.items() if pair[0] == CONTROLLER},
        {pair: p for pair, p in open_.items() if pair[0] == CONTROLLER},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(FRONT, "controller -> a : TCP 8080", id="by number"),
        pytest.param(A + TWO_PORTS + ingress(DEFAULT % "name: manage"), "controller -> a : TCP 9090", id="by name"),
        pytest.param(A + TWO_PORTS + ingress(DEFAULT % "number: 8080"), "", id="the pod's port is not the Service's"),
        pytest.param(A + TWO_PORTS + ingress(DEFAULT % "name: web"), "", id="nor is its name"),
        pytest.param(
            A
            + TWO_PORTS
            + document(
                "extensions/v1beta1",
                "Ingress",
                "old",
                "spec: {backend: {serviceName: a, servicePort: manage}, rules: [{host: x.example}]}",
            ),
            "controller -> a : TCP 9090",
            id="of the first version",
        ),
        pytest.param(FRONT + policy("{podSelector: {}, ingress: [{ports: [{port: 9090}]}]}"), "", id="another port"),
        pytest.param(
            FRONT + policy("{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: web}]}]}"),
            "controller -> a : TCP 8080",
            id="every namespace, by a port's name",
        ),
        pytest.param(
            FRONT + policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"), "", id="addresses"
        ),
        pytest.param(A + TWO_PORTS + openshift("{to: {name: a}}"), "controller -> a : TCP 8080,9090", id="every port"),
        pytest.param(
            A + TWO_PORTS + openshift("{to: {name: a}, port: {targetPort: manage}}"),
            "controller -> a : TCP 9090",
            id="a Route by the Service's name",
        ),
        pytest.param(
            A
            + B
            + TWO_PORTS
            + service("b", "{port: 80}")
            + openshift("{to: {name: a, weight: 0}, alternateBackends: [{kind: Service, name: b, weight: 1}]}"),
            "controller -> b : TCP 80",
            id="weights",
        ),
    ],
)
def test_what_the_ingress_controller_reaches(text: str, expected: str) -> None:
    assert to_front(text) == (listed(expected, WORDS), {})


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("8080", "controller -> a : TCP 8080"),
        ("9090", "controller -> a : TCP 9090"),
        ("'9090'", "controller -> a : TCP 9090"),
        ("80", ""),
    ],
)
def test_a_route_asks_for_a_port_of_the_pods(asked: str, expected: str) -> None:
    """RoutePort: "The target port on pods selected by the service this route points to".

    The router compares text (`endpointsForAlias`: `endpoint.PortName == alias.PreferPort || endpoint.Port ==
    alias.PreferPort`), so a number in quotes is that port too.
    """
    found = to_front(A + TWO_PORTS + openshift(f"{{to: {{name: a}}, port: {{targetPort: {asked}}}}}"))
    assert found == (listed(expected, WORDS), {})


HOME = Platform(gateways=(GatewayFact("nginx", "edge", "World"),))
NOTHING_OUT = "{podSelector: {}, policyTypes: [Egress]}"
NO_POD_OUT = f"{EVERY}, egress: [{{action: Deny, to: [{{namespaces: {{}}}}]}}]"


@pytest.mark.xfail(
    reason="policies on an ingress controller's own pods are not asked what it may send, as the map says",
    strict=True,
)
@pytest.mark.parametrize(
    ("text", "platform"),
    [
        (FRONT + policy(NOTHING_OUT, namespace="edge"), HOME),
        (FRONT + admin(f"{{priority: 1, {NO_POD_OUT}}}"), UNKNOWN_PLATFORM),
        (FRONT + admin(f"{{{NO_POD_OUT}}}", "BaselineAdminNetworkPolicy", "default"), HOME),
    ],
    ids=["of its namespace", "of every namespace", "of the last tier"],
)
def test_an_ingress_controller_is_a_pod_with_egress(text: str, platform: Platform) -> None:
    """The documentation: "both the egress policy on the source pod and the ingress policy on the destination pod"."""
    assert to_front(text, platform)[0] == {}


def test_every_namespace_has_its_name_as_a_label() -> None:
    """The documentation: "sets an immutable label kubernetes.io/metadata.name on all namespaces"."""
    named = "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: Exists}]}"
    text = FRONT + policy(f"{{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {named}}}]}}]}}")
    assert to_front(text) == (listed("controller -> a : TCP 8080", WORDS), {})


@pytest.mark.parametrize(
    "rules",
    [
        "ingress: null, egress: [{action: Deny, to: [{namespaces: {}}]}]",
        "egress: null, ingress: [{action: Deny, from: [{namespaces: {}}]}]",
        "ingress: [{name: null, action: Deny, from: [{namespaces: {}}]}]",
        "ingress: [{ports: null, action: Deny, from: [{namespaces: {}, pods: null}]}]",
    ],
)
def test_null_in_a_custom_resource_is_no_field(rules: str) -> None:
    """Null in a field that is not nullable "will be pruned before defaulting happens".

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
    """
    assert between(A + B + admin(f"{{priority: 1, {EVERY}, {rules}}}")) == ({}, {})


FROM_THE_REST = "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {matchExpressions: [%s]}}]}]}"


@pytest.mark.parametrize(
    ("more", "asked", "expected"),
    [
        (NIGHTLY, "{key: job-name, operator: Exists}", "nightly -> a : all"),
        (NIGHTLY, "{key: batch.kubernetes.io/job-name, operator: DoesNotExist}", "b -> a : all"),
        (NIGHTLY, "{key: batch.kubernetes.io/controller-uid, operator: Exists}", "nightly -> a : all"),
        (pods("agent", "DaemonSet"), "{key: controller-revision-hash, operator: Exists}", "agent -> a : all"),
        (pods("db", "StatefulSet"), "{key: statefulset.kubernetes.io/pod-name, operator: Exists}", "db -> a : all"),
        ("", "{key: pod-template-hash, operator: Exists}", "b -> a : all"),
    ],
)
def test_labels_that_a_controller_always_sets_are_there(more: str, asked: str, expected: str) -> None:
    """Deployments: "added by the Deployment controller to every ReplicaSet". A value is not known, but there is one.

    The others: https://kubernetes.io/docs/reference/labels-annotations-taints/
    """
    sure, open_ = between(A + B + more + policy(FROM_THE_REST % asked))
    into_a = "shop/a[Deployment]"
    assert {pair: p for pair, p in sure.items() if pair[1] == into_a} == listed(expected, WORDS)
    assert open_ == {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("ports: [{port: 80, endPort: 90}, {port: 91, endPort: 100}, {port: 95}]", "b -> a : TCP 80-100"),
        ("ports: [{protocol: TCP}, {protocol: UDP, port: 1, endPort: 65535}, {protocol: SCTP}]", "b -> a : all"),
        ("ports: [{}]", "b -> a : TCP 1-65535"),
        ("ports: [{port: adm}, {port: adm, protocol: UDP}]", "b -> a : TCP 9090"),
        ("ports: []", "b -> a : all"),
        ("from: null, ports: [{port: 80}]", "b -> a : TCP 80"),
        ("from: [{namespaceSelector: null, podSelector: {matchLabels: null}}]", "b -> a : all"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/8}}]", ""),
    ],
)
def test_one_ingress_rule(asked: str, expected: str) -> None:
    rules = policy(f"{{podSelector: {{matchLabels: {{app: a}}}}, policyTypes: [], ingress: [{{{asked}}}]}}")
    assert between(A + B + rules) == (listed(f"a -> b : all\n{expected}", WORDS), {})


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("{podSelector: {matchLabels: {app: a}}, egress: []}", "a -> b : all"),
        ("{podSelector: {matchLabels: {app: a}}, ingress: null, egress: null, policyTypes: [Egress]}", "b -> a : all"),
        ("{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], ingress: [{}]}", "b -> a : all"),
        ("{podSelector: {matchLabels: {app: a}}, ingress: [null]}", "a, b -> b : all\nb -> a : all"),
        ("{podSelector: null}", ""),
        ("null", ""),
    ],
)
def test_directions_and_what_is_empty(rules: str, expected: str) -> None:
    sure, open_ = between(A + B + policy(rules))
    assert (sure, open_) == ({pair: p for pair, p in listed(expected, WORDS).items() if pair[0] != pair[1]}, {})


HEADLESS = service("db", "{name: pg, port: 80, targetPort: 5432}", ", clusterIP: None")
DB = pods("db", "StatefulSet", "{containerPort: 5432, name: pg}, {containerPort: 9187, name: metrics}")


@pytest.mark.parametrize(("before", "port"), [(HEADLESS, 80), (HEADLESS, 9187)], ids=["its own port", "another"])
def test_a_headless_service_is_its_pods(before: str, port: int) -> None:
    """The documentation: "point directly to the Pods backing the Service"; no port is mapped, and none is refused."""
    found = cluster(A + DB + before)
    sender = Sender("a", Key("", "apps", "Deployment", "shop", "a"))
    verdict = Follower(found, PROFILES["cilium"]).to_service(sender, found.services[0], Protocol.TCP, port).verdict
    assert verdict is Verdict.ALLOW


def replica(number: int) -> str:
    """A pod of a StatefulSet as the API server tells it."""
    return f"""---
apiVersion: v1
kind: Pod
metadata:
  name: db-{number}
  namespace: shop
  labels: {{app: db, statefulset.kubernetes.io/pod-name: db-{number}, apps.kubernetes.io/pod-index: '{number}'}}
  ownerReferences: [{{apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true}}]
spec: {{containers: [{{name: c, image: i}}]}}
status: {{phase: Running, podIPs: [{{ip: 10.0.0.{number + 1}}}]}}
"""


def test_replicas_whose_labels_are_known() -> None:
    """Nothing is unknown: `db-0` is closed and `db-1` is open, so they are not one endpoint."""
    first = "{podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: db-0}}}"
    sure, open_ = between(B + replica(0) + replica(1) + policy(first))
    assert open_ == {}
    assert ("shop/b[Deployment]", "shop/db-1[Pod]") in sure
    assert ("shop/b[Deployment]", "shop/db-0[Pod]") not in sure


GATEWAY_API = "gateway.networking.k8s.io"
GATEWAY = document(
    f"{GATEWAY_API}/v1",
    "Gateway",
    "edge",
    """spec: {gatewayClassName: c, allowedListeners: {namespaces: {from: Same}},
      listeners: [{name: web, port: 80, protocol: HTTP}]}""",
)
LISTENERS = document(
    f"{GATEWAY_API}/v1",
    "ListenerSet",
    "own",
    "spec: {parentRef: {name: edge}, listeners: [{name: more, port: 81, protocol: HTTP}]}",
)
FROM_EDGE = {**WORDS, "edge": [f"shop/edge[Gateway.{GATEWAY_API}]"]}


def http_route(parent: str, backend: str) -> str:
    spec = f"{{parentRefs: [{{{parent}}}], rules: [{{backendRefs: [{{{backend}}}]}}]}}"
    return document(f"{GATEWAY_API}/v1", "HTTPRoute", "front", f"spec: {spec}")


def test_a_route_of_a_gateway() -> None:
    text = A + TWO_PORTS + GATEWAY + http_route("name: edge", "name: a, port: 81")
    assert between(text) == (listed("edge -> a : TCP 9090", FROM_EDGE), {})


def test_a_route_to_a_service_without_a_port_is_refused() -> None:
    """The resource definition of BackendObjectReference: "Must have port for Service reference"."""
    given = (NAMESPACE + A + TWO_PORTS + GATEWAY + http_route("name: edge", "name: a")).encode()
    found, diagnostics = manifests(texts=[Text("given.yaml", given)])
    assert _inside(answer(found, "cilium").allowed) == {}
    assert diagnostics != []


@pytest.mark.xfail(reason="a ListenerSet is told of (L0105) and not followed", strict=True)
def test_a_route_of_a_listener_set() -> None:
    """Standard since v1.5.0: "Routes can attach to a ListenerSet by specifying it as a parentRef"."""
    own = f"group: {GATEWAY_API}, kind: ListenerSet, name: own"
    text = A + TWO_PORTS + GATEWAY + LISTENERS + http_route(own, "name: a, port: 80")
    assert between(text) == (listed("edge -> a : TCP 8080", FROM_EDGE), {})
