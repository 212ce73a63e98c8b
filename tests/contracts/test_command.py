"""Whichever command loads manifests: faults of contracts are findings with their place, and sound ones are silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from licet.app.load import Setting, load
from licet.sources.settings import Settings
from tests.cli.command import deployment, licet
from tests.contracts.read import HEAD, TARGET

_SOUND = (Path(__file__).parent / "full.yaml").read_text()


def test_sound_contracts_are_loaded_and_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(f"{deployment('checkout')}---\n{_SOUND}")
    ran = licet("map", ".", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    loaded = load([str(tmp_path)], Setting(Settings()), lambda _: None)
    assert [str(one.key) for one in loaded.contracts.contracts] == ["shop/checkout[Contract.licet.dev]"]


def test_contracts_know_the_cluster_and_the_mode_of_the_platform(tmp_path: Path) -> None:
    platform = "---\napiVersion: licet.dev/v1alpha1\nkind: Platform\nspec: {cluster: eu, mode: Shadow}\n"
    workload = deployment("web").replace("metadata: {", "metadata: {annotations: {licet.dev/calls: a}, ", 1)
    (tmp_path / "all.yaml").write_text(f"{workload}---\n{_SOUND}{platform}")
    loaded = load([str(tmp_path)], Setting(Settings()), lambda _: None)
    assert loaded.diagnostics == ()
    assert (loaded.contracts.mode, [one.key.cluster for one in loaded.contracts.contracts]) == ("Shadow", ["eu", "eu"])
    assert [one.annotated for one in loaded.contracts.contracts] == [False, True]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (f"{HEAD}{TARGET}  cals: []\n", "L0352", "6:3"),
        (f"{HEAD}{TARGET}---\n{HEAD}{TARGET}", "L0357", "9:18"),
        (
            f"{HEAD}{TARGET}  calls:\n  - name: a\n    to: {{workload: {{name: b}}}}\n    notAfter: 31.03.2027\n",
            "L0350",
            "9:15",
        ),
        (f"{HEAD}{TARGET}  serves: [{{name: a, ports: [{{port: 70000}}]}}]\n", "L0350", "6:37"),
        (f"{HEAD}  targetRef: &a {{kind: Deployment, name: *a}}\n", "L0056", "5:42"),
    ],
    ids=["unknown field", "one name twice", "another form of date", "port out of range", "cycle"],
)
def test_bad_input_is_told_by_any_command(tmp_path: Path, text: str, code: str, place: str) -> None:
    (tmp_path / "contract.yaml").write_text(text)
    (tmp_path / "web.yaml").write_text(deployment("web"))
    ran = licet("map", ".", cwd=tmp_path)
    assert ran.code == 1
    assert f"error[{code}]" in ran.err
    assert f"--> contract.yaml:{place}\n" in ran.err
    assert "Traceback" not in ran.err
