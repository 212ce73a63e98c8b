"""A callee that runs, on loopback or behind redirect rules, with what logs, revokes and calls."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]

from licet.mesh.redirect import Redirect, ruleset
from licet.mesh.severing.connections import Connections
from licet.mesh.severing.severer import Severed, Severer
from licet.mesh.sidecar import Capture
from licet.mesh.telemetry.access_log import Entry
from tests.built import go_program
from tests.mesh.envoy.served import free_port
from tests.mesh.namespaces import Namespace, namespaces
from tests.mesh.plane import Plane
from tests.mesh.proxy import Proxy, proxy
from tests.mesh.severing.callee import HTTP, NODE, TCP, Callee, Papers, Reporting, identity
from tests.mesh.severing.client import Client, client
from tests.nft import nft

GOOD, BAD = CALLERS = identity("good"), identity("bad")
_AGE = timedelta(hours=1)
_NEW_NETWORK = 0x40000000


class Scene(msgspec.Struct, frozen=True):
    """A callee that runs, what revokes, and where callers are."""

    callee: Callee
    papers: Papers
    severer: Severer
    told: list[Severed]
    program: Path
    outside: Namespace | None

    async def revoke(self, *denied: str) -> None:
        """Have these identities revoked, by policy and by severing, whichever comes first."""
        policy = asyncio.to_thread(self.callee.permit, CALLERS, denied)
        await asyncio.gather(policy, self.severer.revoke(frozenset(denied)))

    def caller(self, who: str) -> AbstractAsyncContextManager[Client]:
        """A program with this name's identity."""
        at, held = self.callee.sidecar.address, self.papers.home
        command = [self.program, "call", "-http", f"{at}:{self.callee.http}", "-tcp", f"{at}:{self.callee.tcp}"]
        command += ["-papers", held / f"{who}.pem", "-trusted", held / "trusted.pem"]
        return client(_in(self.outside, command))


@asynccontextmanager
async def scene(home: Path, *, redirected: bool = False) -> AsyncIterator[Scene]:
    """Skips the test where traffic cannot be redirected and is to be."""
    told: list[Severed] = []
    severer = Severer(Connections(), told.append, _AGE)
    loop = asyncio.get_running_loop()

    def hear(entries: Sequence[Entry]) -> None:
        loop.call_soon_threadsafe(severer.hear, NODE, entries)

    with ExitStack() as held:
        held.callback(severer.close)
        program = go_program(Path(__file__).parent / "go", "severing")
        place, outside = held.enter_context(pods()) if redirected else (None, None)
        programs = held.enter_context(_programs(program, place))
        papers = Papers.of(home / "papers", "good", "bad")
        plane = held.enter_context(Reporting(home / "plane.sock", papers.view(), hear).serving())
        callee = _callee(plane, programs, place)
        running = await asyncio.to_thread(held.enter_context, envoy(home, callee.bootstrap(), place))
        await asyncio.to_thread(callee.permit, CALLERS)
        severer.attach(NODE, running.process.pid)
        yield Scene(callee, papers, severer, told, program, outside)


def _callee(plane: Plane, programs: Mapping[str, str], place: Namespace | None) -> Callee:
    http, tcp = (HTTP, TCP) if place else (free_port(), free_port())
    capture, address = (Capture.REDIRECTED, place.ipv4) if place else (Capture.EXPLICIT, "127.0.0.1")
    return Callee.of(plane, {http: programs["http"], tcp: programs["tcp"]}, address, capture)


@contextmanager
def pods() -> Iterator[tuple[Namespace, Namespace]]:
    """The callee's, which has the rules, and one beside it."""
    with namespaces("callee", "callers") as both:
        both["callee"].run([nft(), "-f", "-"], input=ruleset(Redirect(uid=os.geteuid())))
        yield both["callee"], both["callers"]


@contextmanager
def _programs(program: Path, place: Namespace | None) -> Iterator[Mapping[str, str]]:
    command = _in(place, [program, "serve"])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline(), type=dict[str, str])
        finally:
            process.kill()


@contextmanager
def envoy(home: Path, bootstrap: Bootstrap, place: Namespace | None) -> Iterator[Proxy]:
    """Started by a thread in the namespace, from where alone its administration is reached."""
    with ThreadPoolExecutor(1) as inside, ExitStack() as held:
        if place is not None:
            inside.submit(_enter, place.path).result()
        running = proxy(home / "envoy", bootstrap, wait=False)
        started = inside.submit(running.__enter__).result()
        held.callback(lambda: inside.submit(running.__exit__, None, None, None).result())
        yield started


def _enter(path: str) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    with Path(path).open("rb") as namespace:
        if library.setns(namespace.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")


def _in(place: Namespace | None, command: Sequence[object]) -> list[str]:
    return place.inside(command) if place else [str(each) for each in command]
