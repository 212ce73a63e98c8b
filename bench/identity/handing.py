"""The Workload API as workloads meet it: fetches, a thousand watchers after a rotation, and what each takes."""

from __future__ import annotations

import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.identity.children import Child, running
from bench.identity.estate import founded
from bench.result import Fetching, Rotating, Watching
from licet.app.identity import rotation
from licet.app.identity.place import Place
from licet.identity.authority import Kind, active
from licet.identity.domain import State

FEW = 100
"""Watchers that are there when memory is first looked at."""
_SETTLING = 0.75
"""Seconds in which a server has nothing to do, before its memory is looked at."""
_TIMES = 3
"""Changes of each kind, of which the slowest counts: how long one takes hangs on when the server looks next."""


@contextmanager
def licet(place: Place, identities: int) -> Iterator[tuple[Child, Child]]:
    """Licet's server, and callers of it."""
    with tempfile.TemporaryDirectory(prefix="licet-bench-") as folder:
        socket = Path(folder, "api.sock")
        arguments = "-m", "bench.identity.serving", str(place.data), str(socket), str(identities)
        with running(*arguments) as server, callers(socket) as clients:
            yield server, clients


@contextmanager
def plain(response: bytes) -> Iterator[tuple[Child, Child]]:
    """The bare server, and callers of it."""
    with tempfile.TemporaryDirectory(prefix="licet-bench-") as folder:
        socket = Path(folder, "api.sock")
        arguments = "-m", "bench.identity.plain", str(socket)
        with running(*arguments, said=response) as server, callers(socket) as clients:
            yield server, clients


@contextmanager
def callers(socket: Path) -> Iterator[Child]:
    """A process of workloads."""
    with running("-m", "bench.identity.callers", str(socket), until=b"") as clients:
        yield clients


def fetching(folder: Path, count: int) -> tuple[list[Fetching], bytes]:
    """Fetches on a kept connection and on new ones, Licet's beside the bare server's; and a response."""
    found: list[Fetching] = []
    response = b""
    with licet(founded(folder, 1), 1) as ours:
        for way, order, times in (
            ("one connection, kept", "kept", count),
            ("a new connection each", "anew", count // 2),
        ):
            wall, cpu, response = _fetched(ours, order, times)
            with plain(response) as bare:
                bare_wall, bare_cpu, _ = _fetched(bare, order, times)
            found.append(Fetching(way, times, wall, cpu, bare_wall, bare_cpu))
    return found, response


def _fetched(pair: tuple[Child, Child], order: str, count: int) -> tuple[float, float, bytes]:
    """Seconds of a fetch by the clock and of the server's processor time."""
    server, clients = pair
    clients.order(order, 64)
    before = server.cpu()
    answer = clients.order(order, count)
    done = int(answer["done"])
    return float(answer["wall"]) / done, (server.cpu() - before) / done, bytes.fromhex(answer["response"])


def watching(folder: Path, watchers: int, identities: int, response: bytes) -> tuple[list[Rotating], Watching]:
    """How long all of them wait after a change, and how much memory one takes, beside the bare server's."""
    with plain(response) as bare:
        least = _memory(bare, watchers)
        pushed = _rotated("anything", bare, lambda: _push(bare[0]))
    place = founded(folder, identities)
    with licet(place, identities) as ours:
        taken = Watching(watchers, identities, _memory(ours, watchers), least)
        rotations = [
            Rotating(what, watchers, identities, *_rotated(part, ours, change), bare=pushed[0], bare_cpu=pushed[2])
            for what, part, change in (
                ("every SVID issued again", "svid", lambda: _reissue(place)),
                ("another bundle", "bundle", lambda: _publish(place)),
            )
        ]
    return rotations, taken


def _memory(pair: tuple[Child, Child], watchers: int) -> float:
    """Bytes by which the server grew for each watcher beyond the first few."""
    server, clients = pair
    clients.order("open", FEW)
    time.sleep(_SETTLING)
    before = server.memory()
    clients.order("open", watchers - FEW)
    time.sleep(_SETTLING)
    return (server.memory() - before) / (watchers - FEW)


def _rotated(part: str, pair: tuple[Child, Child], change: Callable[[], float]) -> tuple[float, float, float]:
    """Seconds from the change to the last of the watchers and to the median one, and the server's processor time."""
    return max(_once(part, pair, change) for _ in range(_TIMES))


def _once(part: str, pair: tuple[Child, Child], change: Callable[[], float]) -> tuple[float, float, float]:
    server, clients = pair
    clients.order("expect", part)
    before = server.cpu()
    began = change()
    heard = [at - began for at in clients.order("wait")["at"]]
    return max(heard), statistics.median(heard), server.cpu() - before


def _push(server: Child) -> float:
    began = time.time()
    server.signal(signal.SIGUSR1)
    return began


def _reissue(place: Place) -> float:
    return _changed(rotation.rotate(place, Kind.INTERMEDIATE, force=True, reissue=True), Kind.INTERMEDIATE)


def _publish(place: Place) -> float:
    """The root in reserve signs from now on, and another takes its place in the bundle."""
    return _changed(rotation.rotate(place, Kind.ROOT, force=True, reissue=False), Kind.ROOT)


def _changed(state: State, kind: Kind) -> float:
    """When the transaction began that made the authority of this kind active."""
    signer = active(state.authorities, kind)
    assert signer is not None
    return signer.changed_at.timestamp()
