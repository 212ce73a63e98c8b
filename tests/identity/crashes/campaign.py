"""Killing, over and over, and looking each time whether everything that was acknowledged is there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec

from licet.app.identity.domain import stored
from licet.identity.errors import IdentityError
from licet.store.errors import StoreError
from tests.identity.crashes import administration
from tests.identity.crashes.plane import ANCHOR, Faults, Plane, Server, die
from tests.identity.crashes.soundness import Found, examine
from tests.identity.crashes.victims import FOUNDING, SERVING, STARTING, After, Moment, Reached, Stirred, moment, reached
from tests.postgres import Postgres

_TOLERATED = ("UNAVAILABLE", "PERMISSION_DENIED spiffe://")
_LEFT = 3
_FOUNDING_TRIES = 3
_ROUNDS = 30
"""Kills until the next trust domain is founded: a log that is read whole each time should not grow without end."""


class Result(msgspec.Struct):
    """What a campaign came to."""

    kills: Counter[str] = msgspec.field(default_factory=Counter)
    moments: Counter[str] = msgspec.field(default_factory=Counter)
    missed: int = 0
    """Processes that ended before their moment came."""
    records: int = 0
    serials: int = 0
    tokens: int = 0
    acknowledged: int = 0
    """Acknowledged things that were looked for after the last kill of each trust domain."""
    looks: int = 0
    answers: int = 0
    refusals: Counter[str] = msgspec.field(default_factory=Counter)
    faults: list[str] = msgspec.field(default_factory=list)


class Campaign:
    """Kills processes of trust domains until there were so many kills."""

    def __init__(self, home: Path, seed: int, postgres: Postgres | None, tell: Callable[[str], None]) -> None:
        self._home = home
        self._chance = Random(seed)
        self._postgres = postgres
        self._tell = tell
        self._planes = 0
        self.result = Result()

    def run(self, kills: int, rounds: int = _ROUNDS) -> Result:
        """Until so many processes were killed, or something was found."""
        while self.result.kills.total() < kills:
            plane = self._new_plane()
            try:
                self._found(plane)
                until = min(kills, self.result.kills.total() + rounds)
                while self.result.kills.total() < until:
                    self._round(plane)
                self._end(plane)
            except Faults as fault:
                self.result.faults.append(f"{plane.home}: {fault}")
                return self.result
            finally:
                plane.close()
            shutil.rmtree(plane.home)
        return self.result

    def _new_plane(self) -> Plane:
        self._planes += 1
        url = self._postgres.url(self._postgres.create()) if self._postgres is not None else ""
        return Plane(self._home / f"d{self._planes}", url, 2 if url else 1)

    def _found(self, plane: Plane) -> None:
        """Found it, after being killed at that a few times."""
        for _ in range(self._chance.randrange(_FOUNDING_TRIES + 1)):
            at = moment(self._chance, FOUNDING, 0.2, 0.8)
            outcome = plane.command(administration.FOUND, at)
            self._count("init", at, outcome.killed)
            if not outcome.killed:
                break
        outcome = plane.command(administration.FOUND)
        if outcome.code == 0:
            administration.founded(plane, outcome.out)
        elif not _stands(plane):
            raise Faults(f"a killed `init` cannot be run again: {outcome.err}")
        self._look(plane, "init")
        administration.perform(plane, administration.addition(plane, ANCHOR, os.geteuid()))

    def _round(self, plane: Plane) -> None:
        server = self._chance.choice(plane.servers)
        if not server.up:
            stages = {"start": 3, "armed": 4, "up": 4}
        else:
            stages = {"load": 8, "command": 12, "stop": 2, "postgres": 2 if self._postgres else 0}
        match stage := self._chance.choices(list(stages), list(stages.values()))[0]:
            case "start":
                self._start(server)
            case "armed":
                self._armed(plane, server)
            case "up":
                server.start()
                server.answers()
            case "load":
                self._load(plane, server)
            case "command":
                self._command(plane)
            case "stop":
                self._stop(plane, server)
            case "postgres":
                self._kill_database(plane)
        if stage != "up":
            self._look(plane, stage)

    def _start(self, server: Server) -> None:
        """Die while starting."""
        at = moment(self._chance, STARTING, 0.3, 1.2)
        self._count("start", at, die(server.start(at), at, server.folder, 2.0))

    def _armed(self, plane: Plane, server: Server) -> None:
        """Die at a place while clients ask and an administrator works."""
        at = reached(self._chance, SERVING)
        server.start(at)
        self._count("armed", at, self._busy(plane, server, at))

    def _load(self, plane: Plane, server: Server) -> None:
        """Be killed from outside while clients ask and an administrator works."""
        at: Moment = After(self._chance.uniform(0.1, 1.5))
        if self._chance.random() < 0.6:
            at = Stirred(self._chance.randint(1, 200), self._chance.choice((0.0, self._chance.uniform(0, 0.004))))
        self._count("load", at, self._busy(plane, server, at))

    def _busy(self, plane: Plane, server: Server, at: Moment) -> bool:
        assert server.process is not None
        with self._asked(plane), _Administrator(plane, self._chance.randrange(1 << 30)):
            return die(server.process, at, server.folder, 3.0)

    def _command(self, plane: Plane) -> None:
        """Kill a command, beside servers that work."""
        operation = administration.chosen(plane, self._chance, os.geteuid())
        at = moment(self._chance, operation.calls, 0.25, 0.7)
        with self._asked(plane):
            killed = administration.perform(plane, operation, at)
        self._count(operation.name, at, killed)

    def _stop(self, plane: Plane, server: Server) -> None:
        """Kill a server that is about to end."""
        assert server.process is not None
        at = After(self._chance.uniform(0, 0.4))
        with self._asked(plane):
            server.process.send_signal(signal.SIGTERM)
            killed = die(server.process, at, server.folder, 2.0)
        self._count("stop", at, killed)

    def _kill_database(self, plane: Plane) -> None:
        """Kill the database under everybody, and see that servers come back to it by themselves."""
        assert self._postgres is not None
        at = After(self._chance.uniform(0.1, 0.6))
        with self._asked(plane):
            time.sleep(at.seconds)
            self._postgres.kill()
            time.sleep(self._chance.uniform(0, 1))
            self._postgres.start()
        self._count("postgres", at, killed=True)
        for each in plane.servers:
            if each.up:
                each.answers()

    @contextlib.contextmanager
    def _asked(self, plane: Plane) -> Iterator[None]:
        """Clients of every server that is there."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.asked()) for server in plane.servers if server.up]
            yield
            self.result.answers += sum(each.answers for each in clients)

    def _look(self, plane: Plane, stage: str) -> None:
        found = examine(plane.place, plane.acknowledged, plane.folders())
        self.result.looks += 1
        faults = [*found.faults, *self._unclean(plane)]
        if faults:
            raise Faults(f"after {stage}: {faults}")

    def _unclean(self, plane: Plane) -> list[str]:
        """What clients and logs show that nobody should see."""
        refusals = plane.acknowledged.refusals
        faults = [f"a call ended with {each}" for each in refusals if not each.startswith(_TOLERATED)]
        faults += [f"{server.log.name}: {server.said()}" for server in plane.servers if "Traceback" in server.said()]
        # One that is killed in the moment between making its folder and taking it away leaves it.
        if len(left := list(plane.scratch.iterdir())) > _LEFT:
            faults.append(f"temporary files are left over: {len(left)}")
        return faults

    def _end(self, plane: Plane) -> None:
        """Everything is there for whoever asks by commands, too."""
        for server in plane.servers:
            if not server.up:
                server.start()
                server.answers()
            server.stop()
        found: Found = examine(plane.place, plane.acknowledged, plane.folders())
        outcome = plane.command(("audit", "verify", "-q"))
        if found.faults or outcome.code:
            raise Faults(f"in the end: {found.faults} {outcome.out} {outcome.err}")
        self.result.records += found.records
        self.result.serials += found.serials
        self.result.tokens += found.tokens
        self.result.acknowledged += found.acknowledged
        self.result.refusals.update(each.partition(" ")[0] for each in plane.acknowledged.refusals.elements())
        self._tell(f"{plane.home.name}: {found}, {self.result.kills.total()} kills")

    def _count(self, stage: str, at: Moment, killed: bool) -> None:
        if killed:
            self.result.kills[stage] += 1
            self.result.moments[type(at).__name__ if not isinstance(at, Reached) else at.place] += 1
        else:
            self.result.missed += 1
        self._tell(f"{self.result.kills.total():4} {stage} {at}{'' if killed else ' (ended before)'}")


class _Administrator:
    """Somebody who gives commands, in a thread, while it is entered."""

    def __init__(self, plane: Plane, seed: int) -> None:
        self._plane = plane
        self._chance = Random(seed)
        self._stopped = threading.Event()
        self._fault: Faults | None = None
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _go_on(self) -> None:
        try:
            while not self._stopped.is_set():
                administration.perform(self._plane, administration.chosen(self._plane, self._chance, os.geteuid()))
        except Faults as fault:
            self._fault = fault


def _stands(plane: Plane) -> bool:
    """Whether a trust domain was founded there, although nobody was told."""
    try:
        stored(plane.place)
    except (IdentityError, StoreError):
        return False
    return True
