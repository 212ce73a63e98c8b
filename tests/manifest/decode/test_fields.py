"""What does not fit its field: unknown names, wrong types, text that is none."""

from __future__ import annotations

import pytest

from licet.diag.place import Origin, Path
from licet.manifest.decode import decode
from licet.manifest.documents import Document
from tests.manifest.decode.given import documents, faults, given

POLICY = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {%s}}"
DEPLOYMENT = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: %s}"
MACHINE = "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: m}, spec: %s}"
ROUTE = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {%s}}"


def test_every_unknown_field_is_told() -> None:
    decoded = given(POLICY % "podselector: {}, policytypes: [Egress], ingress: [{form: [], port: []}]")
    assert [path for _, _, path in faults(decoded)] == [
        ("spec", "podselector"),
        ("spec", "policytypes"),
        ("spec", "ingress", 0, "form"),
        ("spec", "ingress", 0, "port"),
    ]
    assert [finding.help for finding in decoded.diagnostics] == [
        "did you mean `podSelector`?",
        "did you mean `policyTypes`?",
        "did you mean `from`?",
        "did you mean `ports`?",
    ]
    assert len(decoded.cluster.network_policies) == 1


def test_an_unknown_field_and_a_wrong_type_are_both_told() -> None:
    decoded = given(POLICY % "podselector: {}, ingress: {}")
    assert [code for code, _, _ in faults(decoded)] == ["L0102", "L0101"]


def test_more_unknown_fields_than_anyone_reads_end_in_a_refusal() -> None:
    decoded = given(POLICY % ", ".join(f"x{i}: 1" for i in range(1000)))
    assert [code for code, _, _ in faults(decoded)] == ["L0102"] * 32 + ["L0100"]
    assert decoded.cluster.network_policies == ()


def test_a_name_in_the_style_of_an_error_message_is_only_a_name() -> None:
    decoded = given(POLICY % "'a` - at `$.spec': 1")
    assert [path for _, _, path in faults(decoded)] == [("spec", "a` - at `$.spec")]


def test_a_key_that_is_not_unicode_is_refused() -> None:
    """JSON's escapes can write half a character."""
    value = documents(POLICY % "")[0].value | {"\ud800": 1}
    decoded = decode([Document(Origin("x"), value)])
    assert faults(decoded) == [("L0100", "`the document` holds text that is not Unicode", ())]


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        (DEPLOYMENT % "{replicas: 1}", "L0100", ("spec", "template")),
        (DEPLOYMENT % "null", "L0100", ("spec", "template")),
        (DEPLOYMENT % "{template: {metadata: {labels: {a: b}}}}", "L0107", ("spec", "template", "spec", "containers")),
        (
            DEPLOYMENT % "{template: {spec: {containers: [{image: i, ports: [{name: TOO_LOUD, containerPort: 1}]}]}}}",
            "L0107",
            ("spec", "template", "spec", "containers", 0, "ports", 0, "name"),
        ),
        (DEPLOYMENT % "{template: {metadata: {lables: {}}}}", "L0102", ("spec", "template", "metadata", "lables")),
        (MACHINE % "{running: true}", "L0100", ("spec", "template")),
        (
            MACHINE % "{template: {spec: {domain: {devices: {interfaces: [{ports: [{port: 0}]}]}}}}}",
            "L0100",
            ("spec", "template", "spec", "domain", "devices", "interfaces", 0, "ports", 0, "port"),
        ),
        (
            MACHINE % "{template: {spec: {domain: {devices: {interfaces: [{ports: [{port: 1, protocol: x}]}]}}}}}",
            "L0100",
            ("spec", "template", "spec", "domain", "devices", "interfaces", 0, "ports", 0, "protocol"),
        ),
        (ROUTE % "parentRefs: [{namespace: a}]", "L0100", ("spec", "parentRefs", 0, "name")),
        (ROUTE % "rules: [{backendRefs: [{port: 1}]}]", "L0100", ("spec", "rules", 0, "backendRefs", 0, "name")),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 1, targetPort: A_B}]}}",
            "L0107",
            ("spec", "ports", 0, "targetPort"),
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{image: i}]}, status: {podIP: ten}}",
            "L0100",
            ("status", "podIP"),
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: [b]}}",
            "L0101",
            ("metadata", "labels"),
        ),
    ],
)
def test_faults_of_other_kinds_have_their_places(text: str, code: str, path: Path) -> None:
    assert (code, path) in [(found, where) for found, _, where in faults(given(text))]
