"""`--platform`, and a Platform among the manifests."""

from pathlib import Path

import pytest

from tests.cli.command import deployment, licet

_BLOCK = (
    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: block, namespace: shop}\n"
    "spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n"
)
_PLATFORM = (
    "---\napiVersion: licet.dev/v1alpha1\nkind: Platform\nmetadata: {name: default}\n"
    "spec: {podCIDRs: [10.244.0.0/16]}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two workloads, of which one admits a block of addresses."""
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "all.yaml").write_text(deployment("web") + deployment("cart") + _BLOCK)
    (tmp_path / "platform.yaml").write_text(_PLATFORM)
    return tmp_path


def _verdict(folder: Path, *more: str) -> str:
    ran = licet("why", "web", "cart", "k8s", "--port", "80", "--enforcer", "calico", *more, cwd=folder)
    return ran.out.partition(":")[0]


def test_facts_settle_what_hangs_on_them(folder: Path) -> None:
    assert _verdict(folder) == "undetermined"
    assert _verdict(folder, "--platform", "platform.yaml") == "allow"
    (folder / "licet.toml").write_text('platform = "platform.yaml"\n')
    assert _verdict(folder) == "allow"


def test_a_platform_among_the_manifests_counts(folder: Path) -> None:
    (folder / "platform.yaml").rename(folder / "k8s" / "platform.yaml")
    assert _verdict(folder) == "allow"
    assert licet("map", "k8s", cwd=folder).err == ""


def test_a_file_without_a_platform_is_wrong_usage(folder: Path) -> None:
    ran = licet("map", "k8s", "--platform", "k8s/all.yaml", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "licet: `k8s/all.yaml` holds no Platform: begin it with `apiVersion: licet.dev/v1alpha1` and `kind: Platform`\n"
    )


def test_a_fault_in_it_is_a_finding_with_its_line(folder: Path) -> None:
    (folder / "platform.yaml").write_text(_PLATFORM.replace("10.244.0.0/16", "10.244.0.0/160"))
    ran = licet("map", "k8s", "--platform", "platform.yaml", cwd=folder)
    assert ran.code == 1
    assert "error[L0160]: `10.244.0.0/160` is not a block of addresses\n --> platform.yaml:5:19\n" in ran.err
