"""Hostile surroundings and hostile documents that the command does not withstand yet, each marked so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import SHOP, deployment, environment, licet

_ASSERTION = "{name: q, deny: {from: [{any: {}}], to: [{any: {}}]}}"
_POLICY = (
    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
    "spec: {podSelector: {}, ingress: [{ports: [{port: %s}]}]}\n"
)


def test_an_answer_that_does_not_fit_is_told_where_nothing_is_buffered(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("".join(deployment(f"w{n}") for n in range(200)))
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen(
        [sys.executable, "-m", "licet", "map", "--pairs", "-o", "json", str(tmp_path)],
        stdout=write,
        stderr=subprocess.PIPE,
        env=environment(PYTHONUNBUFFERED="1"),
    ) as process:
        os.close(write)
        process.communicate(timeout=60)
    with os.fdopen(read, "rb") as stream:
        answer = stream.read()
    try:
        whole = bool(json.loads(answer))
    except ValueError:
        whole = False
    assert whole or process.returncode == 2


def test_assertions_that_are_not_read_do_not_hold(tmp_path: Path) -> None:
    asks = tmp_path / "asks.yaml"
    asks.write_text(f"spec:\n  assertions:\n  - {_ASSERTION}\n")
    assert licet("ask", asks, SHOP).code != 0


def test_a_platform_that_is_not_read_is_wrong_input(tmp_path: Path) -> None:
    platform = tmp_path / "platform.yaml"
    platform.write_text("spec: {podCIDRs: [10.0.0.0/8]}\n")
    assert licet("map", SHOP, "--platform", platform).code == 2


@pytest.mark.parametrize("port", ["9" * 5000, '"' + "9" * 5000 + '"'])
def test_a_very_long_number_is_a_finding(tmp_path: Path, port: str) -> None:
    (tmp_path / "k8s.yaml").write_text(_POLICY % port + deployment("web"))
    ran = licet("map", tmp_path)
    assert ran.code == 1
    assert "1 workload" in ran.out


def test_json_is_json_in_every_encoding(tmp_path: Path) -> None:
    (tmp_path / "k8s.yaml").write_text(deployment("é"))
    ran = licet("map", tmp_path, "-o", "json", PYTHONIOENCODING="ascii")
    assert json.loads(ran.out)


def test_an_answer_needs_no_standard_error() -> None:
    script = f'"{sys.executable}" -m licet map "{SHOP}" 2>&-'
    ran = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, env=environment(), timeout=60, check=False)
    assert ran.returncode == 0
    assert b"workloads" in ran.stdout


def test_the_version_on_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "licet", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=60,
            check=False,
        )
    assert ran.returncode == 2
    assert ran.stderr == b"licet: no space left on device\n"


def test_nobody_knows_whether_a_name_outside_is_denied(tmp_path: Path) -> None:
    (tmp_path / "k8s.yaml").write_text(
        deployment("web") + "---\napiVersion: v1\nkind: Service\nmetadata: {name: card, namespace: shop}\n"
        "spec: {type: ExternalName, externalName: api.example.com}\n"
    )
    ran = licet("why", "shop/web", "shop/card[Service]", tmp_path, "--port", "443", "-o", "json")
    assert json.loads(ran.out)["verdict"] != "deny"


def test_a_pipe_that_brings_nothing_is_wrong_input() -> None:
    assert licet("map", "-", stdin=b"").code == 2
