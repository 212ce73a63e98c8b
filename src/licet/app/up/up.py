"""`up`: a platform on this machine, its traffic, and whether what is seen is what was agreed."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from licet.app.identity import logs
from licet.app.identity.running import leave_no_core, open_files
from licet.app.load import Setting
from licet.app.mesh.declared import Declared
from licet.app.up.plan import Plan, plan
from licet.app.up.platform import Made, Platform, Tell
from licet.app.up.tally import Row, Surprise, Tally
from licet.mesh.errors import MeshError

TRUST_DOMAIN = "licet.local"
"""Where the Platform names none: what is up on one machine is nobody else's."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to bring up. `seconds` of traffic, None until told to stop; `rate` calls a second of each workload.

    Of the calls of a round `undeclared` are agreed by nobody; `seed` chooses which. `folder` keeps everything that is
    written, None nothing of it.
    """

    paths: Sequence[str]
    setting: Setting
    seconds: float | None = None
    rate: float = 10.0
    undeclared: int = 20
    seed: int = 1
    folder: Path | None = None


class Report(msgspec.Struct, frozen=True):
    """How it stands. `surprises` are what callers saw otherwise, whatever sidecars say."""

    seconds: float
    calls: int
    plan: Plan
    rows: tuple[Row, ...]
    surprises: tuple[Surprise, ...]

    @property
    def equal(self) -> bool:
        """Whether what is seen is what was agreed, of everything that was asked for."""
        return self.calls > 0 and not self.surprises and all(row.equal for row in self.rows)


async def up(asked: Asked, declared: Declared, tell: Tell, show: Callable[[Report], None]) -> Report:
    """Bring the platform up, have traffic on it until told to stop, and take it down; `show` hears of every round.

    Raises ChildError where it does not come up, or does not stay.
    """
    open_files()
    leave_no_core()
    with _folder(asked.folder) as folder, (folder / "licet.log").open("w") as log, _told_to_stop() as stop:
        logs.configure("text", log)
        async with Platform(declared, folder, tell) as platform:
            tell("")
            return await _traffic(asked, platform, stop, show)
    raise AssertionError("a platform that is left has reported")


async def _traffic(asked: Asked, platform: Platform, stop: asyncio.Event, show: Callable[[Report], None]) -> Report:
    loop = asyncio.get_running_loop()
    begun, tally = loop.time(), Tally()
    workloads = {str(key): key for key in platform.sidecars}
    made = plan(platform.mesh.control.fleet, platform.sidecars, asked.seed, asked.undeclared)

    def report() -> Report:
        rows = tally.rows(platform.mesh.edges.totals(), workloads)
        return Report(loop.time() - begun, tally.calls, made, rows, tally.surprises)

    while True:
        tally.add(await _unless_broken(platform, platform.round(made, asked.rate)))
        show(report())
        if stop.is_set() or (asked.seconds is not None and loop.time() - begun >= asked.seconds):
            break
    await platform.heard(lambda: report().equal)
    return report()


async def _unless_broken(platform: Platform, round: Coroutine[None, None, Made]) -> Made:
    """What the round comes to; raises what ended anything that it hangs on."""
    going = asyncio.ensure_future(round)
    try:
        await asyncio.wait((going, *platform.work), return_when=asyncio.FIRST_COMPLETED)
        for task in platform.work:
            if task.done():
                task.result()
        return await going
    finally:
        going.cancel()


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Set at SIGINT, SIGTERM and SIGHUP; who is told twice has no patience, and is interrupted."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    own = asyncio.current_task()
    assert own is not None

    def hear() -> None:
        if stop.is_set():
            own.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, hear)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """A folder of this user's alone, whose path is short enough for sockets in it."""
    if kept is not None:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(kept.iterdir()):
            raise MeshError(f"`{kept}` is not empty", "name a folder that is, or one that is not there")
        yield kept.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="licet-up-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
