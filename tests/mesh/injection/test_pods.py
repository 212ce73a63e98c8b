"""What comes into a pod: what starts when, what is asked where, how long it has, and what stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from licet.mesh.envoy.names import PORT_IN, PORT_OUT, PORT_PROBES
from licet.mesh.inject.injection import Injection, Rules
from licet.mesh.redirect import UID
from licet.mesh.sidecar import Capture
from tests.mesh.injection.manifests import INJECTION, only, pod, put
from tests.mesh.injection.manifests import objects as read


def deployed(folder: Path, spec: str, kind: str = "Deployment", injection: Injection = INJECTION) -> dict[str, Any]:
    """The pod of a workload with this pod, a sidecar in it."""
    template = {"metadata": {"labels": {"app": "a"}}, "spec": yaml.safe_load(spec)}
    group = "batch/v1" if kind == "Job" else "apps/v1"
    selector = {} if kind == "Job" else {"selector": {"matchLabels": {"app": "a"}}}
    value = {"apiVersion": group, "kind": kind, "metadata": {"name": "a"}, "spec": {**selector, "template": template}}
    made = put(folder, yaml.safe_dump(value, sort_keys=False).encode(), injection)
    assert not made.diagnostics, made.diagnostics[0].message
    return pod(read(only(made))[0])


def named(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A container of the pod."""
    return next(one for kind in ("initContainers", "containers") for one in found[kind] if one["name"] == name)


PLAIN = "containers: [{name: main, image: i}]"


def test_the_rules_and_then_the_sidecar_are_there_before_anything_of_the_pod(tmp_path: Path) -> None:
    spec = "{containers: [{name: main, image: i}], initContainers: [{name: own, image: i}]}"
    found = deployed(tmp_path, spec)
    names = [each["name"] for each in found["initContainers"]]
    assert names == ["licet-bootstrap", "licet-redirect", "licet-sidecar", "own"]
    assert named(found, "licet-sidecar")["restartPolicy"] == "Always"
    explicit = deployed(tmp_path, spec, injection=msgspec.structs.replace(INJECTION, capture=Capture.EXPLICIT))
    assert [each["name"] for each in explicit["initContainers"]] == ["licet-bootstrap", "licet-sidecar", "own"]


@pytest.mark.parametrize("rules", Rules)
def test_nothing_has_a_privilege_but_what_applies_rules_in_the_pod(rules: Rules, tmp_path: Path) -> None:
    """Held against https://kubernetes.io/docs/concepts/security/pod-security-standards/, "restricted"."""
    found = deployed(tmp_path, PLAIN, injection=msgspec.structs.replace(INJECTION, rules=rules))
    refused = [each["name"] for each in found["initContainers"] if not _restricted(each["securityContext"])]
    assert refused == (["licet-redirect"] if rules is Rules.INIT else [])
    assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in found["initContainers"])
    assert all(each["resources"].keys() == {"requests", "limits"} for each in found["initContainers"])
    assert not [each for each in found["volumes"] if "hostPath" in each]
    added = named(found, "licet-redirect")["securityContext"]["capabilities"].get("add", [])
    assert added == (["NET_ADMIN"] if rules is Rules.INIT else [])


def _restricted(context: dict[str, Any]) -> bool:
    return (
        context["runAsNonRoot"]
        and context["runAsUser"] != 0
        and not context["allowPrivilegeEscalation"]
        and not context["privileged"]
        and context["capabilities"] == {"drop": ["ALL"]}
        and context["seccompProfile"] == {"type": "RuntimeDefault"}
    )


def test_who_looks_whether_the_rules_hold_is_not_the_user_whom_they_let_pass(tmp_path: Path) -> None:
    found = deployed(tmp_path, PLAIN, injection=msgspec.structs.replace(INJECTION, rules=Rules.NODE))
    look = named(found, "licet-redirect")
    assert look["args"][0] == "--check"
    assert look["securityContext"]["runAsUser"] != named(found, "licet-sidecar")["securityContext"]["runAsUser"] == UID


