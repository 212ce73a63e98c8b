"""The process on the other end of a unix socket, as the kernel knows it."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec

from licet.identity.attest.held import holds
from licet.identity.errors import RefusedError, UnavailableError

_SO_PEERGROUPS = 59
_SO_PEERPIDFD = 77
_CREDENTIALS = struct.Struct("iII")
_LONGEST = 1 << 20
_GROUPS_BUFFER = 1024
_RETRY = "connect again; a process is attested only while it runs"
_OWN_PROC = "mount the `/proc` of the pid namespace that the agent runs in"


class Process(msgspec.Struct, frozen=True):
    """What the kernel says of a peer.

    `uid`, `gid` and `groups` are those with which it connected, whatever it became since. `started` is in clock ticks
    since boot. `path` is the executable's name as the process sees it, which is not always what the node sees there;
    `device` and `inode` are those of the file that really runs; empty and 0 where it may not be looked at (another
    user's process, for an agent without privileges). `cgroup` is the text of `/proc/PID/cgroup`.
    """

    pid: int
    started: int
    uid: int
    gid: int
    groups: tuple[int, ...]
    path: str
    device: int
    inode: int
    cgroup: str


class Attended:
    """A peer that is held on to by its pidfd, so that its pid can never be mistaken for a later process's.

    What is attested is who called `connect`, or `socketpair`: a descriptor that is passed on (SCM_RIGHTS) or inherited
    carries the connector's name with it, as a letter of authority would. When the connector ends, the connection is to
    be closed (`gone`), so that nobody outlives it by holding the descriptor. A process may become another program by
    `exec` and keep the connection: `still` notices.
    """

    def __init__(self, process: Process, pidfd: int) -> None:
        self.process = process
        self._pidfd = pidfd

    def __enter__(self) -> Attended:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def still(self) -> bool:
        """Whether the process runs, and runs the program that was attested."""
        if self._pidfd < 0:
            return False
        try:
            with _proc(self._pidfd, self.process.pid) as directory:
                found = _look(directory)
        except (OSError, RefusedError):
            return False
        return found == (self.process.path, self.process.device, self.process.inode) and _alive(self._pidfd)

    async def gone(self) -> None:
        """Return when the process has ended. One may wait at a time."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def open(self) -> int:
        """A descriptor of the file that the process runs, whatever stands at its path now. OSError where that fails."""
        try:
            with _proc(self._pidfd, self.process.pid) as directory:
                return os.open("exe", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=directory)
        except RefusedError as error:
            raise ProcessLookupError(error.message) from None

    def close(self) -> None:
        """Let go of the process."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def attend(sock: socket.socket) -> Attended:
    """Hold on to the peer of this connected unix socket and read what the kernel says of it.

    Raises RefusedError where the peer has ended or cannot be seen. Linux 6.5 and later hand out the peer's own pidfd;
    before that one is opened by pid, and the process has to hold the other end of the socket, so that nobody is
    attested who took the pid of a connector that ended.
    """
    pid, uid, gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if pid <= 0:
        raise RefusedError(
            "the process that connected is in a pid namespace that cannot be seen from here",
            "run the agent in the node's pid namespace (`hostPID: true`)",
        )
    pidfd, own = _pidfd(sock, pid)
    try:
        with _proc(pidfd, pid) as directory:
            if not own and not holds(directory, sock):
                raise RefusedError(f"process {pid} does not hold the connection", _RETRY)
            path, device, inode = _look(directory)
            cgroup = os.fsdecode(_read(directory, "cgroup"))
            groups = _groups(sock, directory)
            process = Process(pid, _started(directory), uid, gid, groups, path, device, inode, cgroup)
        if not _alive(pidfd):
            raise RefusedError(f"process {pid} has ended", _RETRY)
    except BaseException as error:
        os.close(pidfd)
        if not isinstance(error, OSError | ValueError):
            raise
        raise _unreadable(pid, error) from None
    return Attended(process, pidfd)


@contextmanager
def _proc(pidfd: int, pid: int) -> Iterator[int]:
    """A descriptor of `/proc/PID` that is certain to be this process's, for as long as it is open.

    An open `/proc/PID` stays with its process: where the pidfd's is alive once it is open, both are the same.
    """
    directory = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Pid" and int(value) not in (pid, -1):
                raise RefusedError(f"process {pid} is another one in `/proc`", _OWN_PROC)
        if not _alive(pidfd):
            raise RefusedError(f"process {pid} has ended", _RETRY)
        yield directory
    finally:
        os.close(directory)


def _unreadable(pid: int, error: OSError | ValueError) -> RefusedError | UnavailableError:
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return UnavailableError("too many files are open to attest a process", "raise the limit of open files")
    return RefusedError(f"process {pid} has ended or may not be looked at", _RETRY)


def _pidfd(sock: socket.socket, pid: int) -> tuple[int, bool]:
    """A pidfd, and whether it is certain to be the connector's."""
    try:
        return sock.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD), True
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise RefusedError(f"process {pid} has ended", _RETRY) from None
    try:
        return os.pidfd_open(pid), False
    except OSError:
        raise RefusedError(f"process {pid} has ended", _RETRY) from None


def _alive(pidfd: int) -> bool:
    ended = select.poll()
    ended.register(pidfd, select.POLLIN)
    return not ended.poll(0)


def _look(directory: int) -> tuple[str, int, int]:
    try:
        return _executable(directory)
    except (PermissionError, FileNotFoundError):
        return "", 0, 0


def _executable(directory: int) -> tuple[str, int, int]:
    found = os.stat("exe", dir_fd=directory)
    path = os.readlink("exe", dir_fd=directory)
    return path, found.st_dev, found.st_ino


def _started(directory: int) -> int:
    # The second field is the program's own name in brackets, in which brackets and spaces may stand.
    _, _, rest = _read(directory, "stat").rpartition(b")")
    return int(rest.split()[19])


def _read(directory: int, name: str) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise RefusedError(f"`/proc/PID/{name}` is too long", f"{_LONGEST} bytes at most")
    return text


def _groups(sock: socket.socket, directory: int) -> tuple[int, ...]:
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BUFFER)
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
    else:
        return struct.unpack(f"{len(raw) // 4}I", raw)
    # More groups than Python takes an answer for: those that the process has now.
    for line in _read(directory, "status").splitlines():
        if line.startswith(b"Groups:"):
            return tuple(int(group) for group in line.split()[1:])
    return ()
