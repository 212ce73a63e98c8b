"""Sidecars are killed under load: what they stood before is not reached, and is again once they are back."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack

import msgspec

from tests.identity.drills.plane import until
from tests.mesh.drills import traffic
from tests.mesh.drills.contracts import CALLERS, HTTP, TCP
from tests.mesh.drills.outage import listens
from tests.mesh.drills.platform import Platform
from tests.mesh.drills.traffic import Served, Tally

_PORTS = {"api": HTTP, "ledger": TCP}
_SETTLED = 0.5
"""Seconds after which what was under way when a sidecar was killed has failed."""


class Killed(msgspec.Struct, frozen=True):
    """Sidecars that were gone for some seconds.

    `answered` are calls of each kind that were answered meanwhile, and `failed` those that were not; `came` is how much
    more the programs had to do meanwhile, `taken` whether connections were taken in a callee's place, and `others` what
    came of a caller that none of it concerns. `back` is how many seconds after the start of the sidecar everything was
    answered again.
    """

    answered: Mapping[str, int]
    failed: Mapping[str, int]
    came: tuple[int, ...]
    taken: bool
    others: Mapping[str, Tally]
    back: float


def callees_killed(platform: Platform, seconds: float, rate: float) -> Killed:
    """Those of both callees, so that everybody is concerned."""
    return _killed(platform, ("api", "ledger"), "web", seconds, rate)


def caller_killed(platform: Platform, seconds: float, rate: float) -> Killed:
    """That of one of two callers."""
    return _killed(platform, ("job",), "job", seconds, rate)


def _killed(platform: Platform, gone: tuple[str, ...], caller: str, seconds: float, rate: float) -> Killed:
    others = [name for name in CALLERS if gone == ("job",) and name != caller]
    with ExitStack() as held:
        calling = held.enter_context(platform.calls(caller, rate=rate))
        until(lambda: all(each.done for each in calling.tallies().values()) or None)
        for name in gone:
            platform.envoys[name].stop(signal.SIGKILL)
        time.sleep(_SETTLED)
        before, came = calling.tallies(), _came(platform)
        time.sleep(seconds)
        after, more, taken = calling.tallies(), _came(platform), _takes(platform, gone)
        # Of a caller that goes on the programs hear: it is asked for only where nobody else speaks to them.
        spared = [held.enter_context(platform.calls(name, rate=rate)) for name in others]
        if spared:
            time.sleep(1)
        began = time.monotonic()
        for name in gone:
            platform.start_envoy(name)
        moment = time.time()
        until(lambda: all(each.last_done > moment for each in calling.tallies().values()) or None)
        back = time.monotonic() - began
        ended = {kind: each for one in spared for kind, each in one.end().items()}
    return Killed(
        {kind: after[kind].done - before[kind].done for kind in after},
        {kind: after[kind].failed - before[kind].failed for kind in after},
        tuple(now - then for now, then in zip(more, came, strict=True)),
        taken,
        ended,
        back,
    )


def _came(platform: Platform) -> tuple[int, ...]:
    served: list[Served] = [callee.served() for callee in platform.callees.values()]
    return tuple(number for each in served for number in (each.requests, each.connections))


def _takes(platform: Platform, names: Collection[str]) -> bool:
    """Whether anybody takes connections where these callees are served."""
    return any(listens(platform.sidecars[name].address, _PORTS[name]) for name in names if name in _PORTS)


def one_of_two_killed(platform: Platform, seconds: float, rate: float) -> Mapping[str, Tally]:
    """What comes of calls that are made when one of two instances of a callee has been killed a moment ago."""
    newcomer = platform.start_newcomer()
    until(lambda: listens(platform.newcomer.address) or None)
    with ExitStack() as held:
        to = platform.exits("web")["api"]
        before = held.enter_context(traffic.caller(http=to, kinds=("http1-new",), rate=rate))
        until(lambda: before.tallies()["http1-new"].done > rate or None)
        newcomer.stop(signal.SIGKILL)
        time.sleep(_SETTLED)
        kinds = ("http1", "http1-new", "http2", "grpc-new")
        calling = held.enter_context(traffic.caller(http=to, kinds=kinds, rate=rate))
        time.sleep(seconds)
        return calling.end()
