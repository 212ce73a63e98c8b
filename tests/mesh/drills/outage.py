"""The control plane is killed, or whoever gives identities, while what is agreed changes."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress

import msgspec

from licet.app.identity import revocation
from licet.identity.spiffeid import parse
from tests.identity.drills.plane import until
from tests.mesh.drills import contracts, traffic
from tests.mesh.drills.contracts import CALLERS, HTTP, REPORTS
from tests.mesh.drills.platform import Platform
from tests.mesh.drills.traffic import Caller, Tally

_WATCHED = 0.5
"""Seconds for which nothing may pass of what is taken to have ended."""


class Away(msgspec.Struct, frozen=True):
    """An outage of the control plane. Moments are in seconds after it was back, which is when it serves sidecars.

    `during` is what came of all calls until then, by caller and kind, and `spared` of those of the one who may go on,
    until the end. `started` is how long it took to start. `reports` is when the last request was answered that the
    changed contract does not have, and `revoked` the last anything, by kind, of the identity that was revoked.
    `newcomer` is when the sidecar served that had been started meanwhile, and `leaked` what it had let in before.
    """

    during: Mapping[str, Mapping[str, Tally]]
    spared: Mapping[str, Tally]
    started: float
    reports: float
    revoked: Mapping[str, float]
    newcomer: float
    leaked: bool


def control_away(platform: Platform, seconds: float, rate: float) -> Away:
    """Kill it for so long, and meanwhile change a contract, revoke a caller and start a sidecar."""
    with ExitStack() as held:
        callers = {name: held.enter_context(platform.calls(name, rate=rate)) for name in CALLERS}
        to = platform.exits("web")["api"]
        reports = held.enter_context(traffic.caller(http=to, path=REPORTS, kinds=("http1-new",), rate=50))
        until(lambda: reports.tallies()["http1-new"].done or None)
        platform.control.stop(signal.SIGKILL)
        began = time.monotonic()
        job = parse(platform.identity("job"))
        newcomer = platform.start_newcomer()
        revocation.revoke(platform.plane.place, job, "a drill")
        contracts.write(platform.manifests, reports=False)
        leaked = False
        while time.monotonic() < began + seconds:
            leaked |= listens(platform.newcomer.address)
            time.sleep(0.1)
        during = {name: caller.tallies() for name, caller in callers.items()} | {"reports": reports.tallies()}
        start = time.time()
        platform.control = platform.start_control()
        back = time.time()
        until(lambda: listens(platform.newcomer.address) or None)
        served = time.time()
        ended, asked = refused(callers["job"]), refused(reports)["http1-new"]
        spared = callers["web"].end()
        platform.revive(newcomer, job)
    return Away(
        during,
        spared,
        back - start,
        asked.last_done - back,
        {kind: tally.last_done - back for kind, tally in ended.items()},
        served - back,
        leaked,
    )


def refused(caller: Caller) -> Mapping[str, Tally]:
    """What came of the calls of one of whom nothing is answered any more and something is refused, of every kind."""
    then = caller.tallies()

    def found() -> Mapping[str, Tally] | None:
        nonlocal then
        time.sleep(_WATCHED)
        before, then = then, caller.tallies()
        ended = all(now.done == before[kind].done and now.failed > before[kind].failed for kind, now in then.items())
        return then if ended else None

    return until(found)


def listens(address: str, port: int = HTTP) -> bool:
    """Whether anybody takes connections there."""
    with suppress(ConnectionRefusedError), socket.create_connection((address, port), 5):
        return True
    return False


def identities_away(platform: Platform, seconds: float, rate: float) -> Mapping[str, Mapping[str, Tally]]:
    """What comes of all calls while whoever gives identities is killed for so long, and comes back."""
    with ExitStack() as held:
        callers = {name: held.enter_context(platform.calls(name, rate=rate)) for name in CALLERS}
        time.sleep(1)
        platform.identities.stop(signal.SIGKILL)
        time.sleep(seconds)
        platform.identities = platform.start_identities()
        time.sleep(1)
        return {name: caller.end() for name, caller in callers.items()}
