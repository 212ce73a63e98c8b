"""Files that no other user may read: whole, and on the disk, from the moment they have their name."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Have these bytes in a file of mode 0600, on the disk, though not its name yet; raises OSError.

    What stands there is written over, never what a link there leads to.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        os.fchmod(handle, 0o600)
        file.write(data)
        file.flush()
        os.fsync(handle)


def replace(path: Path, data: bytes) -> None:
    """Have these bytes in the file, or the old ones, whole at every moment; raises OSError.

    Callers take turns: what is not whole yet stands beside the file, under one name for all, so that what a killed
    process left is written over and does not pile up.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        write(fresh, data)
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """See names in this folder onto the disk; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
