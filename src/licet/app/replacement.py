"""Files put in place of others: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence

import msgspec

_UNFINISHED = ".licet-unfinished"
_BEFORE = ".licet-before"
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Put(msgspec.Struct, frozen=True):
    """What a path is to hold; None where nothing is to be there. `durable`: on the disk before the old text goes."""

    path: str
    data: bytes | None
    durable: bool = False


def replace(puts: Sequence[Put]) -> None:
    """Put every file in place, or raise OSError and leave all as it was.

    Each text is written beside its place first, and what was there is kept until the last one is in place. Signals
    that would end the run wait until then. A link is replaced, not followed; permissions stay. What is there and is no
    file, such as a device or a pipe, is written to and never replaced.
    """
    devices = [
        put for put in puts if put.data is not None and os.path.exists(put.path) and not os.path.isfile(put.path)
    ]
    for put in devices:
        with open(put.path, "wb") as device:
            device.write(put.data or b"")
    with _signals_held():
        change = _Change()
        try:
            for put in puts:
                if put not in devices:
                    change.prepare(put)
            change.make()
        except BaseException:
            change.undo()
            raise
        finally:
            change.clean()


class _Change:
    """The files of one change, and how far it has come."""

    def __init__(self) -> None:
        self._ready: list[tuple[str | None, str]] = []
        self._kept: dict[str, str] = {}
        self._done: list[str] = []
        self._folders: list[str] = []
        self._beside: list[str] = []

    def prepare(self, put: Put) -> None:
        """Have the new text and the old one beside the place."""
        is_there = os.path.lexists(put.path)
        fresh = None
        if put.data is not None:
            self._make_folder(os.path.dirname(put.path))
            fresh = self._name(put.path, _UNFINISHED)
            with open(fresh, "xb") as stream:
                stream.write(put.data)
                if put.durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            if is_there:
                os.chmod(fresh, os.stat(put.path).st_mode & 0o7777)
        if is_there:
            old = self._name(put.path, _BEFORE)
            try:
                os.link(put.path, old, follow_symlinks=False)
            except (OSError, NotImplementedError):
                shutil.copy2(put.path, old, follow_symlinks=False)
            self._kept[put.path] = old
        self._ready.append((fresh, put.path))

    def make(self) -> None:
        """Put all in place."""
        for fresh, path in self._ready:
            if fresh is None:
                os.unlink(path)
            else:
                os.replace(fresh, path)
            self._done.append(path)

    def undo(self) -> None:
        """Put back what was there."""
        for path in reversed(self._done):
            if path in self._kept:
                os.replace(self._kept[path], path)
            else:
                os.unlink(path)
        for name in self._beside:
            _remove(name)
        for folder in reversed(self._folders):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def clean(self) -> None:
        """Leave nothing beside the files."""
        for name in self._beside:
            _remove(name)

    def _name(self, path: str, ending: str) -> str:
        name = f"{path}.{os.getpid()}{ending}"
        _remove(name)
        self._beside.append(name)
        return name

    def _make_folder(self, folder: str) -> None:
        missing: list[str] = []
        while folder and not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for one in reversed(missing):
            os.mkdir(one)
            self._folders.append(one)


def _remove(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that would end the run are raised once the block is done; only a main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda got, _frame: arrived.append(got)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in dict.fromkeys(arrived):
            signal.raise_signal(got)
