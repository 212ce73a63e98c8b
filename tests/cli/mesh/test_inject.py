"""`licet mesh inject`, `uninject` and `bootstrap` as users and pods run them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import SHOP, Ran, deployment, licet
from tests.identity.drills.proxy import executable

CONTROL = ("--control", "control.licet.svc:15010", "--control-identity", "spiffe://shop.example/licet/control")
INJECT = ("mesh", "inject", "--image", "registry.example/licet", *CONTROL)

CONTRACT = """---
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata: {name: cart, namespace: shop}
spec: {targetRef: {kind: Deployment, name: cart}, serves: [], calls: []}
"""


def test_into_a_folder_and_out_again_everything_is_as_it_was(tmp_path: Path) -> None:
    out, back = tmp_path / "out", tmp_path / "back"
    done = licet(*INJECT, SHOP, "--out", out)
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("10 workloads, 10 files changed\n")
    assert licet("map", SHOP, "-o", "json").out == licet("map", out, "-o", "json").out
    assert licet("mesh", "uninject", out, "--out", back).code == 0
    for path in SHOP.rglob("*.yaml"):
        assert (back / path.relative_to(SHOP)).read_bytes() == path.read_bytes()
        if "\nkind: Deployment\n" in path.read_text():
            assert "licet-sidecar" in (out / path.relative_to(SHOP)).read_text()


def test_in_place_twice_is_once(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(SHOP, folder)
    assert licet(*INJECT, folder, "--in-place").err.endswith("10 workloads, 10 files changed\n")
    held = {path: path.read_bytes() for path in folder.rglob("*.yaml")}
    assert licet(*INJECT, folder, "--in-place").err.endswith("10 workloads, 0 files changed\n")
    assert {path: path.read_bytes() for path in folder.rglob("*.yaml")} == held
    assert licet("mesh", "uninject", folder, "--in-place").code == 0
    assert all((SHOP / path.relative_to(folder)).read_bytes() == path.read_bytes() for path in held)


def test_through_a_pipe_only_what_a_contract_binds_has_one_unless_all_are_asked_for() -> None:
    text = (deployment("cart") + deployment("other") + CONTRACT).encode()
    some, every = licet(*INJECT, "-", stdin=text), licet(*INJECT, "-", "--all", stdin=text)
    assert (some.code, every.code) == (0, 0)
    assert some.out.count("licet.dev/injected") == 1
    assert every.out.count("licet.dev/injected") == 2
    assert licet("mesh", "uninject", "-", stdin=every.out.encode()).out.encode() == text
    assert licet("map", "-", stdin=every.out.encode()).out == licet("map", "-", stdin=text).out


def test_what_can_have_none_is_a_finding_and_the_others_have_one() -> None:
    text = deployment("cart") + deployment("node").replace("spec: {containers", "spec: {hostNetwork: true, containers")
    done = licet(*INJECT, "-", "--all", stdin=text.encode())
    assert done.code == 1
    assert "error[L0570]: `shop/node[Deployment]` runs in the network of its node" in done.err
    assert done.out.count("licet.dev/injected") == 1


WRONG = {
    ("inject", "--image", "i", "--control", "nowhere"): "`nowhere` is no control plane",
    ("inject", "--image", "i", "--control", "a.example:1"): "nobody says who `a.example:1` has to be",
    ("inject", "--image", "i", "--control", "/c.sock", "--control-identity", "spiffe://a/b"): "which needs no identity",
    ("inject", "--image", "i", *CONTROL, "--out", "x", "--in-place"): "are two places",
    ("inject", "--image", "i", *CONTROL, "--in-place", "-"): "`<stdin>` is no file that could be changed",
    ("inject", *CONTROL): "missing option `--image`",
    ("uninject", "--out", "x", "--in-place"): "are two places",
    ("drain", "--admin", "/nowhere"): "there is no Envoy at `/nowhere`",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    text = (deployment("cart") + CONTRACT).encode()
    (tmp_path / "cart.yaml").write_bytes(text)
    done = licet("mesh", *arguments, cwd=tmp_path, stdin=text)
    assert done.code == 2
    assert WRONG[arguments] in done.err
    assert (done.out, done.err.count("\n")) == ("", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["cart.yaml"]


def start(*words: str | Path) -> Ran:
    """What a pod makes its sidecar's bootstrap with."""
    own = ("--group", "apps", "--kind", "Deployment", "--name", "cart", "--socket", "/run/agent.sock", *CONTROL)
    return licet("mesh", "bootstrap", *own, *words, POD_IP="10.1.2.3", POD_NAME="cart-0", POD_NAMESPACE="shop")


def test_a_pod_starts_its_sidecar_with_what_it_knows_of_itself(tmp_path: Path) -> None:
    probe = "/main/livenessProbe=http://127.0.0.1:8080/healthz?full=1"
    words = ("--probe", probe, "--admin", "/run/admin.sock", "--app", "8080=127.0.0.1:18080")
    written = tmp_path / "envoy.json"
    assert start(*words, "--out", written).code == 0
    assert start(*words).out == written.read_text()
    subprocess.run([executable(), "--mode", "validate", "-c", written], check=True, capture_output=True)
    found = json.loads(written.read_text())
    assert found["node"]["id"] == "shop/cart[Deployment]/cart-0"
    said = found["node"]["metadata"]["licet"]
    assert (said["address"], said["capture"], said["apps"]) == ("10.1.2.3", "redirected", {"8080": "127.0.0.1:18080"})
    [listener] = found["static_resources"]["listeners"]
    assert listener["address"]["socket_address"]["port_value"] == 15020
    assert "/main/livenessProbe" in json.dumps(listener)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--probe", "/a=ftp://x"), "is no probe"),
        (("--app", "8080"), "`--app 8080` says nothing"),
        (("--app", "http=127.0.0.1:1"), "`http` is no port"),
        (("--admin", "0.0.0.0:1"), "could be reached by others"),
    ],
)
def test_what_no_sidecar_can_be_started_with_is_said_in_one_line(words: tuple[str, ...], wrong: str) -> None:
    done = start(*words)
    assert done.code == 2
    assert wrong in done.err
    assert (done.out, done.err.count("\n")) == ("", 1)
