"""Attacks with forged identities that go on until they are refused, beside good traffic that must never be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from tests.clients.programs import Program
from tests.clients.traffic import (
    Exchange,
    Failure,
    Pair,
    Running,
    Serving,
    Tally,
    attack,
    call,
    impersonate,
    serve,
    traffic,
)
from tests.identity.drills import proxy
from tests.identity.drills.plane import PATIENCE, Drill, Plane
from tests.identity.drills.proxy import Way
from tests.identity.drills.thief import Forged, Loot, forge, steal

LEDGER = "spiffe://example.org/ledger"
"""Whom the attacker pretends to be; every victim trusts it, and it is no workload at all."""
_RATE = "8"
"""Attempts a second of each attack: refusals are timed to an eighth of a second."""


class Refusal(msgspec.Struct, frozen=True):
    """How one attack ended; seconds after the command began, and after its last step began."""

    attack: str
    accepted: int
    after_start: float
    after_drop: float
    cause: str
    message: str


class Outcome(msgspec.Struct, frozen=True):
    """A drill: good traffic by its name, how the attacks ended, and what was tried again afterwards."""

    drill: Drill
    good: Mapping[str, Exchange]
    refusals: tuple[Refusal, ...]
    again: Mapping[str, Tally]
    kept: Tally
    """Requests of an attacker over a connection from before the drill, beside new ones."""

    @property
    def requests(self) -> int:
        """Good requests, each counted by its client."""
        return sum(each.client.requests for each in self.good.values())

    @property
    def failed(self) -> dict[str, Mapping[str, tuple[Failure, ...]]]:
        """Good requests that failed, by the traffic that they were of."""
        return {name: each.failed for name, each in self.good.items() if each.failed}

    @property
    def slowest(self) -> float:
        """Seconds of the slowest good request."""
        return max(each.client.slowest for each in self.good.values())


class Programs(msgspec.Struct, frozen=True):
    """The stock clients with their identities, and Envoy's identity."""

    go: Program
    rust: Program
    go_id: str
    rust_id: str
    envoy_id: str

    @classmethod
    def enlisted(cls, plane: Plane, go: Program, rust: Program) -> Programs:
        """Registered by their executables."""
        ids = plane.register({"go": go.path, "rust": rust.path, "envoy": proxy.executable()})
        return cls(go, rust, ids["go"], ids["rust"], ids["envoy"])

    @property
    def both(self) -> Mapping[str, Program]:
        """By name."""
        return {"go": self.go, "rust": self.rust}


