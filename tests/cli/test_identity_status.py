"""`licet identity status` and `doctor` as they are run."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.command import Ran, licet


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("identity") / "data"
    identity: list[str | Path] = [
        "--spiffe-id",
        "spiffe://shop.example/cart",
        "--selector",
        "unix:uid:1000",
        "--data",
        data,
    ]
    assert licet("identity", "init", "--trust-domain", "shop.example", "--data", data).code == 0
    assert licet("identity", "entries", "add", *identity).code == 0
    assert licet("identity", "revoke", "spiffe://shop.example/old", "--reason", "left", "--data", data).code == 0
    return data


def run(command: str, data: Path, *more: str | Path) -> Ran:
    return licet("identity", command, "--data", data, *more)


def test_status_shows_what_there_is_and_what_is_due_without_the_secret(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "sealing.key").unlink()
    ran = run("status", tmp_path / "data")
    assert (ran.code, ran.err) == (0, "")
    for said in (
        "trust domain shop.example, version ",
        "a successor is prepared in 182 d",
        "a younger one takes its place in 182 d",
        "1 entry, 1 revoked",
        "revoked spiffe://shop.example/old",
        "the log has ",
        "servers may be away for 27 min at any time before the first identity expires",
    ):
        assert said in ran.out


def test_status_for_programs_says_the_same(data: Path) -> None:
    ran = run("status", data, "-o", "json")
    told = json.loads(ran.out)
    assert told["schema"] == "licet.dev/status/v1"
    assert told["trust_domain"] == "shop.example"
    assert told["guaranteed_outage_budget_seconds"] == 1620
    assert [each["spiffe_id"] for each in told["revoked"]] == ["spiffe://shop.example/old"]
    assert sorted((each["kind"], each["standing"], each["next"]["step"]) for each in told["authorities"]) == [
        ("intermediate", "active", "prepare"),
        ("jwt", "active", "prepare"),
        ("root", "active", "prepare"),
        ("root", "prepared", "prepare"),
    ]
    roots = {each["standing"]: each["id"] for each in told["authorities"] if each["kind"] == "root"}
    assert told["pins"] == {"active": [roots["active"]], "retiring": [], "backup": [roots["prepared"]]}


def test_a_sound_domain_passes_the_doctor(data: Path) -> None:
    ran = run("doctor", data, "--deep")
    assert ran.code == 0
    assert "error[" not in ran.out
    assert ran.err.startswith("Found ")


def test_what_is_wrong_has_an_exit_code_and_a_way_out(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "licet.db")) as connection:
        connection.execute("UPDATE authority SET state = 'retired' WHERE kind = 'jwt'")
        connection.commit()
    ran = run("doctor", tmp_path / "data", "--without-keys")
    assert ran.code == 1
    assert ran.out.startswith(
        "error[L0503]: no jwt authority signs\nhelp: run a server: `licet identity serve` rotates by itself\n"
    )
    found = json.loads(run("doctor", tmp_path / "data", "-o", "json").out)
    assert found["schema"] == "licet.dev/findings/v1"
    assert [each["code"] for each in found["findings"]][:2] == ["L0509", "L0503"], "only the secret tells who did it"


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_no_domain_is_one_line_and_exit_code_two(command: str, tmp_path: Path) -> None:
    ran = run(command, tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"licet: there is no database at `{tmp_path}/licet.db`: `licet identity init` makes one\n"
