"""The public socket: made where nobody else can put one in its place, and taken away again."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from pathlib import Path
from types import TracebackType

from licet.identity.errors import IdentityError, UnavailableError

_LONGEST = 107
_WAITING = 1024


class Endpoint:
    """A listening unix socket that everyone may connect to, in a directory that only its owner may write.

    A socket that a dead server left is replaced; a living one is refused. The lock beside it goes with the process, so
    that a server that was killed never stands in the way of the next.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check(path)
        self._lock = _lock(path)
        try:
            self.listener = _listen(path)
        except BaseException:
            os.close(self._lock)
            raise
        made = os.stat(path)
        self._made = (made.st_dev, made.st_ino)

    def close(self) -> None:
        """Stop listening and take the socket away, unless somebody has put another in its place."""
        self.listener.close()
        try:
            there = os.stat(self.path)
            if (there.st_dev, there.st_ino) == self._made:
                self.path.unlink()
        except FileNotFoundError:
            pass
        os.close(self._lock)

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def require_short(path: Path, help: str = f"{_LONGEST} bytes at most") -> None:
    """Raise IdentityError where the kernel takes no socket of this name."""
    if len(os.fsencode(path)) > _LONGEST:
        raise IdentityError(f"`{path}` is too long for a socket", help)


def _check(path: Path) -> None:
    require_short(path)
    path = path.absolute()
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _require_own_way(path)
    parent = os.stat(path.parent)
    if parent.st_uid not in (0, os.geteuid()) or parent.st_mode & 0o022:
        raise IdentityError(
            f"others may write `{path.parent}`, and could put a socket of their own there",
            f"choose a directory of the server's own, or `chmod go-w {path.parent}`",
        )


def _require_own_way(path: Path) -> None:
    """A link of somebody else's leads where that one likes, and tomorrow elsewhere."""
    for each in (path.parent, *path.parent.parents):
        found = os.lstat(each)
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.geteuid()):
            raise IdentityError(f"`{each}` is a link of another user", "choose a directory of the server's own")


def _lock(path: Path) -> int:
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _taken(path) from None
    return descriptor


def _taken(path: Path) -> IdentityError:
    return UnavailableError(f"another server listens on `{path}`", "stop it, or choose another path with `--socket`")


def _listen(path: Path) -> socket.socket:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISSOCK(found.st_mode):
            raise IdentityError(f"`{path}` is there and no socket", "move it away, or choose another path")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(os.fspath(path))
            except (ConnectionRefusedError, FileNotFoundError):
                path.unlink(missing_ok=True)
            except OSError:
                raise _taken(path) from None
            else:
                raise _taken(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(os.fspath(path))
        path.chmod(0o666)
        listener.listen(_WAITING)
    except BaseException:
        listener.close()
        raise
    return listener
