"""The processes that a platform on one machine is made of, from their start until nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import licet
from licet.app.up import leash
from licet.app.up.attest import Kin
from licet.diag.failure import Failure
from licet.model.key import Key

_GRACE = 3.0
_PREFIXES = re.compile(r"^(\[[^\]]*\] ?)+")
"""What Envoy says before everything: when, at which level, from which line of its source."""
_LAST = 1 << 14
"""Bytes at the end of a log that its last line is looked for in."""
_ROOT = Path(licet.__file__).parent.parent


class ChildError(Failure):
    """A process that did not do what it is there for."""


class Child:
    """A process that runs, or ran; `ended` is done with its exit code, which is negative after a signal."""

    def __init__(self, name: str, workload: Key, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.workload = workload
        self.log = log
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = process

    @property
    def pid(self) -> int:
        """Its number, which is its session's and its process group's too."""
        return self._process.pid

    @property
    def fate(self) -> str:
        """How it ended and the last that it said, for people."""
        code = self.ended.result() if self.ended.done() else None
        how = "runs" if code is None else f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        said = next((each for each in reversed(self._told().splitlines()) if each.strip()), "")
        return f"{how}, and said `{_PREFIXES.sub('', said)}`" if said else how

    def _told(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - _LAST, 0))
            return log.read().decode(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send this to it and to whatever it has started in its group, where that still is."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def reap(self) -> None:
        """Take leave of it, at its end or a moment before; nothing of its group is left."""
        if not self.ended.done():
            self.signal(signal.SIGKILL)
            self.ended.set_result(self._process.wait())


class Children:
    """Starts processes, each for a workload, and ends all when the block is left.

    Each leads a session of its own, so that a terminal's signals reach the command alone; is killed by the kernel when
    the command ends in any other way; has no environment to speak of, the folder for its home, and its output in a
    file there. They are to be started by the thread of the loop, which is to be that of the process: the kernel asks
    whether that thread lives.
    """

    def __init__(self, folder: Path, kin: Kin, *, grace: float = _GRACE) -> None:
        self._folder = folder
        self._kin = kin
        self._grace = grace
        self._running: dict[Child, int] = {}
        self._lost: asyncio.Queue[Child] = asyncio.Queue()

    async def __aenter__(self) -> Children:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(*self._running)

    def start(self, name: str, workload: Key, command: Sequence[str]) -> Child:
        """Start a program that knows nothing of this one; `command` begins with its absolute path."""
        interpreter = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
        return self._start(name, workload, (*interpreter, *command), subprocess.DEVNULL, {})

    def start_ours(self, name: str, workload: Key, module: str, orders: socket.socket) -> Child:
        """Start a module of ours, which holds on to its parent by itself, with a socket for its standard input."""
        command = (sys.executable, "-P", "-m", module, str(os.getpid()), str(workload))
        return self._start(name, workload, command, orders.fileno(), {"PYTHONPATH": str(_ROOT)})

    async def lost(self) -> Child:
        """The next process that ends without having been stopped, when it has."""
        return await self._lost.get()

    async def stop(self, *children: Child) -> None:
        """End these: asked first, and killed after the time of grace or when this is cancelled."""
        running = {child: self._running[child] for child in children if child in self._running}
        for child in running:
            self._forget(child)
            child.signal(signal.SIGTERM)
        try:
            if running:
                async with asyncio.timeout(self._grace):
                    await asyncio.gather(*map(_readable, running.values()))
        except TimeoutError:
            pass
        finally:
            for child, pidfd in running.items():
                child.reap()
                os.close(pidfd)

    def _start(
        self, name: str, workload: Key, command: Sequence[str], stdin: int, environment: Mapping[str, str]
    ) -> Child:
        log = self._folder / f"{name}.log"
        known = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._folder)}
        try:
            with log.open("ab") as told:
                process = subprocess.Popen(
                    command,
                    stdin=stdin,
                    stdout=told,
                    stderr=told,
                    cwd=self._folder,
                    env={**known, **environment},
                    start_new_session=True,
                )
        except OSError as error:
            raise ChildError(
                f"`{command[0]}` cannot be started: {(error.strerror or str(error)).lower()}",
                "raise the limits of this user (`ulimit -a`), or bring up less",
            ) from None
        child = Child(name, workload, log, process)
        self._kin.adopt(child.pid, workload)
        pidfd = self._running[child] = os.pidfd_open(child.pid)
        asyncio.get_running_loop().add_reader(pidfd, self._gone, child)
        return child

    def _gone(self, child: Child) -> None:
        pidfd = self._running[child]
        self._forget(child)
        os.close(pidfd)
        child.reap()
        self._lost.put_nowait(child)

    def _forget(self, child: Child) -> None:
        """Its number may be another's as soon as it is reaped, so nobody is attested by it before that."""
        self._kin.disown(child.pid)
        asyncio.get_running_loop().remove_reader(self._running.pop(child))


async def _readable(pidfd: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
