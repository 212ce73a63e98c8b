"""What the README shows is what the command prints."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import Golden

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SECONDS = re.compile(r"\(\d+\.\d\d s\)")
SAMPLE = re.compile(r"(?<=^```console\n)\$ licet (.*)\n(?:.*\n)*?(?=^```$)", re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The examples, and two copies of the shop: with a widened policy, and with a call that no contract declares."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "widened")
    payment = tmp_path / "widened" / "bank" / "payment.yaml"
    narrow = payment.read_text()
    assert "cidr: 203.0.113.0/28" in narrow
    payment.write_text(narrow.replace("cidr: 203.0.113.0/28", "cidr: 0.0.0.0/0"))
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "undeclared")
    cart = tmp_path / "undeclared" / "shop" / "cart.yaml"
    database = "          value: database.data.svc.cluster.local:5432\n"
    text = cart.read_text()
    assert text.count(database) == 1
    ledger = "        - name: LEDGER_ADDR\n          value: ledger.bank.svc.cluster.local:9000\n"
    cart.write_text(text.replace(database, database + ledger))
    return tmp_path


def test_every_sample_is_what_the_command_prints(place: Path, golden: Golden) -> None:
    def printed(sample: re.Match[str]) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "licet", *shlex.split(sample[1])],
            cwd=place,
            env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert result.returncode in (0, 1), result.stdout
        assert sys.executable not in result.stdout, "the interpreter answered, not the command"
        return f"$ licet {sample[1]}\n{SECONDS.sub('(0.01 s)', result.stdout)}"

    text = README.read_text()
    assert len(SAMPLE.findall(text)) == 9
    golden(README, SAMPLE.sub(printed, text))


IDENTITY = re.compile(r"(?<=^```text\n)(?:\$ licet (?:identity|audit) .*\n)(?:.*\n)*?(?=^```$)", re.MULTILINE)
READER = "1000"
"""The uid of whoever reads; the tests' own while they run."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
THEN = datetime(2026, 11, 21, 17, tzinfo=UTC)
"""When the README's reader ran it."""
STEP = re.compile(r"^ +\d+\.\d\d(?= s  )", re.MULTILINE)
PASSING = (
    (re.compile(r"(?<=serial )[0-9a-f]+"), "e040a132881774ba7c7274c6b9c70291"),
    (re.compile(r"(?<=shop\.example\+)[0-9a-f]{8}\+[\w+/=]+"), "12b966bc+AcRtjCiVCQ2ZSo2+xtg9GbvMcq8jteIJY85QZgNMx4s8"),
    (re.compile(r"\d+ records, \d+ checkpoints"), "23 records, 2 checkpoints"),
)
"""What is another each time, and how the README shows it."""


def example(number: int) -> str:
    """An id to show in the place of one that is another each time."""
    return hashlib.sha256(b"%d" % number).hexdigest()[:16]