PROBES = {
    "{httpGet: {port: 8080}}": "http://127.0.0.1:8080/",
    "{httpGet: {port: '8080', path: 'healthz?full=1'}}": "http://127.0.0.1:8080/healthz?full=1",
    "{httpGet: {port: web, path: /a/b, scheme: HTTPS}, timeoutSeconds: 9}": "https://127.0.0.1:8443/a/b",
    "{tcpSocket: {port: web}}": "tcp://127.0.0.1:8443",
    "{tcpSocket: {port: 1}, timeoutSeconds: 3}": "tcp://127.0.0.1:1#3",
    "{grpc: {port: 5050}}": "grpc://127.0.0.1:5050",
    "{grpc: {port: 5050, service: shop.Cart}}": "grpc://127.0.0.1:5050/shop.Cart",
}


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("name", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_a_probe_asks_the_sidecar_at_a_path_of_its_own(name: str, probe: str, tmp_path: Path) -> None:
    spec = f"containers: [{{name: main, image: i, ports: [{{name: web, containerPort: 8443}}], {name}: {probe}}}]"
    found = deployed(tmp_path, spec)
    before = {key: value for key, value in yaml.safe_load(probe).items() if key == "timeoutSeconds"}
    asked = {"httpGet": {"path": f"/main/{name}", "port": PORT_PROBES}}
    assert named(found, "main")[name] == {**asked, **before}
    assert f"--probe=/main/{name}={PROBES[probe]}" in named(found, "licet-bootstrap")["args"]


def test_headers_of_a_probe_stay_and_hooks_and_sidecars_of_the_pods_own_are_led_too(tmp_path: Path) -> None:
    found = deployed(
        tmp_path,
        """
        initContainers:
        - {name: own, image: i, restartPolicy: Always, livenessProbe: {tcpSocket: {port: 7}}}
        containers:
        - name: main
          image: i
          livenessProbe: {httpGet: {port: 1, httpHeaders: [{name: a, value: b}]}}
          lifecycle: {preStop: {httpGet: {port: 2, path: /stop}}, postStart: {exec: {command: [x]}}}
        """,
    )
    main = named(found, "main")
    assert main["livenessProbe"]["httpGet"]["httpHeaders"] == [{"name": "a", "value": "b"}]
    assert main["lifecycle"]["preStop"] == {"httpGet": {"path": "/main/preStop", "port": PORT_PROBES}}
    assert main["lifecycle"]["postStart"] == {"exec": {"command": ["x"]}}
    assert named(found, "own")["livenessProbe"] == {"httpGet": {"path": "/own/livenessProbe", "port": PORT_PROBES}}


UNTOUCHED = ["{exec: {command: [x]}}", "{httpGet: {port: 1, host: example.com}}", "{tcpSocket: {port: nameless}}"]


@pytest.mark.parametrize("probe", UNTOUCHED)
def test_what_asks_no_port_of_the_pod_is_left_as_it_is(probe: str, tmp_path: Path) -> None:
    found = deployed(tmp_path, f"containers: [{{name: main, image: i, livenessProbe: {probe}}}]")
    assert named(found, "main")["livenessProbe"] == yaml.safe_load(probe)


def test_programs_that_listen_elsewhere_are_asked_there(tmp_path: Path) -> None:
    text = """
    apiVersion: v1
    kind: Pod
    metadata:
      name: a
      annotations: {licet.dev/apps: "8080=127.0.0.1:18080 9090=/run/app.sock", licet.dev/exits: "b[Pod]:1=127.0.0.1:9"}
    spec:
      containers:
      - name: main
        image: i
        livenessProbe: {httpGet: {port: 8080}}
        readinessProbe: {httpGet: {port: 9090}}
    """
    found = pod(read(only(put(tmp_path, text.encode())))[0])
    assert [
        one for one in named(found, "licet-bootstrap")["args"] if one.startswith(("--app", "--exit", "--probe"))
    ] == [
        "--app=8080=127.0.0.1:18080",
        "--app=9090=/run/app.sock",
        "--exit=b[Pod]:1=127.0.0.1:9",
        "--probe=/main/livenessProbe=http://127.0.0.1:18080/",
    ]


HOOKED = "containers: [{name: main, image: i, lifecycle: {preStop: {sleep: {seconds: 4}}}}]"
ENDINGS = {
    "containers: [{name: main, image: i}]": (50, 15),
    "{terminationGracePeriodSeconds: 60, containers: [{name: main, image: i}]}": (80, 15),
    "{terminationGracePeriodSeconds: 0, containers: [{name: main, image: i}]}": (0, None),
    HOOKED: (35, 4),
    f"{{terminationGracePeriodSeconds: 3, {HOOKED}}}": (20, 4),
}


@pytest.mark.parametrize("spec", ENDINGS)
def test_programs_have_as_long_as_before_once_load_balancers_have_noticed(spec: str, tmp_path: Path) -> None:
    found = deployed(tmp_path, spec)
    slept = named(found, "main").get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
    assert (found.get("terminationGracePeriodSeconds"), slept) == ENDINGS[spec]


def test_what_ends_by_itself_is_not_kept_waiting(tmp_path: Path) -> None:
    found = deployed(tmp_path, "{restartPolicy: Never, containers: [{name: main, image: i}]}", kind="Job")
    assert "terminationGracePeriodSeconds" not in found
    assert "lifecycle" not in named(found, "main")
    assert "lifecycle" not in named(found, "licet-sidecar")


OBSTACLES = {
    "{hostNetwork: true, containers: [{name: m, image: i}]}": "runs in the network of its node",
    "{os: {name: windows}, containers: [{name: m, image: i}]}": "runs on Windows",
    "{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: m, image: i}]}": "runs on Windows",
    "containers: [{name: licet-sidecar, image: i}]": "has a container of its own with the name `licet-sidecar`",
    "{volumes: [{name: licet-node, emptyDir: {}}], containers: [{name: m, image: i}]}": "has a volume of its own",
    "containers: [{name: m, image: i, securityContext: {runAsUser: 15000}}]": "runs as user 15000",
    "{securityContext: {runAsUser: 15000}, containers: [{name: m, image: i}]}": "runs as user 15000",
    **{
        f"containers: [{{name: m, image: i, ports: [{{containerPort: {port}}}]}}]": f"uses port {port}"
        for port in (PORT_IN, PORT_OUT, PORT_PROBES)
    },
}


@pytest.mark.parametrize("spec", OBSTACLES)
def test_what_no_sidecar_can_be_put_into_is_left_as_it_is_and_said(spec: str, tmp_path: Path) -> None:
    value = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": yaml.safe_load(spec)}
    text = yaml.safe_dump(value)
    made = put(tmp_path, text.encode())
    [finding] = made.diagnostics
    assert finding.code == "L0570"
    assert f"`default/a[Pod]` {OBSTACLES[spec]}" in finding.message
    assert only(made) == text.encode()
