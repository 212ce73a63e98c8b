"""A trust domain as its administrators have it: a folder, and `licet identity` run as a program."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from licet.app.identity import registration
from licet.app.identity.place import Place
from licet.identity.authority import Authority, Kind, Standing
from licet.identity.domain import State
from licet.identity.entry import Entry
from licet.identity.spiffeid import parse
from tests.clients.programs import Program

T = TypeVar("T")

DOMAIN = "example.org"
PATIENCE = 60.0
"""Seconds until what should have happened is taken for lost."""
_PROGRAM = (sys.executable, "-m", "licet", "identity")


class Step(msgspec.Struct, frozen=True):
    """A step of a drill, as the command tells it: when it was over, in seconds after the start."""

    done: str
    after_seconds: str
    behind: tuple[str, ...]


class Drill(msgspec.Struct, frozen=True):
    """A drill that was run: when the command began and ended, since the epoch, and its steps."""

    began: float
    ended: float
    steps: tuple[Step, ...]

    @property
    def dropped(self) -> float:
        """When the last step began, which takes the stolen key out of the bundle."""
        return self.ended - float(self.steps[-1].after_seconds) + float(self.steps[-2].after_seconds)


class _Drilled(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]


class Service:
    """`licet identity serve` or `agent`, running."""

    def __init__(self, home: Path, name: str, *options: str) -> None:
        self.log = home / f"{name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([*_PROGRAM, name, *options], stderr=log, stdout=log)

    def port(self, what: str) -> str:
        """The address at which it serves this; waits for it."""
        return "127.0.0.1:" + self.told(rf"{what} at port (\d+)")

    def told(self, pattern: str) -> str:
        """What it tells by this pattern; waits for it."""

        def found() -> re.Match[str] | None:
            assert self._process.poll() is None, self.log.read_text()
            return re.search(pattern, self.log.read_text())

        match = until(found)
        return match[match.re.groups]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by default as an administrator does."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(PATIENCE)


class Plane:
    """One trust domain in `home / "data"`."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.data = home / "data"
        self.socket = home / "agent.sock"
        home.chmod(0o755)
        self.licet("init", "--trust-domain", DOMAIN, *options)

    @property
    def place(self) -> Place:
        """Where it is kept."""
        return Place(self.data)

    def licet(self, *words: str) -> str:
        """Run a command to its end; what it prints."""
        ran = subprocess.run([*_PROGRAM, *words, "--data", str(self.data)], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def register(self, executables: Mapping[str, Path], lifetime: int = 0) -> dict[str, str]:
        """Give whatever runs these files identities of these names; they come back by the names."""
        ids = {name: f"spiffe://{DOMAIN}/{name}" for name in executables}
        user = f"unix:uid:{os.getuid()}"
        entries = [
            Entry(
                id=name,
                spiffe_id=parse(ids[name]),
                selectors=tuple(sorted((user, f"unix:path:{path}"))),
                x509_lifetime=lifetime,
            )
            for name, path in executables.items()
        ]
        registration.add(self.place, entries)
        return ids

    def enlist(self, programs: Mapping[str, Program], lifetime: int = 0) -> dict[str, str]:
        """Register these programs; their identities, by the names that they were given."""
        return self.register({name: program.path for name, program in programs.items()}, lifetime)

    def taint(self, authority: Authority, settle: float) -> Drill:
        """Have a stolen key replaced, by the command."""
        began = time.time()
        said = self.licet("taint", authority.id[:12], "--settle", str(settle), "-o", "json")
        return Drill(began, time.time(), msgspec.json.decode(said, type=_Drilled).steps)

    @contextmanager
    def serving(self, *options: str, socket: bool = True) -> Iterator[Service]:
        """A server, with a node of its own unless told otherwise."""
        own = ("--socket", str(self.socket)) if socket else ()
        service = Service(self.home, "serve", "--data", str(self.data), *own, *options)
        try:
            if socket:
                service.told("workloads at ")
            yield service
        finally:
            service.stop()

    @contextmanager
    def attending(self, node: str, join: str) -> Iterator[Service]:
        """An agent at the plane's socket that joins the server at these addresses."""
        token, roots = self.home / "token", self.home / "roots.pem"
        token.write_text(self.licet("agents", "token", "drill"))
        roots.write_text(self.licet("bundle", "-o", "pem"))
        service = Service(
            self.home,
            "agent",
            *("--trust-domain", DOMAIN, "--data", str(self.home / "node"), "--socket", str(self.socket)),
            *("--server", node, "--join", join, "--join-token-file", str(token), "--trust-bundle", str(roots)),
        )
        try:
            service.told("workloads at ")
            yield service
        finally:
            service.stop()

    @contextmanager
    def up(self, *, apart: bool) -> Iterator[None]:
        """Workloads are served by one process, or by an agent that reaches its server over mutual TLS."""
        if not apart:
            with self.serving():
                yield
            return
        with (
            self.serving("--listen", "127.0.0.1:0", "--join", "127.0.0.1:0", socket=False) as server,
            self.attending(server.port("agents"), server.port("joining")),
        ):
            yield


def signing(state: State, kind: Kind) -> Authority:
    """The authority of this kind that signs."""
    return next(each for each in state.authorities if each.kind is kind and each.standing is Standing.ACTIVE)


def until(found: Callable[[], T | None]) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE
    while (answer := found()) is None:
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return answer
