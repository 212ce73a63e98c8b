"""Which sidecar is told what: the fleet as it is known now, composed for each that is connected."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

import msgspec
import structlog

from licet.diag.diagnostic import Diagnostic
from licet.mesh import claims
from licet.mesh.assembly import Known, assemble
from licet.mesh.envoy.node import read
from licet.mesh.errors import SidecarError
from licet.mesh.fleet import Fleet
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.settling import Settling
from licet.mesh.sidecar import Instance, Sidecar
from licet.mesh.xds.source import Caller, Node

_PATIENCE = 2.0
"""Seconds that a sidecar which has just come waits for the others to know it."""
_TOGETHER = 0.005
"""Seconds within which arrivals, and acknowledgements, are taken as one."""
_EACH = 0.0002
"""The same for each sidecar that is connected: all are looked at for every arrival that is told of alone."""
_SEEN = (Kind.LISTENER, Kind.EXTENSION)
"""What a sidecar has to hold before others are told to call it."""
_ALL = sys.maxsize

log = structlog.get_logger("licet.mesh")


class Attended(msgspec.Struct):
    """A sidecar that is connected: what it was told, as of which number of the fleet, and what it said it holds.

    `reached` is the newest number of the fleet of which it held the policies.
    """

    sidecar: Sidecar
    caller: Caller
    told: Snapshot | None = None
    number: int = -1
    reached: int = -1
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
        self._telling: asyncio.TimerHandle | None = None
        self._moving: asyncio.TimerHandle | None = None
        self._lowest = -1
        self._fleet = (known, assemble(known))
        self.attended: dict[str, Attended] = {}
        self.faults: dict[tuple[str, Kind], Diagnostic] = {}
        """What sidecars would not take, until they take something newer."""
        self.pushes = 0
        """Snapshots that sidecars were told."""
        self.nacks = 0
        """How often one did not take something."""
        self.settling = Settling()

    @property
    def known(self) -> Known:
        """What the fleet follows from now."""
        return self._known

    @property
    def fleet(self) -> Fleet:
        """The fleet as it is known now."""
        if self._fleet[0] is not self._known:
            self._fleet = (self._known, assemble(self._known))
        return self._fleet[1]

    def learn(self, known: Known) -> None:
        """Tell every sidecar what follows from this."""
        if self._take(known):
            self._tell()

    def _take(self, known: Known) -> bool:
        if known == self._known:
            return False
        self._known = known
        self._number += 1
        self.settling.begin(asyncio.get_running_loop().time())
        self._move()
        return True

    def _learn_soon(self, known: Known) -> None:
        """The same for what comes in numbers: that of a moment is told at once."""
        if self._take(known) and self._telling is None:
            pause = max(_TOGETHER, _EACH * len(self.attended))
            self._telling = asyncio.get_running_loop().call_later(pause, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
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
                    self.pushes += 1
                    yield snapshot
                self._reach(attended)
                await changed.wait()

    def acknowledged(self, id: str, kind: Kind, version: str) -> None:
        """A sidecar holds this version of everything of a kind."""
        if (attended := self.attended.get(id)) is not None:
            attended.held[kind] = version
            self.faults.pop((id, kind), None)
            self._reach(attended)

    def refused(self, id: str, kind: Kind, version: str, finding: Diagnostic) -> None:
        """A sidecar does not take this version of what it was told; what it held before stays."""
        self.nacks += 1
        attended = self.attended.get(id)
        if attended is not None and attended.told is not None and attended.told.versions[kind] == version:
            self.faults[id, kind] = finding

    def moved(self) -> asyncio.Task[bool]:
        """Done soon after a sidecar has come, gone or acknowledged something after this was called."""
        return asyncio.ensure_future(self._progress.wait())

    def nodes(self, caller: Caller) -> frozenset[str]:
        """The node ids that a caller may speak for: of its identities, and not connected from elsewhere."""
        return frozenset(
            each.id
            for key, intent in self._known.intents.items()
            if intent.identity in caller.identities
            for each in self._known.instances.get(str(key), ())
            if (held := self.attended.get(each.id)) is None
            or (held.caller.address, held.caller.pid) == (caller.address, caller.pid)
        )

    def left(self, id: str) -> None:
        """A sidecar's last stream has ended, which its generator was closed for already."""

    async def settled(self, seconds: float) -> bool:
        """Whether every sidecar holds what follows from all that is known now; one waits for it that long at most."""
        number = self._number
        return await self._until(lambda: all(each.reached >= number for each in self.attended.values()), seconds)

    def _read(self, node: Node, caller: Caller) -> Sidecar:
        """The sidecar that a node says it is, as far as its caller has proved that."""
        said = read(node, "")
        intent = self.fleet.intents.get(said.workload)
        proved = intent is not None and intent.identity in caller.identities
        shown = intent.identity if intent is not None and proved else ", ".join(sorted(caller.identities))
        sidecar = msgspec.structs.replace(said, identity=shown)
        self._require(sidecar)
        claims.require_there(sidecar, caller)
        claims.require_free(sidecar, (each.sidecar for each in self.attended.values()), self.fleet.intents)
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
        if sidecar.identity in self.fleet.denied:
            raise SidecarError(f"`{sidecar.identity}` is revoked", "give the workload an identity that is not")
        if not sidecar.id.startswith(f"{sidecar.workload}/"):
            raise SidecarError(f"`{sidecar.id}` is no instance of `{sidecar.workload}`", "its id begins with that")

    @contextmanager
    def _attend(self, sidecar: Sidecar, caller: Caller) -> Iterator[Attended]:
        attended = Attended(sidecar, caller, held={})
        self.attended[sidecar.id] = attended
        self._learn_soon(_with(self._known, sidecar))
        try:
            yield attended
        finally:
            # One that came back before it was missed has another stream by now.
            if self.attended.get(sidecar.id) is attended:
                del self.attended[sidecar.id]
                for kind in Kind:
                    self.faults.pop((sidecar.id, kind), None)
                self._move()

    def _reach(self, attended: Attended) -> None:
        if attended.holds(Kind.EXTENSION):
            attended.reached = attended.number
        id = attended.sidecar.id
        if id in self._known.coming and all(map(attended.holds, _SEEN)):
            self._learn_soon(msgspec.structs.replace(self._known, coming=self._known.coming - {id}))
        self._move()

    async def _introduced(self, new: Attended) -> None:
        """Wait until whoever is served holds the policies that let a new one in."""
        number = self._number
        if not await self._until(lambda: self._lowest >= number, _PATIENCE):
            log.warning("a sidecar is served before all others know it", node=new.sidecar.id)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                self._move()
                while True:
                    await self._progress.wait()
                    if condition():
                        return True
        except TimeoutError:
            return False

    def _move(self) -> None:
        if self._moving is None:
            self._moving = asyncio.get_running_loop().call_later(_TOGETHER, self._moved)

    def _moved(self) -> None:
        """Look once for all who wait: there may be as many of them as there are sidecars."""
        self._moving = None
        self._lowest = min((each.reached for each in self.attended.values() if each.told is not None), default=_ALL)
        if all(each.reached >= self._number for each in self.attended.values()):
            self.settling.end(asyncio.get_running_loop().time())
        self._progress.set()
        self._progress = asyncio.Event()


def _with(known: Known, sidecar: Sidecar) -> Known:
    """The same with this sidecar; one that was not known at its address is to come, until it holds its policies."""
    workload, new = str(sidecar.workload), Instance(sidecar.id, sidecar.address)
    there = known.instances.get(workload, ())
    if new in there:
        return known
    instances = tuple(sorted((*(each for each in there if each.id != new.id), new)))
    return msgspec.structs.replace(
        known, instances={**known.instances, workload: instances}, coming=known.coming | {new.id}
    )
