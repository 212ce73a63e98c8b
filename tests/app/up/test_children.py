"""Children live as long as the command does and not a moment longer, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from licet.app.up.attest import Kin
from licet.app.up.children import Child, ChildError, Children
from licet.app.up.orders import Begin
from licet.app.up.worker import Worker
from tests.app.up.standing import deployment
from tests.identity.drills.proxy import executable

LEDGER = deployment("ledger")
ROOT = Path(__file__).parents[3]
STUBBORN = 'trap "" TERM; sleep 1000 & echo $! > below; wait; wait'


async def stubborn(children: Children, home: Path) -> tuple[Child, int]:
    """A child that does not heed, and a pidfd of one that it has started."""
    child = children.start("stubborn", LEDGER, ("/bin/sh", "-c", STUBBORN))
    async with asyncio.timeout(30):
        while not (home / "below").is_file() or not (home / "below").read_text().endswith("\n"):
            await asyncio.sleep(0.01)
    return child, os.pidfd_open(int((home / "below").read_text()))


def ended(pidfd: int, seconds: float) -> bool:
    """Whether this process ends within so many seconds."""
    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def test_nothing_survives_a_command_that_is_killed(tmp_path: Path) -> None:
    """A stand-in, a real Envoy and another program are gone when the command is killed, without having been told."""
    envoy = str(executable())
    command = [sys.executable, "-m", "tests.app.up.parent", str(tmp_path), envoy]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}
    ) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        assert len(pids) == 3
        below = [os.pidfd_open(pid) for pid in pids]
        assert not any(ended(each, 0) for each in below)
        parent.kill()
        assert all(ended(each, 30) for each in below)
    for each in below:
        os.close(each)


def test_whoever_does_not_heed_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Children(tmp_path, Kin(), grace=0.1) as children:
            child, below = await stubborn(children, tmp_path)
        assert await child.ended == -signal.SIGKILL
        assert ended(below, 30)
        os.close(below)

    asyncio.run(scenario())


def test_one_that_ends_by_itself_is_told_of_and_leaves_nothing(tmp_path: Path) -> None:
    """What it had started goes with it; the others stay."""

    async def scenario() -> None:
        async with Children(tmp_path, Kin()) as children:
            other = children.start("other", LEDGER, ("/bin/sleep", "1000"))
            child, below = await stubborn(children, tmp_path)
            os.kill(child.pid, signal.SIGKILL)
            assert await children.lost() is child
            assert await child.ended == -signal.SIGKILL
            assert ended(below, 30)
            assert not other.ended.done()
        assert await other.ended == -signal.SIGTERM
        for each in (child, other):
            with pytest.raises(ChildProcessError):
                os.waitpid(each.pid, os.WNOHANG)
        os.close(below)

    asyncio.run(scenario())


def test_children_have_sessions_of_their_own_and_hardly_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal's signals do not reach them, nothing secret does either, and no image of a crash is written."""
    monkeypatch.setenv("LICET_SECRET", "hunter2")

    async def scenario() -> None:
        async with Children(tmp_path, Kin()) as children:
            child = children.start("env", LEDGER, ("/usr/bin/env",))
            assert await children.lost() is child
            names = {line.partition("=")[0] for line in child.log.read_text().splitlines()}
            assert names == {"PATH", "HOME"}
            begin = Begin(str(LEDGER), "127.0.0.1", "/nowhere", {})
            worker = await Worker.start(children, "ours", LEDGER, begin)
            for each in (children.start("sleep", LEDGER, ("/bin/sleep", "1000")), worker.child):
                assert os.getsid(each.pid) == os.getpgid(each.pid) == each.pid
            pid = worker.child.pid
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            assert {each.partition(b"=")[0] for each in environment if each} == {b"PATH", b"HOME", b"PYTHONPATH"}
            [core] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core" in line]
            assert core.split()[4:6] == ["0", "0"]

    asyncio.run(scenario())


def test_what_cannot_be_started_is_told_of_in_its_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Children(tmp_path, Kin()) as children:
            child = children.start("nothing", LEDGER, ("/no/such/program",))
            assert await children.lost() is child
            assert child.log.read_text() == "/no/such/program: no such file or directory\n"

    asyncio.run(scenario())


def test_a_stand_in_that_cannot_serve_is_a_failure(tmp_path: Path) -> None:
    async def scenario() -> None:
        begin = Begin(str(LEDGER), "127.0.0.1", "/nowhere", {8080: ("/no/such/folder/socket", False)})
        async with Children(tmp_path, Kin()) as children:
            with pytest.raises(ChildError, match=r"what stands in for `shop/ledger\[Deployment\]` does not answer"):
                await Worker.start(children, "ledger", LEDGER, begin)

    asyncio.run(scenario())