class Siege:
    """Everything that runs during a drill. Attacks end by themselves, with their first refusal."""

    def __init__(self, plane: Plane, programs: Programs, loot: Loot, stack: ExitStack) -> None:
        self._socket = plane.socket
        self._programs = programs
        self._stack = stack
        self._forged = {
            "root": forge(loot.by_root, LEDGER, plane.home),
            "intermediate": forge(loot.by_intermediate, LEDGER, plane.home),
        }
        self._good: dict[str, Pair] = {}
        self._attacks: dict[str, Running] = {}
        self._doors: dict[str, str] = {}
        self._begin(plane.home)

    def proceed(self) -> None:
        """Have ten more forged requests accepted, during which everything else goes on."""
        address, forged = self._doors["rust server"], self._forged["root"]
        assert self._attacked(address, forged, "--count", "10", "--rate", "10").wait().failures == ()

    def run(self, drill: Drill) -> Outcome:
        """What came of it, once the drill is over and every attack is refused."""
        refusals = tuple(_refusal(name, running.wait(PATIENCE), drill) for name, running in self._attacks.items())
        again = {
            f"{by} at {door}": self._attacked(address, forged, "--count", "3").wait()
            for door, address in self._doors.items()
            for by, forged in self._forged.items()
        }
        kept = self._kept.end()
        return Outcome(drill, {name: pair.end() for name, pair in self._good.items()}, refusals, again, kept)

    def _begin(self, home: Path) -> None:
        """Victims and good traffic first, then the attacks."""
        one, other = self._programs.go, self._programs.rust
        one_id, other_id, middle = self._programs.go_id, self._programs.rust_id, self._programs.envoy_id
        victims = {f"{name} server": self._victim(program, LEDGER) for name, program in self._programs.both.items()}
        behind = self._victim(one, middle)
        traps = {
            by: self._stack.enter_context(impersonate(one, forged.chain, forged.key))
            for by, forged in self._forged.items()
        }
        good = {"go": self._victim(one, middle), "rust": self._victim(other, middle)}
        addresses = self._stack.enter_context(
            proxy.envoy(
                home, self._socket, list(_ways(behind, traps, dict(zip(proxy.VALIDATORS, good.values(), strict=True))))
            )
        )
        self._doors = {name: victim.address for name, victim in victims.items()}
        self._doors |= {f"envoy {kind}": addresses[f"attacked-{kind}"] for kind in proxy.VALIDATORS}
        for name, pair in {
            "go to rust": ((one, one_id), (other, other_id)),
            "rust to go": ((other, other_id), (one, one_id)),
        }.items():
            self._good[name] = self._stack.enter_context(traffic(*pair, self._socket, rate=10))
        for (name, server), kind, caller in zip(good.items(), proxy.VALIDATORS, (other, one), strict=True):
            calling = self._called(caller, addresses[f"good-{kind}"], middle, "--rate", "10", "--kept", "2")
            self._good[f"through envoy {kind} to {name}"] = Pair(calling, server)
        self._attack(victims, traps, addresses, middle)

    def _attack(
        self, victims: Mapping[str, Serving], traps: Mapping[str, Serving], addresses: Mapping[str, str], middle: str
    ) -> None:
        ceaseless = ("--until-failed", "--rate", _RATE)
        for by, forged in self._forged.items():
            for door, address in self._doors.items():
                self._attacks[f"{by} at {door}"] = self._attacked(address, forged, *ceaseless)
            for name, program in self._programs.both.items():
                self._attacks[f"{by} at {name} client"] = self._called(program, traps[by].address, LEDGER, *ceaseless)
            for kind in proxy.VALIDATORS:
                self._attacks[f"{by} at envoy {kind} as a client"] = self._called(
                    self._programs.go, addresses[f"trap-{by}-{kind}"], middle, *ceaseless
                )
        self._kept = self._attacked(victims["go server"].address, self._forged["root"], "--kept", "1", "--rate", _RATE)

    def _victim(self, program: Program, peer: str) -> Serving:
        return self._stack.enter_context(serve(program, self._socket, peer))

    def _called(self, program: Program, address: str, peer: str, *options: str) -> Running:
        return self._stack.enter_context(call(program, self._socket, address, peer, *options))

    def _attacked(self, address: str, forged: Forged, *options: str) -> Running:
        return self._stack.enter_context(attack(self._programs.go, address, forged.chain, forged.key, *options))


@contextmanager
def siege(plane: Plane, programs: Programs, loot: Loot) -> Iterator[Siege]:
    """Attacks and good traffic, for as long as the block lasts."""
    with ExitStack() as stack:
        yield Siege(plane, programs, loot, stack)


def drill(plane: Plane, programs: Programs, settle: float) -> Outcome:
    """Steal the keys that sign, attack with them, and have the root replaced while that goes on."""
    loot = steal(plane)
    with siege(plane, programs, loot) as under_way:
        under_way.proceed()
        return under_way.run(plane.taint(loot.root, settle))


def _ways(behind: Serving, traps: Mapping[str, Serving], good: Mapping[str, Serving]) -> Iterator[Way]:
    """An attacked way gets to a server whose count says nothing: Envoy connects on before it knows who comes."""
    for kind in proxy.VALIDATORS:
        yield Way(f"good-{kind}", kind, good[kind].address)
        yield Way(f"attacked-{kind}", kind, behind.address)
        for by, trap in traps.items():
            yield Way(f"trap-{by}-{kind}", kind, trap.address)


def _refusal(name: str, tally: Tally, drill: Drill) -> Refusal:
    assert tally.last_ok > drill.began, f"{name} was refused before the drill: {tally.failures}"
    return Refusal(
        name,
        tally.requests - sum(tally.failed.values()),
        round(tally.first_failed - drill.began, 2),
        round(tally.first_failed - drill.dropped, 2),
        tally.failures[0].cause,
        tally.failures[0].message,
    )
