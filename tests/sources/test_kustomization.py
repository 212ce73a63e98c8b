"""Kustomizations: rendered with the real tool, and what is left of them in a folder that holds many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.sources import Fetched, fetch
from tests.kubectl import kubectl
from tests.shared import shared

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    return tmp_path


@pytest.fixture
def with_kubectl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(kubectl().parent))


def write(path: str, text: str = POD) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def sources(fetched: Fetched) -> list[str]:
    return [text.source for text in fetched.texts]


def codes(fetched: Fetched) -> list[str]:
    return [diagnostic.code for diagnostic in fetched.diagnostics]


def overlays() -> None:
    write("k8s/base/kustomization.yaml", "resources: [pod.yaml]\n")
    write("k8s/base/pod.yaml")
    write(
        "k8s/overlays/prod/kustomization.yaml",
        "namePrefix: prod-\nresources: [../../base]\npatches: [{path: label.yaml}]\n",
    )
    write("k8s/overlays/prod/label.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {tier: gold}}\n")


@pytest.mark.usefixtures("with_kubectl")
@pytest.mark.parametrize("path", ["k8s/overlays/prod", "k8s/overlays/prod/kustomization.yaml"])
def test_a_kustomization_is_rendered(path: str) -> None:
    overlays()
    found = fetch([path])
    assert sources(found) == ["rendered by kustomize: k8s/overlays/prod"]
    assert b"tier: gold\n  name: prod-a" in found.texts[0].data
    assert found.named == {"rendered by kustomize: k8s/overlays/prod"}
    assert found.diagnostics == []


@pytest.mark.usefixtures("with_kubectl")
def test_the_current_folder_may_be_a_kustomization(monkeypatch: pytest.MonkeyPatch) -> None:
    overlays()
    monkeypatch.chdir("k8s/base")
    assert sources(fetch([])) == ["rendered by kustomize: ."]


def test_kustomize_itself_is_preferred(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that stands in for kustomize: only the choice and the call are looked at."""
    overlays()
    write("bin/kustomize", '#!/bin/sh\n[ "$1" = build ] && [ -f "$2/kustomization.yaml" ] && echo "rendered: yes"\n')
    write("bin/kubectl", "#!/bin/sh\nexit 1\n")
    for name in ("kustomize", "kubectl"):
        (here / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(here / "bin"))
    assert [text.data for text in fetch(["k8s/base"]).texts] == [b"rendered: yes\n"]


def test_without_a_tool_it_is_an_error_and_the_plain_files_are_read() -> None:
    overlays()
    found = fetch(["k8s/base", "k8s/overlays/prod"])
    assert sources(found) == ["k8s/base/pod.yaml"]
    assert codes(found) == ["L0020", "L0020", "L0023"]
    assert found.diagnostics[0] == Diagnostic(
        "L0020",
        Severity.ERROR,
        "`k8s/base` is a kustomization and neither `kustomize` nor `kubectl` is installed: "
        "its files are read as they are",
        where=Span("k8s/base/kustomization.yaml", 1, 1, 1, 1),
        help="install one of them, or pipe it in: `kubectl kustomize k8s/base | licet map -`",
    )


@pytest.mark.usefixtures("with_kubectl")
def test_a_kustomization_that_does_not_build_is_told_with_the_tools_own_words() -> None:
    write("k8s/kustomization.yaml", "resources: [gone.yaml]\n")
    write("k8s/pod.yaml")
    found = fetch(["k8s"])
    assert sources(found) == ["k8s/pod.yaml"]
    assert codes(found) == ["L0021"]
    [note] = found.diagnostics[0].notes
    assert "gone.yaml" in note
    assert "\n" not in note


@pytest.mark.usefixtures("with_kubectl")
@pytest.mark.parametrize("base", ["https://example.com/pod.yaml", "github.com/example/base//k8s?ref=v1"])
def test_a_remote_base_is_not_fetched(base: str) -> None:
    write("k8s/kustomization.yaml", f'resources: ["{base}"]\n')
    found = fetch(["k8s"])
    assert codes(found) == ["L0021"]
    assert found.diagnostics[0].help.startswith("remote bases are not fetched")


def test_a_folder_of_overlays_gives_its_objects_once() -> None:
    overlays()
    found = fetch(["k8s"])
    assert sources(found) == ["k8s/base/pod.yaml"]
    assert [(each.code, each.severity, each.notes) for each in found.diagnostics] == [
        ("L0022", Severity.INFO, ("`k8s/overlays/prod`",)),
        ("L0023", Severity.INFO, ("`k8s/overlays/prod/label.yaml`",)),
    ]
    assert found.diagnostics[0].help == "point at the one that is deployed, such as `licet map k8s/overlays/prod`"


@pytest.mark.parametrize(
    "text",
    [
        "patches: [{path: x.yaml}]",
        "patches: [x.yaml]",
        "patchesStrategicMerge: [x.yaml, 'apiVersion: v1\n\nkind: Pod']",
        "patchesJson6902: [{path: ./x.yaml, target: {kind: Pod, name: a}}]",
        "replacements: [{path: x.yaml}]",
        "configurations: [x.yaml]",
        "crds: [x.yaml]",
        "openapi: {path: x.yaml}",
        "transformers: [x.yaml]",
        "configMapGenerator: [{name: c, files: [x.yaml]}]",
        "secretGenerator: [{name: c, files: [key=x.yaml]}]",
        "helmCharts: [{name: c, valuesFile: x.yaml}]",
        "helmCharts: [{name: c, additionalValuesFiles: [x.yaml]}]",
    ],
)
def test_what_a_kustomization_only_works_with_is_left_out(text: str) -> None:
    write("k8s/one/kustomization.yml", text)
    write("k8s/one/x.yaml")
    write("k8s/one/y.yaml")
    found = fetch(["k8s"])
    assert sources(found) == ["k8s/one/y.yaml"]
    assert [code for code in codes(found) if code != "L0022"] == ["L0023"]


