"""Who is on the other end of a socket: never anybody else, however pids and descriptors are passed about."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from licet.identity.attest.process import Process, attend
from licet.identity.errors import RefusedError
from tests.identity.attest.callers import CONNECT, IMPORT, WAIT, calling, eventually, held, listening
from tests.identity.attest.linux61 import Linux61

ROOT = Path(__file__).parents[3]
NAMESPACE = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _may_make_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not _may_make_namespaces(), reason="no pid namespace may be made here")


def test_a_peer_is_what_the_kernel_says() -> None:
    with calling() as (connection, caller), attend(connection) as attended:
        found = Path(f"/proc/{caller.pid}/exe").stat()
        stat = Path(f"/proc/{caller.pid}/stat").read_text()
        assert attended.process == Process(
            pid=caller.pid,
            started=int(stat.rpartition(")")[2].split()[19]),
            uid=os.getuid(),
            gid=os.getgid(),
            groups=tuple(os.getgroups()),
            path=str(Path(f"/proc/{caller.pid}/exe").readlink()),
            device=found.st_dev,
            inode=found.st_ino,
            cgroup=Path(f"/proc/{caller.pid}/cgroup").read_text(),
        )
        assert attended.still()


def test_a_name_with_brackets_does_not_move_the_fields_behind_it() -> None:
    rename = 'open("/proc/self/comm", "w").write(") R 1 1 (")\npeer.send(b"x")\n'
    with calling(CONNECT + rename + WAIT) as (connection, caller):
        assert connection.recv(1) == b"x"
        with attend(connection) as attended, calling() as (later, _), attend(later) as other:
            assert (attended.process.pid, attended.process.cgroup) == (caller.pid, other.process.cgroup)
            assert 0 < attended.process.started <= other.process.started


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_users_and_groups_are_those_at_the_connection() -> None:
    become = "os.setgroups([7, 8]); os.setgid(1234); os.setuid(4321)\n"
    with calling(IMPORT + become + CONNECT + WAIT) as (connection, _), attend(connection) as attended:
        assert (attended.process.uid, attended.process.gid, attended.process.groups) == (4321, 1234, (7, 8))
    with calling(CONNECT + become + "peer.send(b'x')\n" + WAIT) as (connection, _):
        assert connection.recv(1) == b"x"
        with attend(connection) as attended:
            assert (attended.process.uid, attended.process.gid, attended.process.groups) == (
                0,
                0,
                tuple(os.getgroups()),
            )


@pytest.mark.skipif(os.getuid() != 0, reason="only root may choose groups")
def test_more_groups_than_an_option_holds_are_read() -> None:
    many = "os.setgroups(range(1000, 1900))\n"
    with calling(IMPORT + many + CONNECT + WAIT) as (connection, _), attend(connection) as attended:
        assert attended.process.groups == tuple(range(1000, 1900))


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
def test_a_peer_that_has_ended_is_refused(reaped: bool) -> None:
    with calling(CONNECT) as (connection, caller):
        os.waitid(os.P_PID, caller.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
        with pytest.raises(RefusedError, match="has ended"):
            attend(connection)


@needs_namespaces
@pytest.mark.parametrize(("kernel", "reason"), [("new", "has ended"), ("old", "does not hold the connection")])
def test_a_pid_that_was_taken_by_another_process_names_nobody(kernel: str, reason: str) -> None:
    told = subprocess.run(
        [*NAMESPACE, sys.executable, str(Path(__file__).with_name("pid_reuse.py")), kernel],
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.stderr == ""
    # The pid is the same, the kernel's credentials say it, it runs, the connection is open: yet it is refused.
    same, named, runs, still_open, *answer = told.stdout.split()
    assert (same, named, runs, still_open) == ("True", "True", "True", "True")
    assert " ".join(answer).endswith(reason)


@needs_namespaces
def test_a_process_that_cannot_be_seen_is_refused() -> None:
    serve = (
        "import socket, sys\n"
        "from licet.identity.attest.process import attend\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind('\\0' + sys.argv[1])\n"
        "listener.listen()\n"
        "print(flush=True)\n"
        "attend(listener.accept()[0])\n"
    )
    name = f"licet-outside-{os.getpid()}"
    path = os.pathsep.join([str(ROOT / "src"), *filter(None, sys.path)])
    with (
        subprocess.Popen(
            [*NAMESPACE, sys.executable, "-c", serve, name],
            env={"PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as server,
        socket.socket(socket.AF_UNIX) as peer,
    ):
        assert server.stdout is not None
        server.stdout.readline()
        peer.connect("\0" + name)
        _, complaint = server.communicate(timeout=30)
    assert b"RefusedError: the process that connected is in a pid namespace that cannot be seen from here" in complaint


def test_a_connection_that_is_handed_on_stays_the_connectors_and_ends_with_it() -> None:
    hand_on = "if os.fork() == 0:\n    peer.send(str(os.getpid()).encode())\n    peer.recv(1)\n    os._exit(0)\n"

    async def scenario() -> None:
        with calling(CONNECT + hand_on + WAIT) as (connection, caller):
            holder = int(connection.recv(16))
            with attend(connection) as attended:
                assert holder != attended.process.pid == caller.pid
                gone = asyncio.create_task(attended.gone())
                await asyncio.sleep(0)
                assert not gone.done()
                caller.kill()
                await asyncio.wait_for(gone, 10)
                assert Path(f"/proc/{holder}").exists()
                assert not attended.still()

    asyncio.run(scenario())


def test_a_descriptor_that_is_sent_to_another_process_is_still_the_connectors() -> None:
    receive = (
        "import array\n"
        "_, ancillary, _, _ = peer.recvmsg(1, socket.CMSG_SPACE(4))\n"
        "given = socket.socket(fileno=array.array('i', ancillary[0][2])[0])\n"
        "given.send(b'y')\n"
    )
    with (
        listening() as (listener, name),
        socket.socket(socket.AF_UNIX) as mine,
        calling(CONNECT + receive + WAIT) as (
            link,
            caller,
        ),
    ):
        mine.connect("\0" + name)
        connection, _ = listener.accept()
        with connection:
            socket.send_fds(link, [b"x"], [mine.fileno()])
            assert connection.recv(1) == b"y"
            with attend(connection) as attended:
                assert caller.pid != attended.process.pid == os.getpid()


def test_a_process_that_becomes_another_program_is_no_longer_the_same() -> None:
    become = "peer.set_inheritable(True)\nsys.stdin.read(1)\nos.execv('/bin/sleep', ['sleep', '60'])\n"
    with calling(CONNECT + become) as (connection, caller), attend(connection) as attended:
        assert attended.still()
        assert caller.stdin is not None
        caller.stdin.write(b"x")
        caller.stdin.flush()
        assert eventually(lambda: not attended.still())
        assert Path(f"/proc/{caller.pid}/comm").read_text() == "sleep\n"


def test_after_it_is_let_go_nothing_is_open() -> None:
    with calling() as (connection, _):
        before = held()
        attended = attend(connection)
        assert attended.still()
        assert held() != before
        attended.close()
        attended.close()
        assert not attended.still()
        assert held() == before


def test_older_kernels_are_asked_by_pid() -> None:
    with calling() as (connection, caller):
        old = Linux61(fileno=os.dup(connection.fileno()))
        with old, attend(old) as attended:
            assert attended.process.pid == caller.pid
            assert attended.still()


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
def test_older_kernels_refuse_who_has_ended_too(reaped: bool) -> None:
    with calling(CONNECT) as (connection, caller):
        os.waitid(os.P_PID, caller.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
        with (
            Linux61(fileno=os.dup(connection.fileno())) as old,
            pytest.raises(RefusedError, match="has ended"),
        ):
            attend(old)


def test_older_kernels_refuse_who_hung_up() -> None:
    with calling(CONNECT + "peer.close()\n" + WAIT) as (connection, _):
        assert connection.recv(1) == b""
        with (
            Linux61(fileno=os.dup(connection.fileno())) as old,
            pytest.raises(RefusedError, match="does not hold the connection"),
        ):
            attend(old)


def test_older_kernels_refuse_who_handed_the_connection_on_and_let_go_of_it() -> None:
    hand_on = "if os.fork() == 0:\n    peer.send(b'x')\n    peer.recv(1)\n    os._exit(0)\npeer.close()\n"
    with calling(CONNECT + hand_on + WAIT) as (connection, caller):
        assert connection.recv(1) == b"x"
        let_go = Path(f"/proc/{caller.pid}/fd")
        assert eventually(lambda: not any(str(each.readlink()).startswith("socket:") for each in let_go.iterdir()))
        with Linux61(fileno=os.dup(connection.fileno())) as old, pytest.raises(RefusedError, match="does not hold"):
            attend(old)
        with attend(connection) as attended:
            assert attended.process.pid == caller.pid
