"""The folder that a platform on one machine is written to, and what became of those whose command was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from licet.mesh.errors import MeshError

_PREFIX = "licet-up-"
_LONGEST = 107 - len("/apps/00000-65535")
"""Bytes of the folder's own path: that of a socket has 107 at most."""


@contextmanager
def folder(kept: Path | None) -> Iterator[Path]:
    """A folder of this user's alone, whose path is short enough for sockets in it; gone afterwards, unless `kept`.

    Folders that other runs have left behind, since they were killed, are cleared away first.
    """
    if kept is not None:
        yield _kept(kept)
        return
    place = Path(tempfile.gettempdir())
    _require_short(place / f"{_PREFIX}xxxxxxxx", "`TMPDIR` names a shorter folder for temporary files")
    _clear(place)
    made, lock = _made(place)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _kept(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise MeshError(f"others may write to `{folder}`", "name a folder of your own alone, or one that is not there")
    if any(folder.iterdir()):
        raise MeshError(f"`{folder}` is not empty", "name a folder that is, or one that is not there")
    real = folder.resolve()
    _require_short(real, f"name a folder of at most {_LONGEST} bytes")
    return real


def _made(place: Path) -> tuple[Path, int]:
    """It is locked before it has the name that others look for, and for as long as this process lives."""
    hidden = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=place))
    lock = os.open(hidden, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return hidden.rename(place / hidden.name[1:]), lock


def _clear(place: Path) -> None:
    for left in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_uid == os.geteuid():
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


def _require_short(path: Path, help: str) -> None:
    if len(os.fsencode(path)) > _LONGEST:
        raise MeshError(f"`{path}` is too long for sockets in it", help)
