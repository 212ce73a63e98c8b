"""The tool's settings: where they are found, what they say, and how a mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from licet.diag.diagnostic import Severity
from licet.manifest.decode import PodTemplateKind
from licet.sources import SourceError
from licet.sources.settings import Settings, settings

FULL = """\
namespace = "shop"
enforcer = "calico"
fail-on = "warning"
exclude = ["dev/", "*.test.yaml"]
platform = "facts/platform.yaml"
templates = [
  {group = "example.com", kind = "Runner", path = ".spec.pod.template"},
  {group = "", kind = "Thing"},
]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_nothing_said_is_nothing_settled() -> None:
    assert settings() == Settings()


def test_every_setting_is_read(here: Path) -> None:
    (here / "licet.toml").write_text(FULL)
    assert settings() == Settings(
        file="licet.toml",
        root=str(here),
        namespace="shop",
        enforcer="calico",
        templates=(
            PodTemplateKind("example.com", "Runner", ("spec", "pod", "template")),
            PodTemplateKind("", "Thing", ("spec", "template")),
        ),
        fail_on=Severity.WARNING,
        exclude=("dev/", "*.test.yaml"),
        platform=str(here / "facts" / "platform.yaml"),
    )


def test_the_nearest_file_up_to_the_top_of_the_repository_holds(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here.parent / "licet.toml").write_text('namespace = "outside"')
    below = here / "k8s" / "base"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert settings() == Settings()
    (here / "pyproject.toml").write_text('[tool.licet]\nnamespace = "top"\n')
    assert settings().namespace == "top"
    (here / "k8s" / "pyproject.toml").write_text("[tool.other]\n")
    (below / "pyproject.toml").write_text("not TOML of ours")
    assert settings().namespace == "top"
    (here / "licet.toml").write_text('namespace = "own"')
    assert settings().namespace == "own"
    assert settings().file == str(here / "licet.toml")


def test_the_file_that_is_named_holds(here: Path) -> None:
    (here / "licet.toml").write_text('namespace = "near"')
    (here / "ci").mkdir()
    (here / "ci" / "strict.toml").write_text('fail-on = "info"\nplatform = "p.yaml"')
    assert settings("ci/strict.toml") == Settings(
        file="ci/strict.toml", root="ci", fail_on=Severity.INFO, platform=os.path.join("ci", "p.yaml")
    )
    (here / "ci" / "pyproject.toml").write_text("[tool.other]\n")
    assert settings("ci/pyproject.toml") == Settings(file="ci/pyproject.toml", root="ci")


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        (
            'namespace = "a"\nnamespce = "b"\n',
            "licet.toml:2: unknown setting `namespce`",
            "did you mean `namespace`?",
        ),
        ('fail_on = "error"', "licet.toml:1: unknown setting `fail_on`", "did you mean `fail-on`?"),
        (
            "# rules = 1\n\n[rules]\nL0001 = 1\n",
            "licet.toml:3: unknown setting `rules`",
            "known are `namespace`, `enforcer`, `templates`, `fail-on`, `exclude`, `owners`, `platform`",
        ),
        (
            '\nfail-on = "never"',
            "licet.toml:2: `fail-on` has to be one of `info`, `warning`, `error`",
            'write `fail-on = "warning"`',
        ),
        ("namespace = 1", "licet.toml:1: `namespace` has to be a string", 'write `namespace = "..."`'),
        ('exclude = "dev"', "licet.toml:1: `exclude` has to be a list of strings", 'write `exclude = ["..."]`'),
        (
            'templates = [{group = "a", knd = "B"}]',
            "licet.toml:1: unknown setting `knd`",
            "did you mean `kind`?",
        ),
        (
            'templates = [{group = "a", kind = "B", path = "spec..x"}]',
            "licet.toml:1: `templates.path` has to be names joined by dots",
            'write `templates = [{group = "example.com", kind = "Runner", path = "spec.template"}]`',
        ),
        (
            "namespace = ",
            "licet.toml: not TOML: invalid value (at end of document)",
            "see `licet --help` for the settings",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_way_out(text: str, message: str, help: str, here: Path) -> None:
    (here / "licet.toml").write_text(text)
    with pytest.raises(SourceError) as raised:
        settings()
    assert (raised.value.message, raised.value.help) == (message, help)


def test_a_file_that_is_named_and_is_not_there_is_wrong_usage() -> None:
    with pytest.raises(SourceError, match=r"the settings `gone.toml` cannot be read: no such file or directory"):
        settings("gone.toml")
