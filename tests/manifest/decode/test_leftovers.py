"""What is not read, and what is read twice."""

from __future__ import annotations

import pytest

from licet.diag.diagnostic import Severity
from tests.manifest.decode.given import faults, given


def thing(version: str, kind: str, name: str = "x", spec: str = "{}") -> str:
    """Any object."""
    return f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}"


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("v1", "ServiceAccount"),
        ("v1", "Node"),
        ("v1", "PodTemplate"),
        ("apps/v1", "ControllerRevision"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("networking.k8s.io/v1", "IngressClass"),
        ("networking.k8s.io/v1", "ServiceCIDR"),
        ("networking.k8s.io/v1", "IPAddress"),
        ("gateway.networking.k8s.io/v1", "GatewayClass"),
        ("licet.dev/v1alpha1", "Contract"),
        ("licet.dev/v1alpha1", "Platform"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
    ],
)
def test_kinds_that_decide_nothing_are_passed_over_in_silence(version: str, kind: str) -> None:
    assert faults(given(thing(version, kind))) == []


def test_an_unknown_kind_is_counted_and_told_once() -> None:
    decoded = given("\n---\n".join(thing("example.com/v1", "Thing", name) for name in "abc"))
    (finding,) = decoded.diagnostics
    assert finding.severity is Severity.INFO
    assert faults(decoded) == [("L0103", "3 objects of the unknown kind `Thing.example.com` left out", ("kind",))]


def test_an_unknown_kind_with_pods_is_a_warning() -> None:
    decoded = given(thing("example.com/v1", "Thing", spec="{template: {spec: {containers: [{image: i}]}}}"))
    (finding,) = decoded.diagnostics
    assert (finding.code, finding.severity) == ("L0104", Severity.WARNING)
    assert "`templates` in licet.toml" in finding.help


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("cilium.io/v2", "CiliumNetworkPolicy"),
        ("projectcalico.org/v3", "NetworkPolicy"),
        ("projectcalico.org/v3", "GlobalNetworkPolicy"),
        ("crd.projectcalico.org/v1", "NetworkPolicy"),
        ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy"),
        ("security.istio.io/v1", "AuthorizationPolicy"),
        ("security.istio.io/v1", "PeerAuthentication"),
        ("networking.istio.io/v1", "Sidecar"),
        ("policy.linkerd.io/v1beta3", "Server"),
        ("k8s.cni.cncf.io/v1beta1", "MultiNetworkPolicy"),
        ("k8s.ovn.org/v1", "UserDefinedNetwork"),
    ],
)
def test_a_policy_that_is_not_read_makes_the_map_doubtful(version: str, kind: str) -> None:
    decoded = given(thing(version, kind))
    (finding,) = decoded.diagnostics
    assert (finding.code, finding.severity) == ("L0105", Severity.WARNING)
    assert finding.help.endswith("the cluster may allow less or more than the map says")


@pytest.mark.parametrize(
    ("version", "kind", "meant"),
    [("apps/v1", "Deploymnt", "Deployment"), ("networking.k8s.io/v1", "Networkpolicy", "NetworkPolicy")],
)
def test_a_misspelt_kind_is_told_with_what_was_meant(version: str, kind: str, meant: str) -> None:
    (finding,) = given(thing(version, kind)).diagnostics
    assert (finding.code, finding.severity, finding.help) == ("L0103", Severity.WARNING, f"did you mean `{meant}`?")


def test_a_kind_under_the_wrong_group_is_an_error_and_read_all_the_same() -> None:
    decoded = given(thing("v1", "NetworkPolicy"))
    assert faults(decoded) == [("L0107", "`v1` has no kind `NetworkPolicy`", ("apiVersion",))]
    assert [str(p.key) for p in decoded.cluster.network_policies] == ["default/x[NetworkPolicy]"]


def test_of_an_object_given_twice_the_later_holds() -> None:
    decoded = given(
        "\n---\n".join(
            [
                thing("networking.k8s.io/v1", "NetworkPolicy", spec="{policyTypes: [Egress]}"),
                thing("networking.k8s.io/v1", "NetworkPolicy", name="other"),
                thing("extensions/v1beta1", "NetworkPolicy", spec="{policyTypes: [Ingress]}"),
            ]
        )
    )
    assert faults(decoded) == [
        ("L0106", "`default/x[NetworkPolicy]` is given twice; the later holds", ("metadata", "name"))
    ]
    assert decoded.diagnostics[0].severity is Severity.WARNING
    assert [(p.key.name, p.ingress, p.egress) for p in decoded.cluster.network_policies] == [
        ("other", (), None),
        ("x", (), None),
    ]


def test_an_object_given_twice_alike_is_only_mentioned() -> None:
    text = thing("networking.k8s.io/v1", "NetworkPolicy")
    (finding,) = given(f"{text}\n---\n{text}").diagnostics
    assert (finding.code, finding.severity) == ("L0106", Severity.INFO)
    assert finding.notes == ("the one that is left out: given.yaml, at byte 0",)


def test_a_patch_never_takes_the_place_of_what_it_patches() -> None:
    whole = thing(
        "apps/v1", "Deployment", spec="{template: {metadata: {labels: {app: a}}, spec: {containers: [{image: i}]}}}"
    )
    patch = thing("apps/v1", "Deployment", spec="{template: {spec: {containers: [{name: c}]}}}")
    for texts in ((whole, patch), (patch, whole)):
        decoded = given("\n---\n".join(texts))
        assert [code for code, _, _ in faults(decoded)] == ["L0106"]
        assert [w.labels for w in decoded.cluster.workloads] == [{"app": "a"}]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [("{}", "L0100"), ("null", "L0100"), ("{name: ''}", "L0100"), ("{name: a/b}", "L0100"), ("{name: A_b}", "L0107")],
)
def test_names(metadata: str, code: str) -> None:
    decoded = given(f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {metadata}}}")
    assert [(found, where) for found, _, where in faults(decoded)] == [(code, ("metadata", "name"))]
    assert len(decoded.cluster.network_policies) == (code == "L0107")


def test_a_refused_object_leaves_no_namespace_behind() -> None:
    decoded = given("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, namespace: x/y}}")
    assert [where for _, _, where in faults(decoded)] == [("metadata", "namespace")]
    assert dict(decoded.cluster.namespaces) == {}
