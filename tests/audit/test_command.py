"""`licet audit` as a user runs it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import msgspec
import pytest

from licet.cli.commands import audit
from licet.store.database import Database
from tests.audit import logs
from tests.cli.command import environment, licet


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a log of forty records, and its checkpoint."""
    folder = tmp_path / "data"
    database = logs.made(folder / "licet.db")
    (folder / "checkpoint").write_text(logs.grow(database, [30, 10])[-1])
    database.close()
    return folder


def tamper(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "licet.db")) as file:
        file.execute(statement)
        file.commit()


def test_a_sound_log(data: Path, tmp_path: Path) -> None:
    ran = licet("audit", "verify", "--data", data)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"note: the key is the one in the database, `{logs.KNOWN}`: compare it with yours (`--key`)\n"
        "40 records, 2 checkpoints: the log is sound\n"
    )
    key = licet("audit", "show", "--public-key", "--data", data).out
    assert key == f"{logs.KNOWN}\n"
    (tmp_path / "log.pub").write_text(key)
    ran = licet("audit", "verify", "--data", data, "--key", tmp_path / "log.pub", "-o", "json")
    found = msgspec.json.decode(ran.out)
    assert (found["schema"], found["sound"], found["records"], found["trusted"]) == (
        "licet.dev/audit/v1",
        True,
        40,
        True,
    )


def test_a_changed_record_is_named(data: Path) -> None:
    tamper(data, "UPDATE record SET body = x'7b7d' WHERE position = 7")
    ran = licet("audit", "verify", "--data", data)
    assert ran.code == 1
    assert ran.out.startswith("changed: record 7: the record was changed: it is not in canonical form\n")
    assert ran.out.endswith("the log is NOT sound\n")


def test_the_checkpoint_in_the_folder_tells_what_is_gone(data: Path) -> None:
    tamper(data, "DELETE FROM record WHERE position >= 30")
    tamper(data, "DELETE FROM checkpoint WHERE size > 30")
    ran = licet("audit", "verify", "--data", data, "-o", "json")
    assert ran.code == 1
    (fault,) = msgspec.json.decode(ran.out)["faults"]
    assert (fault["wrong"], fault["first"], fault["last"]) == ("truncated", 30, 39)
    (data / "checkpoint").unlink()
    assert licet("audit", "verify", "--data", data).code == 0


def test_a_proof_is_verified_without_the_log(data: Path, tmp_path: Path) -> None:
    (tmp_path / "log.pub").write_text(str(logs.KNOWN))
    proof = tmp_path / "proof.json"
    for options, said in (
        (("--record", "7"), "record 7 is in the log that was signed\n"),
        (("--from", "11"), "the log of 40 records begins with the log of 11\n"),
        (("--from", "11", "--to", "30"), "the log of 30 records begins with the log of 11\n"),
    ):
        proof.write_text(licet("audit", "prove", "--data", data, *options).out)
        ran = licet("audit", "verify", "--proof", proof, "--key", tmp_path / "log.pub", "--data", tmp_path / "none")
        assert (ran.code, ran.out, ran.err) == (0, said, "")
    proof.write_text(proof.read_text().replace('"size": 11', '"size": 12'))
    ran = licet("audit", "verify", "--proof", proof)
    assert (ran.code, ran.out) == (1, "the second log does not begin with the first\nthe proof does NOT hold\n")


def test_records_are_shown_the_newest_last(data: Path) -> None:
    lines = licet("audit", "show", "--last", "3", "--data", data).out.splitlines()
    assert [line.split()[0] for line in lines] == ["37", "38", "39"]
    identity = f"spiffe://{logs.DOMAIN}/ns/shop/sa/checkout-3"
    assert f"{logs.BEGAN:%Y-%m-%d}T00:01:00Z  svid.issued          workload uid=1000 pid=4037  spiffe_id=" in lines[0]
    shown = licet("audit", "show", "--identity", identity, "-o", "json", "--data", data).out.splitlines()
    assert [msgspec.json.decode(line)["position"] for line in shown] == [3, 10, 17, 24, 31, 38]
    assert licet("audit", "show", "--checkpoint", "--data", data).out == (data / "checkpoint").read_text()


def test_what_is_recorded_meanwhile_is_shown_as_it_comes(data: Path) -> None:
    arguments = [
        sys.executable,
        "-m",
        "licet",
        "audit",
        "show",
        "--follow",
        "--last",
        "1",
        "--data",
        str(data),
        "-o",
        "json",
    ]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment(), text=True) as follower:
        assert follower.stdout is not None
        assert msgspec.json.decode(follower.stdout.readline())["position"] == 39
        database = Database.open(data / "licet.db")
        logs.grow(database, [2])
        database.close()
        assert [msgspec.json.decode(follower.stdout.readline())["position"] for _ in range(2)] == [40, 41]
        follower.terminate()


def test_an_export_is_one_event_a_line(data: Path) -> None:
    lines = licet("audit", "export", "--from", "38", "--data", data).out.splitlines()
    assert [msgspec.json.decode(line)["metadata"]["sequence"] for line in lines] == [38, 39]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify",), "there is no database at `"),
        (("prove",), "name `--record`, or `--from` with or without `--to`"),
        (("prove", "--record", "1", "--from", "1"), "name `--record`, or `--from` with or without `--to`"),
        (("show", "--since", "yesterday"), "`yesterday` is no time"),
        (("prove", "--record", "9" * 30), "invalid value for `--record`: 9"),
        (("export", "--from", "9" * 30), "invalid value for `--from`: 9"),
        (("verify", "--checkpoint", __file__), f"`{__file__}` holds no checkpoint: `licet audit show --checkpoint`"),
        (("shwo",), "no such command `shwo`: did you mean `show`?"),
    ],
)
def test_one_line_says_what_is_wrong(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    more = () if arguments == ("shwo",) else ("--data", tmp_path / "none")
    ran = licet("audit", *arguments, *more)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"licet: {said}")


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    hidden = tmp_path / "sqlalchemy.py"
    hidden.write_text("raise ModuleNotFoundError(\"No module named 'sqlalchemy'\", name='sqlalchemy')\n")
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    ran = licet("audit", "verify", "--data", tmp_path, PYTHONPATH=path)
    assert (ran.code, ran.err) == (
        2,
        "licet: this needs `sqlalchemy`, which is not installed: pip install 'licet[identity]'\n",
    )
    assert licet("audit", "verify", "--help", PYTHONPATH=path).code == 0


def test_the_list_says_of_a_command_what_the_command_says() -> None:
    context = click.Context(audit.command)
    for name in audit.LISTING:
        command = audit.command.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert command.help.split("\n\n")[0] == audit.LISTING[name]
