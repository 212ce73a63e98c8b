"""A thousand nodes come at once, and none misses a change."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from licet.mesh.resource import Kind, Snapshot
from licet.mesh.xds.limits import Limits
from tests.identity.workload.serving import until
from tests.mesh.xds.resources import other, simple
from tests.mesh.xds.serving import Shown, local, serving

MANY = 1000
MARKS = ["0", "1", "2", "3"]


def changed(mark: str) -> Snapshot:
    """A snapshot in which the policy alone is another."""
    same = {kind: tuple(found.values()) for kind, found in simple("same").resources.items()}
    return Snapshot.of({**same, Kind.EXTENSION: [other("policy", mark)]})


def test_a_thousand_nodes_that_come_at_once_see_every_change(tmp_path: Path) -> None:
    async def story() -> None:
        source = Shown(changed(MARKS[0]))
        limits = Limits(streams_for_caller=2 * MANY)
        words = ("-m", "tests.mesh.xds.crowd", str(tmp_path / "control.sock"), str(MANY), MARKS[-1])
        async with serving(source, local=local(tmp_path), limits=limits) as server:
            crowd = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
            try:
                for mark in MARKS:
                    source.show(changed(mark))
                    await until(lambda: crowd.returncode is not None or _all(source))
                said, _ = await crowd.communicate()
            finally:
                if crowd.returncode is None:
                    crowd.kill()
                    await crowd.wait()
            assert json.loads(said) == {f"node-{number}": MARKS for number in range(MANY)}
            await until(lambda: server.discovery.nodes == 0)
        assert sorted(source.gone) == sorted(f"node-{number}" for number in range(MANY))
        assert source.faults == []

    asyncio.run(story())


def _all(source: Shown) -> bool:
    wanted = source.snapshot
    assert wanted is not None
    # Nobody has asked for a secret.
    return len(source.acked) == MANY and all(
        acked.get(Kind.EXTENSION) == wanted.versions[Kind.EXTENSION] for acked in source.acked.values()
    )
