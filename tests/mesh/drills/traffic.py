"""The programs of the drills: what calls and what answers, and what they say came of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from tests.built import go_program

T = TypeVar("T")


class Tally(msgspec.Struct, frozen=True):
    """What came of the calls of one kind; moments are in seconds since the epoch, 0 where there was none.

    Of what stays open every message counts: `lost` are answers that never came or came in another order, `broken` what
    ended before its time. `slowest` is that of those answered since it was last asked.
    """

    done: int
    failed: int
    lost: int
    opened: int
    broken: int
    slowest: float
    last_done: float
    first_failed: float
    last_failed: float
    why: tuple[str, ...]

    @property
    def unharmed(self) -> bool:
        """Whether nothing failed, and something was done."""
        return self.done > 0 and (self.failed, self.lost, self.broken) == (0, 0, 0)


class Served(msgspec.Struct, frozen=True):
    """What came to a program: `unnamed` are requests whose caller its sidecar did not name."""

    requests: int
    unnamed: int
    connections: int
    certificates: int


class Program:
    """One that runs, and answers lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def line(self, kind: type[T]) -> T:
        """The next thing that it says."""
        assert self._process.stdout is not None
        return msgspec.json.decode(self._process.stdout.readline(), type=kind)

    def say(self, word: str) -> None:
        """Have it hear this."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()


class Caller(Program):
    """One that calls."""

    def tallies(self) -> Mapping[str, Tally]:
        """What came of each kind until now."""
        self.say("so far")
        return self.line(dict[str, Tally])

    def end(self) -> Mapping[str, Tally]:
        """The same, once all have ended in good order."""
        self.say("end")
        return self.line(dict[str, Tally])


class Callee(Program):
    """One that answers."""

    def served(self) -> Served:
        """What came until now."""
        self.say("so far")
        return self.line(Served)


@cache
def program() -> Path:
    """Both in one; skips the test where it cannot be built."""
    return go_program(Path(__file__).parent / "go", "mesh-drill")


@contextmanager
def caller(
    *, http: str = "", tcp: str = "", rate: float = 20, kept: int = 3, path: str = "/items", kinds: Sequence[str] = ()
) -> Iterator[Caller]:
    """Calls to these addresses from now on, `rate` a second of each kind."""
    options = ["-http", http, "-tcp", tcp, "-rate", str(rate), "-kept", str(kept), "-path", path]
    with _running("call", *options, "-kinds", ",".join(kinds)) as process:
        yield Caller(process)


@contextmanager
def callee(*, http: str = "", tcp: str = "") -> Iterator[Callee]:
    """Answers on these sockets."""
    with _running("serve", "-http", http, "-tcp", tcp) as process:
        running = Callee(process)
        running.line(str)
        yield running


@contextmanager
def _running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([program(), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def harmed(tallies: Mapping[str, Tally]) -> dict[str, Tally]:
    """The kinds that lost anything."""
    return {kind: tally for kind, tally in tallies.items() if not tally.unharmed}


def total(tallies: Mapping[str, Tally]) -> int:
    """Everything that was answered."""
    return sum(tally.done for tally in tallies.values())
