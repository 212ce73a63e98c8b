"""Selectors of users and programs of real processes."""

from __future__ import annotations

import asyncio
import grp
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import threading
from io import FileIO
from pathlib import Path

import msgspec
import pytest

from licet.identity.attest.process import Attended, attend
from licet.identity.attest.unix import Unix
from tests.identity.attest.callers import CONNECT, IMPORT, WAIT, calling, eventually, listening

PYTHON = Path(sys.executable).resolve()
CALL = CONNECT + WAIT


def shown(attended: Attended, unix: Unix | None = None) -> frozenset[str]:
    return asyncio.run((unix or Unix()).selectors(attended))


def of_kind(selectors: frozenset[str], *kinds: str) -> set[str]:
    return {each for each in selectors if each.split(":")[1] in kinds}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_process_shows_its_user_its_groups_and_its_program() -> None:
    with calling() as (connection, _), attend(connection) as attended:
        uid, gid = os.getuid(), os.getgid()
        groups = {f"unix:supplementary_gid:{each}" for each in os.getgroups()}
        named = {f"unix:supplementary_group:{grp.getgrgid(each).gr_name}" for each in os.getgroups()}
        assert shown(attended) == groups | named | {
            f"unix:uid:{uid}",
            f"unix:user:{pwd.getpwuid(uid).pw_name}",
            f"unix:gid:{gid}",
            f"unix:group:{grp.getgrgid(gid).gr_name}",
            f"unix:path:{PYTHON}",
            f"unix:sha256:{digest(PYTHON)}",
        }


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_users_without_a_name_show_their_numbers() -> None:
    become = "os.setgroups([3000001]); os.setgid(3000002); os.setuid(3000003)\n"
    with calling(IMPORT + become + CONNECT + WAIT) as (connection, _), attend(connection) as attended:
        assert of_kind(shown(attended), "uid", "user", "gid", "group", "supplementary_gid", "supplementary_group") == {
            "unix:uid:3000003",
            "unix:gid:3000002",
            "unix:supplementary_gid:3000001",
        }


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A Python of the test's own, at a path of its own."""
    return Path(shutil.copy(PYTHON, tmp_path / "program"))


def test_a_program_that_was_replaced_shows_what_runs_and_not_what_stands_there(program: Path, tmp_path: Path) -> None:
    runs = digest(program)
    with calling(CALL, python=str(program)) as (connection, _):
        with attend(connection) as attended:
            assert of_kind(shown(attended), "path", "sha256") == {f"unix:path:{program}", f"unix:sha256:{runs}"}
        (tmp_path / "new").write_bytes(b"something else")
        (tmp_path / "new").rename(program)
        with attend(connection) as attended:
            assert of_kind(shown(attended), "path", "sha256") == {f"unix:sha256:{runs}"}


def test_a_program_that_was_removed_has_no_path_not_even_one_that_is_made_to_look_so(program: Path) -> None:
    runs = digest(program)
    with calling(CALL, python=str(program)) as (connection, _):
        program.unlink()
        Path(f"{program} (deleted)").write_bytes(b"something else")
        with attend(connection) as attended:
            assert attended.process.path == f"{program} (deleted)"
            assert of_kind(shown(attended), "path", "sha256") == {f"unix:sha256:{runs}"}


def test_a_program_that_is_mounted_over_another_in_a_namespace_does_not_have_its_path(program: Path) -> None:
    bind = f'mount --bind {program} /usr/bin/env && exec /usr/bin/env "$@"'
    mounted = ["unshare", "--map-root-user", "--mount", "sh", "-c", bind, "sh", "-S", "-c"]
    where = {"PYTHONHOME": sys.base_prefix, "PATH": os.environ["PATH"]}  # it would look for its library beside `env`
    if subprocess.run([*mounted, "import socket"], env=where, capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace may be made here")
    with (
        listening() as (listener, name),
        subprocess.Popen([*mounted, CALL, name], env=where, stdin=subprocess.PIPE) as caller,
    ):
        try:
            connection, _ = listener.accept()
            with connection, attend(connection) as attended:
                assert attended.process.path == "/usr/bin/env"
                assert of_kind(shown(attended), "path", "sha256") == {f"unix:sha256:{digest(program)}"}
        finally:
            caller.kill()


def test_a_program_that_is_too_large_shows_no_digest(program: Path) -> None:
    with calling(CALL, python=str(program)) as (connection, _), attend(connection) as attended:
        assert of_kind(shown(attended, Unix(program.stat().st_size - 1)), "path", "sha256") == {f"unix:path:{program}"}


def test_a_program_is_hashed_once_for_each_version_of_it(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = hashlib.file_digest

    def counted(file: FileIO, name: str) -> object:
        read.append(os.fstat(file.fileno()).st_ino)
        return real(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    unix = Unix()

    async def crowd(attended: Attended) -> None:
        first, *others = await asyncio.gather(*(unix.selectors(attended) for _ in range(8)))
        assert all(other == first for other in others)

    with calling(CALL, python=str(program)) as (connection, _), attend(connection) as attended:
        asyncio.run(crowd(attended))
        assert read == [attended.process.inode]
        os.utime(program)
        assert of_kind(shown(attended, unix), "sha256") == {f"unix:sha256:{digest(program)}"}
        assert read == [attended.process.inode] * 2


def test_a_process_that_became_another_program_shows_neither() -> None:
    """What it was attested as is gone, and what it is now was never attested."""
    become = "peer.set_inheritable(True)\nsys.stdin.read(1)\nos.execv('/bin/sleep', ['sleep', '60'])\n"
    with calling(CONNECT + become) as (connection, caller), attend(connection) as attended:
        assert of_kind(shown(attended), "path", "sha256")
        assert caller.stdin is not None
        caller.stdin.write(b"x")
        caller.stdin.flush()
        assert eventually(lambda: not attended.still())
        assert of_kind(shown(attended), "path", "sha256") == set()


def test_after_the_end_no_program_is_shown() -> None:
    with calling() as (connection, caller), attend(connection) as attended:
        caller.kill()
        caller.wait()
        assert of_kind(shown(attended), "path", "sha256") == set()


def test_nobody_waits_for_the_programs_that_another_user_has_hashed(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unix, slow, go = Unix(), threading.Event(), threading.Event()
    real = hashlib.file_digest

    def late(file: FileIO, name: str) -> object:
        if os.fstat(file.fileno()).st_ino == program.stat().st_ino:
            slow.set()
            assert go.wait(30)
        return real(file, name)

    async def crowd(large: Attended, known: Attended, fresh: Attended) -> None:
        await unix.selectors(known)
        waiting = asyncio.ensure_future(unix.selectors(large))
        await asyncio.to_thread(slow.wait, 30)
        try:
            assert of_kind(await asyncio.wait_for(unix.selectors(known), 30), "sha256")
            another = msgspec.structs.replace(fresh.process, uid=fresh.process.uid + 1)
            monkeypatch.setattr(fresh, "process", another)
            assert of_kind(await asyncio.wait_for(unix.selectors(fresh), 30), "sha256")
            assert not waiting.done()
        finally:
            go.set()
        await waiting

    monkeypatch.setattr(hashlib, "file_digest", late)
    copy = Path(shutil.copy(program, program.with_name("copy")))
    with (
        calling(CALL, python=str(program)) as (first, _),
        attend(first) as large,
        calling(CALL) as (second, _),
        attend(second) as known,
        calling(CALL, python=str(copy)) as (third, _),
        attend(third) as fresh,
    ):
        asyncio.run(crowd(large, known, fresh))
