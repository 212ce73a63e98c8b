"""However sidecars come, go and answer: nobody is led to one that would refuse it, or that is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.mesh import control as room
from licet.mesh.assembly import Known
from licet.mesh.control import Control
from licet.mesh.envoy.node import write
from licet.mesh.fleet import Fleet
from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.sidecar import Sidecar
from licet.mesh.xds.source import Caller
from tests.mesh.test_control import intent, key, sidecar

NAMES = ("cart", "stock", "till")
ACTS = st.tuples(
    st.sampled_from(["join", "join", "answer", "answer", "leave"]), st.sampled_from(NAMES), st.integers(1, 2)
)


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_TOGETHER", 0.0)
        patch.setattr(room, "_EACH", 0.0)
        patch.setattr(room, "_PATIENCE", 60.0)
        yield


def compose(fleet: Fleet, of: Sidecar) -> Snapshot:
    """The addresses that it believes callers from, and those that it calls."""
    believed = sorted(address for found in fleet.bound.values() for address in found)
    called = sorted(each.address for held in fleet.instances.values() for each in held)
    return Snapshot.of(
        {
            Kind.EXTENSION: [Resource(each, each, b"") for each in believed],
            Kind.ENDPOINTS: [Resource(each, each, b"") for each in called],
            Kind.LISTENER: [Resource(of.id, of.id, b"")],
        }
    )


class Mesh:
    """A control plane and what comes to it; whatever is told is checked when it is told."""

    def __init__(self) -> None:
        self.control = Control(Known("shop.example", "", {key(name): intent(name) for name in NAMES}), compose)
        self.there: dict[str, Visitor] = {}
        self.ever: set[str] = set()
        """The addresses of those that have held their policies and listeners."""

    async def act(self, act: tuple[str, str, int]) -> None:
        """Have this done, and what follows at once from it."""
        what, name, number = act
        id = f"{key(name)}/{number}"
        if what == "join" and id not in self.there:
            address = f"10.0.{NAMES.index(name)}.{number}"
            self.there[id] = Visitor(self, sidecar(name, number, address=address))
        elif what == "leave" and id in self.there:
            await self.there.pop(id).leave()
        elif what == "answer" and id in self.there:
            self.there[id].answer()
        for _ in range(number * 6):
            await asyncio.sleep(0)


class Visitor:
    """A sidecar that is connected. `held` is what it has acknowledged."""

    def __init__(self, mesh: Mesh, own: Sidecar) -> None:
        self.mesh, self.own = mesh, own
        self.told: Snapshot | None = None
        self.held: Snapshot | None = None
        self.wrong: list[str] = []
        self.task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        caller = Caller(frozenset({self.own.identity}), address=self.own.address)
        async for snapshot in self.mesh.control.snapshots(write(self.own), caller):
            if self.told is None:
                self.wrong += [
                    f"{self.own.id} is served before {each.own.id} believes it"
                    for each in self.mesh.there.values()
                    # Who holds nothing yet is not called by anybody, and is told of all who came before.
                    if each.held is not None and self.own.address not in _names(each.held, Kind.EXTENSION)
                ]
            self.wrong += [
                f"{self.own.id} is led to {each}" for each in _names(snapshot, Kind.ENDPOINTS) - self.mesh.ever
            ]
            self.told = snapshot

    def answer(self) -> None:
        """Take everything that was told."""
        if self.told is None:
            return
        self.held = self.told
        self.mesh.ever.add(self.own.address)
        for kind in (Kind.LISTENER, Kind.EXTENSION, Kind.ENDPOINTS):
            self.mesh.control.acknowledged(self.own.id, kind, self.told.versions[kind])

    async def leave(self) -> None:
        """End the stream."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert not self.wrong


def _names(snapshot: Snapshot | None, kind: Kind) -> set[str]:
    return set(snapshot.resources[kind]) if snapshot is not None else set()


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, min_size=10, max_size=40))
def test_nobody_is_told_too_early_and_in_the_end_everybody_is_told_all(acts: list[tuple[str, str, int]]) -> None:
    async def run() -> None:
        mesh = Mesh()
        for act in acts:
            await mesh.act(act)
        async with asyncio.timeout(60):
            while not all(each.told is not None and _settled(mesh, each) for each in mesh.there.values()):
                for each in mesh.there.values():
                    each.answer()
                await asyncio.sleep(0)
        for each in tuple(mesh.there.values()):
            await each.leave()

    asyncio.run(run())


def _settled(mesh: Mesh, visitor: Visitor) -> bool:
    addresses = {each.own.address for each in mesh.there.values()}
    return addresses <= _names(visitor.held, Kind.ENDPOINTS)