def test_a_kustomization_that_changes_nothing_needs_no_word() -> None:
    write("k8s/one/kustomization.yaml", "resources: [x.yaml]\nconfigMapGenerator: [{name: c, literals: [a=b]}]")
    write("k8s/one/x.yaml")
    write("k8s/two/kustomization.yaml", "resources: [../one]")
    assert fetch(["k8s"]).diagnostics == []


def test_of_kustomizations_that_build_on_each_other_the_last_is_proposed() -> None:
    write("k8s/base/kustomization.yaml", "namePrefix: a-\nresources: [x.yaml]")
    write("k8s/base/x.yaml")
    write("k8s/prod/kustomization.yaml", "namespace: b\nresources: [../base]")
    [diagnostic] = fetch(["k8s"]).diagnostics
    assert diagnostic.notes == ("`k8s/prod`", "`k8s/base`")
    assert diagnostic.help == "point at the one that is deployed, such as `licet map k8s/prod`"


def test_a_file_that_one_kustomization_deploys_and_another_patches_with_is_read() -> None:
    write("k8s/one/Kustomization", "resources: [x.yaml]")
    write("k8s/one/x.yaml")
    write("k8s/two/kustomization.yaml", "patches: [{path: ../one/x.yaml}]")
    assert sources(fetch(["k8s"])) == ["k8s/one/x.yaml"]


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        ("[" * 300_000, "it is nested more than 512 levels deep", 1, 513),
        ("- a", "it is not a mapping", 1, 1),
        ("patches:\n- &a [*a]", "`*a` stands inside what it refers to", 2, 7),
        ("a: [", "did not find expected node content", 1, 1),
        ("resources: {a: b}\npatches: 1\nconfigMapGenerator: [1, {files: 2}]", None, 0, 0),
    ],
)
def test_a_kustomization_that_cannot_be_read_does_not_stop_the_rest(
    text: str, reason: str | None, line: int, column: int
) -> None:
    write("k8s/one/kustomization.yaml", text)
    write("k8s/one/x.yaml")
    found = fetch(["k8s"])
    assert sources(found) == ["k8s/one/x.yaml"]
    told = [
        (each.message.partition("that can be read: ")[2], each.where)
        for each in found.diagnostics
        if each.code == "L0024"
    ]
    where = Span("k8s/one/kustomization.yaml", line, column, line, column)
    assert told == ([(reason, where)] if reason else [])


def test_the_folder_of_emojivoto_is_its_deployments_once() -> None:
    """Four overlays stand beside their base there: each turns every Deployment into something else."""
    root = shared("corpus", "emojivoto")
    found = fetch([str(root)])
    assert [os.path.relpath(source, os.path.relpath(root)) for source in sources(found)] == [
        f"deployment/{name}.yml" for name in ("emoji", "ns", "vote-bot", "voting", "web")
    ]
    assert codes(found) == ["L0022", "L0023"]


@pytest.mark.usefixtures("with_kubectl")
@pytest.mark.parametrize(
    ("overlay", "kind"), [("daemonset", b"DaemonSet"), ("job", b"Job"), ("tracing", b"Deployment")]
)
def test_an_overlay_of_emojivoto_is_what_is_deployed(overlay: str, kind: bytes) -> None:
    [text] = fetch([str(shared("corpus", "emojivoto", overlay))]).texts
    assert text.data.count(b"\nkind: " + kind + b"\n") == 4


@pytest.mark.usefixtures("with_kubectl")
def test_the_overlay_of_emojivoto_that_today_refuses_is_a_finding() -> None:
    found = fetch([str(shared("corpus", "emojivoto", "statefulset"))])
    assert found.texts == []
    assert codes(found) == ["L0021", "L0023"]
    assert "cannot unmarshal string into Go struct field Kustomization.patches" in found.diagnostics[0].notes[0]


def test_a_remote_base_met_on_the_way_is_told() -> None:
    """One that another kustomization builds on changes nothing itself, so that no other finding would name it."""
    write("k8s/prod/kustomization.yaml", "namePrefix: prod-\nresources: [../base]\n")
    bases = ["https://example.com/a.yaml", "github.com/o/r//deploy?ref=v1", "git@host:o/r.git"]
    write("k8s/base/kustomization.yaml", "resources:\n- pod.yaml\n" + "".join(f"- {base}\n" for base in bases))
    write("k8s/base/pod.yaml")
    found = fetch(["k8s"])
    assert sources(found) == ["k8s/base/pod.yaml"]
    assert codes(found) == ["L0025", "L0022"]
    assert found.diagnostics[0] == Diagnostic(
        "L0025",
        Severity.WARNING,
        "`k8s/base` builds on 3 remote bases, of which nothing is read",
        Span("k8s/base/kustomization.yaml", 1, 1, 1, 1),
        help="keep a copy beside it, or pipe it in: `kubectl kustomize k8s/base | licet map -`",
        notes=tuple(f"`{base}`" for base in bases),
    )
