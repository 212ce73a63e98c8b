"""Processes that connect to a socket of the test's, since a process cannot be a stranger to itself."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

IMPORT = "import os, socket, sys\n"
CONNECT = IMPORT + "peer = socket.socket(socket.AF_UNIX)\npeer.connect('\\0' + sys.argv[1])\n"
"""What every caller begins with."""
WAIT = "sys.stdin.read()\n"
DEADLINE = 10.0


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    """A listening socket and its abstract name."""
    name = f"licet-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(DEADLINE)
        listener.bind("\0" + name)
        listener.listen()
        yield listener, name


@contextmanager
def calling(
    program: str = CONNECT + WAIT, *before: str, python: str = sys.executable
) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A connection and the process that runs this program, which ends with its standard input."""
    with (
        listening() as (listener, name),
        subprocess.Popen([*before, python, "-I", "-S", "-c", program, name], stdin=subprocess.PIPE) as process,
    ):
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(DEADLINE)
                yield connection, process
        finally:
            process.kill()


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true before the deadline."""
    until = time.monotonic() + DEADLINE
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.005)
    return found


def held() -> list[str]:
    """What of other processes is open here; other descriptors come and go with what earlier tests left to collect."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return sorted(name for name in found if name.startswith("/proc/") or "pidfd" in name)
