"""`up`: a platform on this machine, its traffic, and whether what is seen is what was agreed."""

from __future__ import annotations

import asyncio
import signal

from licet.app.identity import logs
from licet.app.identity.running import leave_no_core, open_files
from licet.app.mesh.declared import Declared
from licet.app.up.folder import folder
from licet.app.up.platform import Platform, Tell
from licet.app.up.told import Told
from licet.app.up.traffic import Asked, Report, Show, Traffic
from licet.contracts.contract import Mode
from licet.mesh.rollout import Step

TRUST_DOMAIN = "licet.local"
"""Where the Platform names none: what is up on one machine is nobody else's."""


def up(asked: Asked, declared: Declared, tell: Tell, show: Show) -> Report:
    """Bring the platform up, have traffic on it until told to stop, and take it down; `show` hears of every second.

    Raises ChildError where it does not come up, or does not stay. A signal that comes before there is traffic ends the
    process as it ends any other, when nothing is left running.
    """
    open_files()
    leave_no_core()
    told = Told()
    try:
        return asyncio.run(_up(asked, declared, tell, show, told))
    except asyncio.CancelledError:
        signal.raise_signal(told.number)
        raise


async def _up(asked: Asked, declared: Declared, tell: Tell, show: Show, told: Told) -> Report:
    held = dict.fromkeys(asked.shadow, Step(Mode.SHADOW, reason="asked for"))
    with told.heard(), folder(asked.folder) as home, (home / "licet.log").open("w") as log:
        logs.configure("text", log)
        async with Platform(declared, home, tell, held=held) as platform:
            tell("making the first calls")
            report = await Traffic(asked, platform).run(told, show)
            tell("ending what was started")
        return report
    raise AssertionError("no signal is swallowed")
