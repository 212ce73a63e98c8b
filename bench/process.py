"""A child process, measured: wall clock, CPU, peak memory, and what became of it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
MEMORY_LIMIT = 6 << 30
"""Address space that a child may take, so that an answer that explodes ends the child and not the machine."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one child took. `wall` and `cpu` are seconds, `peak` bytes; `cpu` is user and system time."""

    wall: float
    cpu: float
    peak: int
    status: int
    timed_out: bool
    errors: str

    @property
    def failure(self) -> str:
        """Why the run counts for nothing; empty where it ended well. Status 1 (findings) is an answer."""
        if self.timed_out:
            return f"not done after {self.wall:.0f} s"
        if self.status in (0, 1) and "Traceback" not in self.errors:
            return ""
        return (self.errors.strip().splitlines() or [f"exit status {self.status}"])[-1][:120]


def run(
    command: Sequence[str],
    *,
    timeout: float = 300.0,
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
    memory: int = MEMORY_LIMIT,
    folder: Path | None = None,
) -> Run:
    """Run a command to its end or its timeout, its output to a file or to nowhere, in a folder or in the current one.

    The peak is the kernel's own figure for the child. It is never below this process's peak, which is why the
    benchmark itself holds no cluster.
    """
    errors_read, errors_write = os.pipe()
    with open(output or os.devnull, "wb") as out:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors_write,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
        )
        os.close(errors_write)
        timed_out = threading.Event()
        timer = threading.Timer(timeout, _end, (child.pid, timed_out))
        timer.start()
        try:
            errors = _drain(errors_read)
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            _end(child.pid, timed_out)
            raise
        finally:
            timer.cancel()
        wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        status=child.returncode,
        timed_out=timed_out.is_set(),
        errors=errors,
    )


def _end(pid: int, flag: threading.Event) -> None:
    flag.set()
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _drain(descriptor: int) -> str:
    """All of a pipe, of which the last 64 KiB are kept."""
    kept = b""
    with open(descriptor, "rb") as pipe:
        while chunk := pipe.read(65536):
            kept = (kept + chunk)[-65536:]
    return kept.decode("utf-8", "replace")
