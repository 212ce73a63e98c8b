"""Changes that connected sidecars are told of, and sidecars that come all at once."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence

from bench.identity.children import Child, running
from bench.mesh.result import Arriving, Pushing

USUAL = 200
LOCAL, REMOTE = "unix socket", "mutual TLS"
_CHANGES = (
    ("one contract, ten callers", "change"),
    ("one contract, all call it", "common"),
    ("an identity revoked or not", "revoke"),
)
_SETTLING = 0.75


def measure(way: str, many: int, times: int) -> Iterator[Arriving | Pushing]:
    """So many sidecars, which come at once, and so many changes of each kind."""
    with tempfile.TemporaryDirectory(prefix="licet-bench-") as folder:
        socket = "-" if way == REMOTE else f"{folder}/control.sock"
        with running("-m", "bench.mesh.serving", folder, socket, str(many), until=b"") as server:
            port = int(json.loads(server.line())["port"])
            target = str(port) if way == REMOTE else socket
            with running("-m", "bench.mesh.crowd", target, folder, until=b"") as crowd:
                yield _arrived(way, many, server, crowd)
                for change, order in _CHANGES:
                    yield _pushed(change, way, many, server.order(order, times))


def _arrived(way: str, many: int, server: Child, crowd: Child) -> Arriving:
    server.order("lag", 0)
    memory, cpu, began = server.memory(), server.cpu(), time.perf_counter()
    coming = threading.Thread(target=crowd.order, args=("open", many))
    coming.start()
    revoked = float(server.order("amid", many // 2)["seconds"])
    coming.join()
    server.order("attended", many)
    seconds, cpu = time.perf_counter() - began, server.cpu() - cpu
    late = float(server.order("lag", 0)["late"])
    time.sleep(_SETTLING)
    return Arriving(way, many, seconds, cpu, late, revoked, (server.memory() - memory) / many)


def _pushed(change: str, way: str, many: int, answer: dict[str, Sequence[float]]) -> Pushing:
    seconds = sorted(answer["seconds"])
    return Pushing(
        change,
        way,
        many,
        round(statistics.median(answer["reached"])),
        len(seconds),
        statistics.median(seconds),
        seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))],
        seconds[-1],
        statistics.median(answer["cpu"]),
    )
