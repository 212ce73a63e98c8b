"""Every pair of workloads, probed through real Envoys: what is seen is what the contracts and the engine say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from tests.mesh.platforms.campaign import Found, probe_drawn, probe_example


def test_the_example_platform_lets_through_exactly_what_is_agreed(tmp_path: Path) -> None:
    found = Found()
    asyncio.run(probe_example(found, tmp_path / "up", Random(1), print))
    assert found.differences == []
    assert (found.workloads, found.probes > 1_000) == (10, True)


def test_random_platforms_let_through_exactly_what_is_agreed(tmp_path: Path) -> None:
    """Two sets of workloads, each under two sets of contracts, the second of which comes while they run."""
    found = Found()
    for name in ("1-67", "1-82"):
        asyncio.run(probe_drawn(found, name, 2, tmp_path / name, print))
    assert found.differences == []
    answered = {what.partition(" ")[0] for what, times in found.by.items() if what.endswith(": answered") and times}
    assert answered == {"HTTP/1.1", "HTTP/2", "gRPC", "TCP"}
    assert {*found.beyond} >= {"observed", "shadowed", "by SPIFFE ID", "by labels", "shared account"}
