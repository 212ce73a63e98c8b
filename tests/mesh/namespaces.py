"""Network namespaces made for a test: each with addresses of its own on one link, and processes that run in it.

Nothing of the machine's own network is touched. A namespace lives as long as the process that holds it open.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import msgspec
import pytest

_READY = b"ready\n"
_CLONE_NEWNET = 0x40000000


class Namespace(msgspec.Struct, frozen=True):
    """A network namespace, held open by the process `pid`, and what others in it reach it by."""

    pid: int
    ipv4: str
    ipv6: str

    @property
    def path(self) -> str:
        """Where the kernel shows it."""
        return f"/proc/{self.pid}/ns/net"

    def inside(self, command: Sequence[object]) -> list[str]:
        """The command as it is called to run in here."""
        return ["nsenter", f"--net={self.path}", "--", *map(str, command)]

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, *, uid: int = 0) -> socket.socket:
        """A socket in here, which belongs to this user, to be used from anywhere."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(_socket, self.path, family, kind, uid).result()

    def run(self, command: Sequence[object], **options: Any) -> subprocess.CompletedProcess[str]:
        """What the command says, run in here to its end; raises CalledProcessError where that is not 0."""
        options = {"check": True, "capture_output": True, "text": True} | options
        return subprocess.run(self.inside(command), **options)

    def start(self, command: Sequence[object], **options: Any) -> subprocess.Popen[bytes]:
        """The command, running in here; whoever starts it ends it."""
        return subprocess.Popen(self.inside(command), **options)


def needed() -> None:
    """Skips the test where namespaces cannot be made."""
    missing = [name for name in ("unshare", "nsenter", "ip") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"network namespaces are made with {', '.join(missing)}, which is not there")
    if problem := _problem():
        pytest.skip(f"network namespaces cannot be made here: {problem}")


@cache
def _problem() -> str:
    done = subprocess.run(
        ["unshare", "--net", "--", "ip", "link", "add", "name", "a", "type", "veth", "peer", "name", "b"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else ""


def _socket(path: str, family: int, kind: int, uid: int) -> socket.socket:
    """Made by a thread that ends afterwards: the namespace and the user that files are made for are a thread's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    libc.setfsuid(uid)
    return socket.socket(family, kind)


@contextmanager
def namespaces(*names: str) -> Iterator[Mapping[str, Namespace]]:
    """Namespaces that reach each other, over IPv4 and IPv6, and nothing else; skips the test where none can be made.

    A switch in one more namespace joins them. Whatever still runs in them when they are left loses its network.
    """
    needed()
    with ExitStack() as held:
        switch = held.enter_context(_held())
        _batch(switch, ["link add name licet type bridge mcast_snooping 0", "link set licet up"])
        made: dict[str, Namespace] = {}
        for number, name in enumerate(names, 1):
            pid = held.enter_context(_held())
            made[name] = Namespace(pid, f"10.99.0.{number}", f"fd99::{number:x}")
            _batch(
                switch,
                [
                    f"link add name port{number} type veth peer name eth0 netns {pid}",
                    f"link set port{number} master licet up",
                ],
            )
            _batch(
                pid,
                [
                    "link set lo up",
                    f"address add {made[name].ipv4}/24 dev eth0",
                    f"address add {made[name].ipv6}/64 dev eth0 nodad",
                    "link set eth0 up",
                ],
            )
        yield made


@contextmanager
def _held() -> Iterator[int]:
    """The id of a process that does nothing but hold a network namespace of its own open."""
    with subprocess.Popen(
        ["unshare", "--net", "--", "sh", "-c", "echo ready; read end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == _READY
            yield process.pid
        finally:
            process.kill()


def _batch(pid: int, lines: Sequence[str]) -> None:
    own = {"LC_ALL": "C", "PATH": os.environ["PATH"]}
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "--", "ip", "-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines), text=True, capture_output=True, check=False, env=own)
    assert done.returncode == 0, done.stderr
