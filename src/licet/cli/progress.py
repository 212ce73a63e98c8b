"""A word of what goes on, for people who wait at a terminal."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TextIO

_PATIENCE = 1.0
_TICK = 0.2


class Progress:
    """After a second of work, shows what is being done until the block ends; nothing where it is not `wanted`."""

    def __init__(self, stream: TextIO, wanted: bool) -> None:
        self._stream, self._wanted = stream, wanted
        self._stage = "starting"
        self._done = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def tell(self, stage: str) -> None:
        """What begins now."""
        self._stage = stage

    def __enter__(self) -> Progress:
        if self._wanted:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._wanted:
            self._done.set()
            self._thread.join()

    def _run(self) -> None:
        if self._done.wait(_PATIENCE):
            return
        while True:
            seconds = time.monotonic() - self._began
            self._stream.write(f"\r\x1b[2m{self._stage} … {seconds:.0f} s\x1b[0m\x1b[K")
            self._stream.flush()
            if self._done.wait(_TICK):
                break
        self._stream.write("\r\x1b[K")
        self._stream.flush()
