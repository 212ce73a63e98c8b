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

from licet.identity import rpc
from licet.mesh.envoy import names
from licet.mesh.redirect import Redirect, ruleset
from licet.mesh.severing.connections import Connections
from licet.mesh.severing.severer import Severed, Severer
from licet.mesh.telemetry.access_log import AccessLogs, Caller, Entry
from tests.built import go_program
from tests.mesh.namespaces import Namespace, namespaces
from tests.mesh.proxy import Proxy, proxy
from tests.mesh.severing.callee import HTTP, NODE, TCP, Callee, identity, papers
from tests.mesh.severing.client import Client, client
from tests.nft import nft

GOOD, BAD = identity("good"), identity("bad")
_AGE = timedelta(hours=1)
_NEW_NETWORK = 0x40000000


class Scene(msgspec.Struct, frozen=True):
    """A callee that runs, what revokes, and where callers are."""

    callee: Callee
    severer: Severer
    connections: Connections
    told: list[Severed]
    program: Path
    at: Mapping[int, str]
    outside: Namespace | None

    async def revoke(self, *denied: str) -> None:
        """Have these identities revoked, by policy and by severing."""
        self.callee.permit(*{GOOD, BAD} - {*denied}, denied=denied)
        await self.severer.revoke(frozenset(denied))

    def caller(self, who: str) -> AbstractAsyncContextManager[Client]:
        """A program with this name's identity."""
        held = self.callee.papers
        command = [self.program, "call", "-http", self.at[HTTP], "-tcp", self.at[TCP]]
        command += ["-papers", held / f"{who}.pem", "-trusted", held / "trusted.pem"]
        return client(_in(self.outside, command))


@asynccontextmanager
async def scene(home: Path, *, redirected: bool = False) -> AsyncIterator[Scene]:
    """Skips the test where traffic cannot be redirected and is to be."""
    told: list[Severed] = []
    connections = Connections()
    severer = Severer(connections, told.append, _AGE)

    def hear(caller: Caller, _: str, entries: Sequence[Entry]) -> None:
        severer.hear(caller.node, entries)

    service = AccessLogs(lambda _: Caller("", frozenset({NODE})), [hear])
    server = rpc.server(())
    server.add_registered_method_handlers(service.SERVICE, service.methods)
    server.add_insecure_port(f"unix:{home / 'logs.sock'}")
    await server.start()
    try:
        with ExitStack() as held:
            program = go_program(Path(__file__).parent / "go", "severing")
            place, outside = held.enter_context(_pods()) if redirected else (None, None)
            programs = held.enter_context(_programs(program, place))
            issued = papers(home / "papers", "callee", "good", "bad")
            callee = Callee(home, issued, home / "logs.sock", programs, redirected)
            callee.permit(GOOD, BAD)
            running = await asyncio.to_thread(held.enter_context, _envoy(callee, place))
            severer.attach(NODE, running.process.pid)
            yield Scene(callee, severer, connections, told, program, _addresses(running, place), outside)
    finally:
        severer.close()
        await server.stop(0)


@contextmanager
def _pods() -> Iterator[tuple[Namespace, Namespace]]:
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
def _envoy(callee: Callee, place: Namespace | None) -> Iterator[Proxy]:
    """Started by a thread in the namespace, from where alone its administration is reached."""
    with ThreadPoolExecutor(1) as inside, ExitStack() as held:
        if place is not None:
            inside.submit(_enter, place.path).result()
        running = proxy(callee.home / "envoy", callee.bootstrap())
        started = inside.submit(running.__enter__).result()
        held.callback(lambda: inside.submit(running.__exit__, None, None, None).result())
        count = 1 if callee.redirected else 2
        inside.submit(started.until, lambda: sum(map(bool, started.ports().values())) == count or None).result()
        yield started


def _enter(path: str) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    with Path(path).open("rb") as namespace:
        if library.setns(namespace.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")


def _addresses(running: Proxy, place: Namespace | None) -> Mapping[int, str]:
    """Requests go over IPv4, plain connections over IPv6 where both are there."""
    if place is not None:
        return {HTTP: f"{place.ipv4}:{HTTP}", TCP: f"[{place.ipv6}]:{TCP}"}
    return {port: f"127.0.0.1:{running.ports()[names.inbound(port)]}" for port in (HTTP, TCP)}


def _in(place: Namespace | None, command: Sequence[object]) -> list[str]:
    return place.inside(command) if place else [str(each) for each in command]
