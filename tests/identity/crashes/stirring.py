"""When something stirs in folders: inotify, so that a process can be killed while it writes."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_WRITTEN, _MOVED, _MADE, _GONE = 0x2, 0x80, 0x100, 0x200
_HEAD = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Stirrings:
    """Watches folders while it is entered."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._descriptor = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        for folder in folders:
            if _libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _WRITTEN | _MOVED | _MADE | _GONE) < 0:
                raise OSError(ctypes.get_errno(), "inotify")

    def __enter__(self) -> Stirrings:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._descriptor)

    def wait(self, times: int, patience: float) -> bool:
        """Whether something was written, moved, made or removed so many times before the patience was over."""
        end = time.monotonic() + patience
        while times > 0:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._descriptor], [], [], left)[0]:
                return False
            times -= _count(os.read(self._descriptor, 1 << 16))
        return True


def _count(data: bytes) -> int:
    count = at = 0
    while at < len(data):
        at += _HEAD.size + _HEAD.unpack_from(data, at)[3]
        count += 1
    return count
