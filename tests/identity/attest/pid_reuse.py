"""Run as the first process of a pid namespace: connect, hand the connection on, end, and have another take the pid."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from licet.identity.attest.process import attend
from licet.identity.errors import RefusedError
from tests.identity.attest.linux61 import Linux61


def main() -> None:
    """Print who the kernel's credentials name, and what attestation says."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0licet-pid-reuse-" + str(os.stat("/proc/self/ns/pid").st_ino))
    listener.listen()
    thief = _connect_and_end(listener.getsockname())
    connection, _ = listener.accept()
    victim = _take(thief)
    with connection:
        named = int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
        still_open = connection.recv(1) == b"x"
        old = sys.argv[1] == "old"
        try:
            attend(Linux61(fileno=connection.detach()) if old else connection).close()
            answer = "attested"
        except RefusedError as error:
            answer = error.message
    print(f"{thief == victim} {named == victim} {Path(f'/proc/{victim}').exists()} {still_open} {answer}")


def _connect_and_end(address: bytes) -> int:
    """The pid of a process that connected and is no more, while a child of it holds the connection."""
    if (thief := os.fork()) == 0:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(address)
        if os.fork() == 0:
            peer.send(b"x")
            peer.recv(1)
        os._exit(0)
    os.waitpid(thief, 0)
    return thief


def _take(pid: int) -> int:
    """A process that waits for ever, with this pid."""
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    if (victim := os.fork()) == 0:
        signal.pause()
        os._exit(0)
    return victim


if __name__ == "__main__":
    main()
