"""The gate where people have it run: GitHub, GitLab and pre-commit, as far as each can be had here."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.cli.command import ROOT, SHOP, deployment, environment, licet, service

ACTION = ROOT / "action.yml"
GITLAB = ROOT / "deploy" / "ci" / "gitlab.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
HOSTILE = ["$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "', "a b", "--fix", "-", "${HOME}"]


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the shop in it and a `licet` where the steps look for one."""
    home = tmp_path / "home" / "bin"
    home.mkdir(parents=True)
    program = home / "licet"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m licet "$@"\n')
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    shutil.copytree(SHOP, work / "k8s")
    return work


class Step(msgspec.Struct, frozen=True):
    """What a step left behind."""

    code: int
    out: str
    err: str
    output: str
    summary: str


def run_check(place: Path, paths: str, base: str = "", fail_on: str = "error", sarif: str = "licet.sarif") -> Step:
    """Run the action's step that checks, as the runner does: `bash -eo pipefail` with the variables of `env`."""
    [step] = [step for step in read(ACTION)["runs"]["steps"] if step.get("id") == "check"]
    output, summary = place / "output", place / "summary"
    values = {
        "LICET_HOME": str(place.parent / "home"),
        "LICET_PATHS": paths,
        "LICET_BASE": base,
        "LICET_FAIL_ON": fail_on,
        "LICET_SARIF": sarif,
    }
    assert values.keys() == step["env"].keys()
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=place,
        env=environment(**values, GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    left = [file.read_text() if file.exists() else "" for file in (output, summary)]
    return Step(done.returncode, done.stdout, done.stderr, *left)


def test_the_action_annotates_reports_and_passes(place: Path) -> None:
    ran = run_check(place, "k8s")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert json.loads((place / "licet.sarif").read_text())["version"] == "2.1.0"
    name, value, end = ran.output.splitlines()
    assert (name.partition("<<")[::2], value) == (("sarif-file", end), "licet.sarif")
    assert ran.summary == "### Licet: nothing wrong\n"


def test_the_action_fails_with_the_findings(place: Path) -> None:
    file = place / "k8s" / "shop" / "cart.yaml"
    file.write_text(
        file.read_text().replace(
            "        env:\n", "        env:\n        - {name: L_ADDR, value: 'ledger.bank:9000'}\n"
        )
    )
    ran = run_check(place, "k8s")
    assert ran.code == 1
    assert ran.out.startswith("::error title=L0460")
    assert "**error L0460**" in ran.summary
    assert len(json.loads((place / "licet.sarif").read_text())["runs"][0]["results"]) == 1


def test_several_paths_stand_one_a_line(place: Path) -> None:
    (place / "k8s" / "contracts").rename(place / "the contracts")
    assert run_check(place, "k8s\n\nthe contracts\n").code == 0
    assert "L0" in run_check(place, "the contracts").out


def test_wrong_input_is_told_and_fails(place: Path) -> None:
    ran = run_check(place, "nowhere")
    assert ran.code == 2
    assert "nowhere" in ran.err
    assert run_check(place, "k8s", fail_on="never").code == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_no_input_is_taken_for_a_command_or_an_option(text: str, place: Path) -> None:
    before = sorted(path.name for path in place.iterdir())
    run_check(place, text)
    run_check(place, "k8s", base=text)
    run_check(place, "k8s", fail_on=text)
    assert "pwned" not in {path.name for path in place.rglob("*")}
    made = {"licet.sarif", "output", "summary"}
    assert sorted(path.name for path in place.iterdir() if path.name not in made) == before


def test_no_expression_stands_in_a_script_and_actions_are_pinned() -> None:
    for step in read(ACTION)["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            _, _, revision = step["uses"].partition("@")
            assert len(revision) == 40
            int(revision, 16)


def test_the_action_installs_what_is_pinned() -> None:
    """The files that the step which installs names are there."""
    [step] = [step for step in read(ACTION)["runs"]["steps"] if step["name"] == "Install Licet"]
    named = [word for word in shlex.split(step["run"].replace("\\\n", " ")) if word.startswith("$LICET_SOURCE/")]
    assert named
    assert all((ROOT / word.removeprefix("$LICET_SOURCE/")).is_file() for word in named)


def run_job(place: Path, paths: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script of GitLab's job as its runner does, with `sh -e`; what comes before it only installs."""
    job = read(GITLAB)["licet"]
    (place / ".licet").symlink_to(place.parent / "home")
    values = {**job["variables"], "LICET_PATHS": paths, **variables}
    return subprocess.run(
        ["sh", "-e", "-c", "\n".join(job["script"])],
        cwd=place,
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_gitlab_gets_a_report_and_the_findings(place: Path) -> None:
    ran = run_job(place, "k8s")
    assert ran.returncode == 0, ran.stderr
    assert 'failures="0"' in (place / "licet.xml").read_text()
    assert "nothing wrong" in ran.stdout


def test_gitlab_fails_with_the_report_written(place: Path) -> None:
    (place / "new.yaml").write_text(
        deployment("new", "shop").replace("image: i,", "image: i, env: [{name: CART_ADDR, value: 'cart:9000'}],")
        + service("new", "shop", 80, 8080)
    )
    ran = run_job(place, "k8s\nnew.yaml")
    assert ran.returncode == 1
    assert "L0460" in ran.stdout
    assert "L0460" in (place / "licet.xml").read_text()
    assert read(GITLAB)["licet"]["artifacts"] == {"when": "always", "reports": {"junit": "licet.xml"}}


@pytest.mark.parametrize("text", HOSTILE)
def test_gitlab_takes_no_variable_for_a_command(text: str, place: Path) -> None:
    run_job(place, text, CI_MERGE_REQUEST_DIFF_BASE_SHA=text)
    assert "pwned" not in {path.name for path in place.rglob("*")}


def test_the_hook_runs_what_it_says_it_runs(place: Path) -> None:
    [hook] = read(HOOKS)
    assert (hook["id"], hook["language"], hook["pass_filenames"]) == ("licet-check", "python", False)
    program, *arguments = shlex.split(hook["entry"]) + list(hook["args"])
    assert program == "licet"
    assert licet(*arguments, cwd=place).code == 0
    (place / "k8s" / "contracts" / "shop" / "cart.yaml").unlink()
    assert licet(*arguments, cwd=place).code == 1


@pytest.mark.parametrize(
    ("file", "schema"), [(ACTION, "vendor.github-actions"), (GITLAB, "vendor.gitlab-ci")], ids=["action", "gitlab"]
)
def test_the_files_keep_to_their_published_schemas(file: Path, schema: str) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema brings the schemas, and is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
