"""Processes that are measured from outside while they serve, and those that call them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.cases import ENVIRONMENT

_SCHEDULED = 2
_PATIENCE = 60.0


class Child:
    """A process of this checkout that answers lines on standard output, until it is told to stop."""

    def __init__(self, *arguments: str, said: bytes | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,
        )
        if said is not None:
            self._input.write(said)
            self._input.close()

    @property
    def _input(self) -> Any:
        return self._process.stdin

    def line(self) -> bytes:
        """The next line that it prints; raises RuntimeError where it has ended instead."""
        assert self._process.stdout is not None
        line: bytes = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"`{' '.join(map(str, self._process.args[1:3]))}` ended: its errors are above")  # type: ignore[index]
        return line

    def order(self, *words: object) -> dict[str, Any]:
        """What it answers to this order."""
        self._input.write(" ".join(map(str, words)).encode() + b"\n")
        self._input.flush()
        answer: dict[str, Any] = json.loads(self.line())
        return answer

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads, user and system."""
        # The clock that clock_getcpuclockid(3) names for another process; Python has it for threads alone.
        return time.clock_gettime((~self._process.pid << 3) | _SCHEDULED)

    def memory(self) -> int:
        """Bytes that are its own and its share of those it has in common with others (PSS)."""
        for line in Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Pss":
                return int(value.split()[0]) * 1024
        raise RuntimeError("the kernel does not tell how much memory a process takes")

    def stop(self) -> None:
        """End it, by force where it does not end by itself."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def running(*arguments: str, said: bytes | None = None, until: bytes = b"ready") -> Iterator[Child]:
    """A child that has said that it is ready, or that says nothing before it is asked."""
    child = Child(*arguments, said=said)
    try:
        if until:
            while child.line().strip() != until:
                pass
        yield child
    finally:
        child.stop()
