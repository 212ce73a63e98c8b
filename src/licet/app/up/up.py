"""`up`: a platform on this machine, its traffic, and whether what is seen is what was agreed."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from licet.app.identity import logs
from licet.app.identity.running import leave_no_core, open_files
from licet.app.mesh.declared import Declared
from licet.app.up.folder import folder
from licet.app.up.platform import Platform, Tell
from licet.app.up.told import Told
from licet.app.up.traffic import Asked, Report, Show, Traffic
from licet.contracts.contract import Mode
from licet.mesh.errors import MeshError
from licet.mesh.rollout import Step

TRUST_DOMAIN = "licet.local"
"""Where the Platform names none: what is up on one machine is nobody else's."""
_FILES, _FILES_EACH = 64, 20
"""Open files of the command itself, and for each workload."""


def up(asked: Asked, declared: Declared, tell: Tell, show: Show) -> Report:
    """Bring the platform up, have traffic on it until told to stop, and take it down; `show` hears of every second.

    Raises ChildError where it does not come up, or does not stay. A signal that comes before there is traffic ends the
    process as it ends any other, when nothing is left running.
    """
    _require_files(len(declared.intents.by_workload))
    leave_no_core()
    told = Told()
    try:
        return asyncio.run(_up(asked, declared, tell, show, told))
    except asyncio.CancelledError:
        signal.raise_signal(told.number)
        raise


async def _up(asked: Asked, declared: Declared, tell: Tell, show: Show, told: Told) -> Report:
    held = dict.fromkeys(asked.shadow, Step(Mode.SHADOW, reason="asked for"))
    with told.heard(), folder(asked.folder) as home, _logged(home / "licet.log"):
        async with Platform(declared, home, tell, held=held) as platform:
            tell("making the first calls")
            report = await Traffic(asked, platform).run(told, show)
            tell("ending what was started")
        return report
    raise AssertionError("no signal is swallowed")


@contextmanager
def _logged(file: Path) -> Iterator[None]:
    """What is told meanwhile goes to a file; what is told later, of what ends, to nobody."""
    with file.open("w") as log:
        logs.configure("text", log)
        try:
            yield
        finally:
            logging.getLogger().handlers = [logging.NullHandler()]


def _require_files(workloads: int) -> None:
    open_files()
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < (needed := _FILES + _FILES_EACH * workloads):
        raise MeshError(
            f"{workloads} workloads take {needed} open files, and this user may have {most}",
            "raise the limit (`ulimit -Hn`), or bring up less",
        )
