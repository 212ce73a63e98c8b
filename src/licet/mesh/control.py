"""Which sidecar is told what: the fleet as it is known now, composed for each that is connected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address

import msgspec
import structlog

from licet.diag.diagnostic import Diagnostic
from licet.mesh.assembly import Known, assemble
from licet.mesh.envoy.node import read
from licet.mesh.errors import SidecarError
from licet.mesh.fleet import Fleet
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Instance, Sidecar
from licet.mesh.xds.source import Caller, Node

_PATIENCE = 2.0
"""Seconds that a sidecar which has just come waits for the others to know it."""

log = structlog.get_logger("licet.mesh")


class Attended(msgspec.Struct):
    """A sidecar that is connected: what it was told, as of which number of the fleet, and what it said it holds."""

    sidecar: Sidecar
    caller: Caller
    told: Snapshot | None = None
    number: int = -1
    held: dict[Kind, str] = {}

    def holds(self, kind: Kind) -> bool:
        """Whether it has acknowledged what it was last told of this kind."""
        return self.told is not None and self.held.get(kind) == self.told.versions[kind]


class Control:
    """The `Source` that sidecars are served from.

    `compose` makes a snapshot, which is of equal version for equal content; `joined` hears of every sidecar that has
    come and may be served. Everything runs on one event loop.
    """

    def __init__(
        self,
        known: Known,
        compose: Callable[[Fleet, Sidecar], Snapshot],
        joined: Callable[[Sidecar, Caller], None] = lambda *_: None,
    ) -> None:
        self._known = known
        self._compose = compose
        self._joined = joined
        self._number = 0
        self._changed = asyncio.Event()
        self._progress = asyncio.Event()
        self.fleet = assemble(known)
        self.attended: dict[str, Attended] = {}
        self.faults: dict[tuple[str, Kind], Diagnostic] = {}
        """What sidecars would not take, until they take something newer."""

    @property
    def known(self) -> Known:
        """What the fleet follows from now."""
        return self._known

    def learn(self, known: Known) -> None:
        """Tell every sidecar what follows from this."""
        if known == self._known:
            return
        self._known = known
        self.fleet = assemble(known)
        self._number += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def snapshots(self, node: Node, caller: Caller) -> AsyncGenerator[Snapshot, None]:
        """What this node is told, at once and whenever it changes; raises SidecarError for one that may not be.

        Before it is told anything the others are told of it: they believe its identity from its address alone.
        """
        sidecar = self._read(node, caller)
        with self._attend(sidecar, caller) as attended:
            self._joined(sidecar, caller)
            await self._introduced(attended)
            while True:
                changed, number = self._changed, self._number
                self._require(sidecar)
                snapshot = self._compose(self.fleet, sidecar)
                attended.number = number
                if attended.told is None or attended.told.version != snapshot.version:
                    attended.told = snapshot
                    yield snapshot
                self._move()
                await changed.wait()

    def acknowledged(self, id: str, kind: Kind, version: str) -> None:
        """A sidecar holds this version of everything of a kind."""
        if (attended := self.attended.get(id)) is not None:
            attended.held[kind] = version
            self.faults.pop((id, kind), None)
            self._move()

    def refused(self, id: str, kind: Kind, version: str, finding: Diagnostic) -> None:
        """A sidecar does not take this version of what it was told; what it held before stays."""
        attended = self.attended.get(id)
        if attended is not None and attended.told is not None and attended.told.versions[kind] == version:
            self.faults[id, kind] = finding

    def moved(self) -> asyncio.Task[bool]:
        """Done when a sidecar has come, gone or acknowledged something after this was called."""
        return asyncio.ensure_future(self._progress.wait())

    def left(self, id: str) -> None:
        """A sidecar's last stream has ended, which its generator was closed for already."""

    async def settled(self, seconds: float) -> bool:
        """Whether every sidecar holds what follows from all that is known now; one waits for it that long at most."""
        number = self._number
        return await self._until(lambda: all(_follows(each, number) for each in self.attended.values()), seconds)

    def _read(self, node: Node, caller: Caller) -> Sidecar:
        """The sidecar that a node says it is, as far as its caller has proved that."""
        said = read(node, "")
        intent = self.fleet.intents.get(said.workload)
        proved = intent is not None and intent.identity in caller.identities
        shown = intent.identity if intent is not None and proved else ", ".join(sorted(caller.identities))
        sidecar = msgspec.structs.replace(said, identity=shown)
        self._require(sidecar)
        if caller.address and ip_address(caller.address) != ip_address(sidecar.address):
            raise SidecarError(
                f"`{sidecar.id}` says that it is at {sidecar.address} and calls from {caller.address}",
                "its `address` is the pod's own",
            )
        return sidecar

    def _require(self, sidecar: Sidecar) -> None:
        """Raise SidecarError for a sidecar that says it is what it has not proved to be."""
        intent = self.fleet.intents.get(sidecar.workload)
        if intent is None:
            raise SidecarError(f"no contract binds `{sidecar.workload}`", "write one, or take its sidecar away")
        if sidecar.identity != intent.identity:
            raise SidecarError(
                f"`{sidecar.identity}` is not the identity of `{sidecar.workload}`", f"that is `{intent.identity}`"
            )
        if not sidecar.id.startswith(f"{sidecar.workload}/"):
            raise SidecarError(f"`{sidecar.id}` is no instance of `{sidecar.workload}`", "its id begins with that")

    @contextmanager
    def _attend(self, sidecar: Sidecar, caller: Caller) -> Iterator[Attended]:
        attended = Attended(sidecar, caller, held={})
        self.attended[sidecar.id] = attended
        self.learn(msgspec.structs.replace(self._known, instances=_with(self._known.instances, sidecar)))
        try:
            yield attended
        finally:
            # One that came back before it was missed has another stream by now.
            if self.attended.get(sidecar.id) is attended:
                del self.attended[sidecar.id]
                for kind in Kind:
                    self.faults.pop((sidecar.id, kind), None)
                self._move()

    async def _introduced(self, new: Attended) -> None:
        number = self._number

        def known_to_all() -> bool:
            others = (each for each in self.attended.values() if each is not new and each.told is not None)
            return all(_follows(each, number) for each in others)

        if not await self._until(known_to_all, _PATIENCE):
            log.warning("a sidecar is served before all others know it", node=new.sidecar.id)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._progress.wait()
        except TimeoutError:
            return False
        return True

    def _move(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()


def _follows(attended: Attended, number: int) -> bool:
    """Whether it holds the policies and listeners as of this number of the fleet."""
    return attended.number >= number and attended.holds(Kind.EXTENSION)


def _with(known: Mapping[str, tuple[Instance, ...]], sidecar: Sidecar) -> Mapping[str, tuple[Instance, ...]]:
    """The instances with this one, whose address may be another than before."""
    workload, new = str(sidecar.workload), Instance(sidecar.id, sidecar.address)
    others = (each for each in known.get(workload, ()) if each.id != new.id)
    return {**known, workload: tuple(sorted((*others, new)))}
