"""Licet's stages on one folder, timed one after the other in a process of their own.

`python -m bench.stages FOLDER` prints one JSON object: `seconds` and `peak` (bytes, the highest up to then) by
stage, and `counts`. The stages are those of `licet map`; `imports` stands for what the command loads first.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STAGES = ("imports", "fetch", "parse", "decode", "build", "answer", "json", "table")


class Clock:
    """Seconds and peak memory by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peak: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what stands in the block."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun
        self.peak[name] = _peak()


def _peak() -> int:
    """This process's highest resident size in bytes, without what its parent had before it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not say VmHWM")


def measure(folder: str) -> dict[str, object]:
    """Take the folder through every stage."""
    clock = Clock()
    with clock.stage("imports"):
        from licet.analysis.reach import reach
        from licet.cli.render import json as json_renderer
        from licet.cli.render import table as table_renderer
        from licet.cli.render.names import Names
        from licet.diag.render.paint import Paint
        from licet.manifest.decode import decode
        from licet.manifest.documents import read
        from licet.model.profiles import DEFAULT, PROFILES
        from licet.sources import fetch
    gc.disable()  # as the command does
    with clock.stage("fetch"):
        fetched = fetch([folder])
    with clock.stage("parse"):
        documents, spoiled = read(fetched.texts)
    with clock.stage("decode"):
        decoded = decode(documents)
    with clock.stage("build"):
        answer = reach(decoded.cluster, PROFILES[DEFAULT])
    with clock.stage("answer"):
        reached = answer.map()
    with clock.stage("json"):
        json_size = sum(len(text) for text in json_renderer.render(reached, []))
    with clock.stage("table"):
        lines = table_renderer.render(reached, Names(reached.endpoints), width=100, paint=Paint(False))
        table_size = sum(len(line) for line in lines)
    findings = Counter(d.code for d in (*fetched.diagnostics, *spoiled, *decoded.diagnostics))
    return {
        "seconds": clock.seconds,
        "peak": clock.peak,
        "counts": {
            "documents": len(documents),
            "workloads": len(decoded.cluster.workloads),
            "policies": len(decoded.cluster.network_policies) + len(decoded.cluster.cluster_policies),
            "endpoints": len(reached.endpoints),
            "edges": len(reached.edges),
            "undetermined": len(reached.undetermined),
            "pairs": sum(len(e.src) * len(e.dst) for e in reached.edges),
            "json bytes": json_size,
            "table bytes": table_size,
        },
        "findings": dict(sorted(findings.items())),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
