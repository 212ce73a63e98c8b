"""How long it takes until all sidecars hold what is new, as a histogram."""

from __future__ import annotations

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Settling:
    """Seconds from a change until the last sidecar acknowledged it; changes that overlap are measured as one."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._since: float | None = None
        self.total = 0.0

    def begin(self, now: float) -> None:
        """Something is new; while what was new before is not settled, the time runs on."""
        if self._since is None:
            self._since = now

    def end(self, now: float) -> None:
        """Everybody holds everything."""
        if self._since is None:
            return
        seconds, self._since = now - self._since, None
        self.total += seconds
        at = next((number for number, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
        self._counts[at] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Bounds and how many took that long at most, in the form of Prometheus."""
        names = [*map(str, _BOUNDS), "+Inf"]
        return [(name, float(sum(self._counts[: number + 1]))) for number, name in enumerate(names)]
