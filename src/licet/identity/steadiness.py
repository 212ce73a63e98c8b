"""Whether the clock can be rotated by: what is rotated at a wrong time is not had back by a right one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from licet.identity.lifetimes import Lifetimes

_MOST = timedelta(hours=1)
_PART = 12


def uptime() -> float:
    """Seconds since the machine started, sleep included; nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Steadiness:
    """Compares the clock with one that nobody sets, and with the last thing that was recorded."""

    def __init__(
        self, clock: Callable[[], datetime], last: datetime | None, uptime: Callable[[], float] = uptime
    ) -> None:
        self._clock = clock
        self._uptime = uptime
        self._began = clock()
        self._began_up = uptime()
        self._away = self._began - last if last is not None else timedelta(0)

    def doubt(self) -> str:
        """Why nothing is to be rotated now; empty where all is well."""
        passed = timedelta(seconds=self._uptime() - self._began_up)
        drift = self._clock() - self._began - passed
        if abs(drift) > _MOST:
            way = "ahead" if drift > timedelta(0) else "back"
            return f"the clock was set {way} by {abs(drift) // timedelta(minutes=1)} min while this server ran"
        if -self._away > _MOST:
            return "the last record of the log is later than the clock"
        return ""

    def doubt_of_roots(self, lifetimes: Lifetimes) -> str:
        """Why no root is to be rotated by itself; what hangs on a root is replaced everywhere, and slowly."""
        if self._away > timedelta(seconds=lifetimes.root) / _PART:
            return f"nothing was recorded for {self._away.days} days before this server started"
        return ""
