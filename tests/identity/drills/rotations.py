"""Rotations one after another under steady traffic."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from licet.app.identity import rotation
from licet.identity.authority import Kind
from tests.clients.programs import Program
from tests.clients.traffic import Exchange, Failure, RefusedError, Running, Update, call, traffic, watch
from tests.identity.drills.plane import Plane

KINDS = (None, Kind.INTERMEDIATE, Kind.ROOT, Kind.JWT)
"""What is rotated in turn, as `licet identity rotate` does it; then every SVID is replaced, so that it is used."""


class Rotated(msgspec.Struct, frozen=True):
    """Traffic by its name, and for each rotation what it was and after how many seconds all watchers had new SVIDs."""

    traffic: Mapping[str, Exchange]
    steps: tuple[tuple[str, float], ...]

    @property
    def requests(self) -> int:
        """Requests, each counted by its client."""
        return sum(each.client.requests for each in self.traffic.values())

    @property
    def failed(self) -> dict[str, Mapping[str, tuple[Failure, ...]]]:
        """Requests that failed, by the traffic that they were of."""
        return {name: each.failed for name, each in self.traffic.items() if each.failed}

    @property
    def slowest(self) -> float:
        """Seconds of the slowest request."""
        return max(each.client.slowest for each in self.traffic.values())


def rotate(plane: Plane, go: Program, rust: Program, count: int, *, rate: float = 20) -> Rotated:
    """So many rotations, while a client of each kind and a server of the other do mutual TLS with pinned identities."""
    ids = plane.enlist({"go": go, "rust": rust})
    sides = {"go to rust": ((go, ids["go"]), (rust, ids["rust"])), "rust to go": ((rust, ids["rust"]), (go, ids["go"]))}
    steps = []
    with plane.serving(), ExitStack() as stack:
        pairs = {
            name: stack.enter_context(traffic(client, server, plane.socket, rate=rate))
            for name, (client, server) in sides.items()
        }
        watchers = [stack.enter_context(watch(program, plane.socket)) for program in (go, rust)]
        held = [watcher.line(Update).serial for watcher in watchers]
        for kind in itertools.islice(itertools.cycle(KINDS), count):
            began = time.monotonic()
            if kind is not None:
                rotation.rotate(plane.place, kind, force=True, reissue=False)
            rotation.rotate(plane.place, Kind.INTERMEDIATE, force=False, reissue=True)
            held = [replaced(watcher, old) for watcher, old in zip(watchers, held, strict=True)]
            steps.append(("svids" if kind is None else kind.value, round(time.monotonic() - began, 2)))
        for (client, server), pair in zip(sides.values(), pairs.values(), strict=True):
            answered(client[0], plane.socket, pair.server.address, server[1])
        return Rotated({name: pair.end() for name, pair in pairs.items()}, tuple(steps))


def answered(client: Program, socket: Path, address: str, peer: str) -> None:
    """Have ten requests answered, during which traffic beside them goes on."""
    with call(client, socket, address, peer, "--count", "10") as calling:
        assert calling.wait().failures == ()


def again(watching: Running, code: str) -> Update:
    """The next update of a client that is answered with this status for now, and asks again."""
    while True:
        try:
            return watching.line(Update)
        except RefusedError as refused:
            if refused.code != code:
                raise


def replaced(watcher: Running, old: str) -> str:
    """Wait until a watching client holds another SVID; its serial."""
    while (serial := watcher.line(Update).serial) == old:
        pass
    return serial
