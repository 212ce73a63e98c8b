"""A trust domain that is served and administered by processes, some of which are killed."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from licet.app.identity.place import Place
from tests.identity.crashes.acknowledged import Acknowledged
from tests.identity.crashes.clients import Clients
from tests.identity.crashes.victims import PATIENCE, Moment, Outcome, kill, run, start

DOMAIN = "example.org"
ANCHOR = f"spiffe://{DOMAIN}/anchor"
IDENTITIES = tuple(f"spiffe://{DOMAIN}/w{number}" for number in range(8))
_POLL = 0.01


class Faults(Exception):
    """What a campaign is run to find."""


class Server:
    """A `licet identity serve`, with workloads that ask it all the time."""

    def __init__(self, plane: Plane, number: int) -> None:
        self.plane = plane
        self.folder = plane.data if plane.database == "" else plane.home / f"server{number}"
        self.socket = plane.home / f"s{number}.sock"
        self.log = plane.home / f"server{number}.log"
        self._runs = itertools.count()
        self._number = number
        self.process: subprocess.Popen[str] | None = None

    def start(self, at: Moment | None = None) -> subprocess.Popen[str]:
        """Start it; what it says goes to a file."""
        arguments = ["identity", "serve", "--socket", str(self.socket), "--log-format", "json"]
        with self.log.open("a") as log:
            self.process = start([*arguments, *self.plane.options(self.folder)], self.plane.scratch, at, log)
        return self.process

    @property
    def up(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    @contextlib.contextmanager
    def asked(self) -> Iterator[Clients]:
        """Workloads ask it."""
        name = f"{self.plane.home.name}-{self._number}-{next(self._runs)}"
        with Clients(self.socket, self.plane.acknowledged, name, (ANCHOR, *IDENTITIES)) as clients:
            yield clients

    def answers(self) -> None:
        """Return once something was issued for who asks from now on; raises Faults where that does not come."""
        with self.asked() as clients:
            end = time.monotonic() + PATIENCE
            while not clients.tokens or clients.answers == clients.tokens:
                if not self.up or time.monotonic() > end:
                    raise Faults(f"the server does not {'answer' if self.up else 'start'}:\n{self.said()}")
                time.sleep(_POLL)

    def said(self) -> str:
        """The end of what it said."""
        return self.log.read_text()[-3000:] if self.log.exists() else ""

    def kill(self) -> int:
        """SIGKILL, and how it ended."""
        assert self.process is not None
        self.process.kill()
        return self.ended()

    def ended(self) -> int:
        """How it ended, once it has."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def stop(self) -> None:
        """SIGTERM, where it is there."""
        if self.process is not None and self.up:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Faults(f"the server does not stop:\n{self.said()}") from None


class Plane:
    """One trust domain: its database, its servers, and what was acknowledged of it."""

    def __init__(self, home: Path, database: str, servers: int) -> None:
        self.home = home
        self.database = database
        self.data = home / "data"
        self.scratch = home / "tmp"
        self.scratch.mkdir(parents=True)
        self.acknowledged = Acknowledged()
        self.servers = [Server(self, number) for number in range(servers)]

    @property
    def place(self) -> Place:
        """Where it is kept."""
        return Place(self.data, self.database)

    def options(self, folder: Path) -> list[str]:
        """How a command is told which trust domain is meant."""
        options = ["--data", str(folder)]
        if self.database:
            options += ["--database", self.database, "--key-file", str(self.data / "sealing.key")]
        return options

    def command(self, arguments: Sequence[str], at: Moment | None = None) -> Outcome:
        """Run a command of an administrator."""
        return run([*arguments, *self.options(self.data)], self.scratch, at, self.data)

    def folders(self) -> list[Path]:
        """The data folders of servers."""
        return [server.folder for server in self.servers]

    def close(self) -> None:
        """End every server, however."""
        for server in self.servers:
            if server.up:
                server.kill()


def die(process: subprocess.Popen[str], at: Moment, folder: Path, patience: float) -> bool:
    """Have the process killed at its moment; whether that, and nothing else, ended it."""
    kill(process, at, folder, patience)
    return process.wait(PATIENCE) == -signal.SIGKILL