def moved(time: re.Match[str]) -> str:
    """A time to come, as many whole hours after that of the reader."""
    hours = round((datetime.fromisoformat(time[0]) - datetime.now(UTC)) / timedelta(hours=1))
    return f"{THEN + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def background(words: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A server that runs on, from when it answers."""
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "licet", *words], cwd=folder, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 60
        fetch = [sys.executable, "-m", "licet", "identity", "fetch", "--socket", "run/agent.sock", "-q"]
        while subprocess.run(fetch, cwd=folder, env=environment, capture_output=True, check=False).returncode:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the server does not answer"
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_whoever_follows_the_identities_of_the_readme_sees_what_it_shows(tmp_path: Path, golden: Golden) -> None:
    tmp_path.chmod(0o755)
    environment = {
        **os.environ,
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "LICET_DATA": str(tmp_path / "state"),
    }
    named: dict[str, str] = {}
    seconds = iter((0.05, 1.50, 2.05))
    text = README.read_text()
    sessions = IDENTITY.findall(text)
    lines = [line for session in sessions for line in session.splitlines() if line.startswith("$ licet ")]
    assert len(lines) == 6
    served = next(index for index, line in enumerate(lines) if line.endswith(" &"))

    def shown(line: str, printed: str) -> str:
        for pattern, instead in PASSING:
            printed = pattern.sub(instead, printed)
        printed = STEP.sub(lambda _: f"{next(seconds):6.2f}", TIME.sub(moved, printed))
        printed = re.sub(r"\b[0-9a-f]{16}\b", lambda id: named.setdefault(id[0], example(len(named))), printed)
        state = str(tmp_path / "state")
        return f"{line}\n{printed.replace(state, '/var/lib/licet').replace(f'uid:{os.getuid()} ', f'uid:{READER} ')}"

    def run(line: str) -> str:
        words = shlex.split(line.removeprefix("$ licet ").replace(f"uid:{READER}", f"uid:{os.getuid()}"))
        done = subprocess.run(
            [sys.executable, "-m", "licet", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return shown(line, done.stdout)

    told = {line: run(line) for line in lines[:served]}
    serve = lines[served].removeprefix("$ licet ").removesuffix(" &")
    with background(shlex.split(serve), tmp_path, environment):
        told[lines[served]] = f"{lines[served]}\n"
        told.update({line: run(line) for line in lines[served + 1 :]})

    def replaced(session: re.Match[str]) -> str:
        return "".join(told[line] for line in session[0].splitlines() if line.startswith("$ licet "))

    golden(README, IDENTITY.sub(replaced, text))


UP = re.compile(r"^```text\n\$ licet (up .*)\n((?:.*\n)*?)```$", re.MULTILINE)
ROW = re.compile(r"^(?P<caller>\(no certificate\)|\S+) {2,}(?P<callee>\S+):(?P<port>\d+)(?P<rest> .*)$", re.MULTILINE)


def test_what_the_readme_shows_of_a_platform_that_runs_is_what_its_sidecars_see() -> None:
    """But for how often and how long: the rows that it shows, with their columns, and a call of each kind."""
    text = README.read_text()
    [shown] = UP.finditer(text)
    words = [*shlex.split(shown[1].replace("--seconds 60", "--seconds 3")), "-o", "json"]
    done = subprocess.run([sys.executable, "-m", "licet", *words], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)

    def stem(workload: str | None) -> str:
        return workload.partition("[")[0] if workload else "(no certificate)"

    def columns(counts: dict[str, int], rule: str, own: str) -> tuple[bool, ...]:
        seen = tuple(bool(counts[each]) for each in ("allowed", "refused", "would_be_refused"))
        return (*seen, rule != own)

    edges = {
        (stem(each["caller"]), stem(each["callee"]), each["port"]): (
            columns(each["seen"], each["rule"], f"{each['caller']}->{each['callee']}"),
            each["rule"],
        )
        for each in told["edges"]
    }
    head = next(line for line in shown[2].splitlines() if line.startswith("CALLER"))
    ends = [head.index(title) + len(title) for title in ("ALLOWED", "REFUSED", "WOULD BE")]
    rows = list(ROW.finditer(shown[2]))
    assert len(rows) == 10
    for row in rows:
        line = row[0].ljust(len(head))
        numbers = tuple(line[end - 7 : end].strip().isdigit() for end in ends)
        rule = line[ends[-1] :].strip()
        seen, named = edges[row["caller"], row["callee"], int(row["port"])]
        assert (*numbers, bool(rule)) == seen
        assert rule in ("", named)
    assert f"on {len(edges)} edges" in shown[2]
    for each in told["examples"]:
        by = "by" if each["outcome"] == "allowed" else "not by"
        assert f"{each['call']}, {by} {each['contract']}" in shown[2]
        assert f"{each['identity']} -> {stem(each['callee'])}:{each['port']}" in shown[2]
