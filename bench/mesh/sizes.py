"""What Envoy allocates for those that may call the program behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.mesh.result import Sizing
from bench.mesh.served import Variant, before
from licet.mesh.intent import Speaks

_CALLERS = (1, 100, 1_000, 5_000)


def measure(home: Path) -> Iterator[Sizing]:
    """One port, with more and more callers."""
    for speaks in Speaks:
        for callers in _CALLERS:
            with before(home / f"{speaks.value}-{callers}", [Variant("it", callers)], speaks) as running:
                yield Sizing(speaks.value, callers, running.memory())
