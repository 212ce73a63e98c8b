"""A control plane in a process of its own: `python -m bench.mesh.serving FOLDER SOCKET|- MANY`, an order a line.

Control, composer and server are the product's, put together as it does. `attended` is answered once so many sidecars
hold everything, `amid` in the midst of that. `change N` and `common N` have one contract changed so many times, and
`revoke N` an identity denied, or admitted again, whose own sidecar is not there; each time ends with the last
acknowledgement. `lag` says how late the loop was at worst since it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.mesh import fleet
from bench.mesh.crowd import LOOPBACK
from licet.app.identity.place import now
from licet.app.identity.running import open_files
from licet.identity import certificate, pem
from licet.identity.attest.attestor import Attestor
from licet.identity.attest.unix import Unix
from licet.identity.node import tls
from licet.mesh.assembly import Known
from licet.mesh.composition import Composer
from licet.mesh.control import Control
from licet.mesh.resource import Kind
from licet.mesh.xds.limits import Limits
from licet.mesh.xds.server import ControlServer, Local, Remote
from tests.identity.workload.sources import Authority

_LOOK = 0.002
_PATIENCE = 120.0


class Noting(Control):
    """A control that notes when it last heard that something is held."""

    last = 0.0

    def acknowledged(self, id: str, kind: Kind, version: str) -> None:
        """As `Control` has it."""
        super().acknowledged(id, kind, version)
        self.last = time.perf_counter()


class Plane:
    """What orders are about."""

    def __init__(self, known: Known, guest: str) -> None:
        self._guest = frozenset({guest})
        self.control = Noting(known, Composer())
        self._late = 0.0

    async def tick(self) -> None:
        """Note how late the loop is."""
        while True:
            at = time.perf_counter()
            await asyncio.sleep(_LOOK)
            self._late = max(self._late, time.perf_counter() - at - _LOOK)

    async def lag(self, _: int) -> dict[str, object]:
        """How late it was."""
        late, self._late = self._late, 0.0
        return {"late": late}

    async def attended(self, many: int) -> dict[str, object]:
        """Wait until so many hold everything."""
        await self._until(lambda: len(self.control.attended) >= many and self._held())
        return {"attended": len(self.control.attended), "cpu": time.process_time()}

    async def amid(self, many: int) -> dict[str, object]:
        """Deny an identity once so many were told something; how long until each of those holds what follows."""
        attended = self.control.attended
        await self._until(lambda: sum(each.told is not None for each in attended.values()) >= many)
        told = [each for each in attended.values() if each.told is not None]
        began = time.perf_counter()
        self.control.learn(msgspec.structs.replace(self.control.known, denied=self._guest))
        number = self.control._number
        await self._until(lambda: all(each.number >= number and each.holds(Kind.EXTENSION) for each in told))
        return {"seconds": time.perf_counter() - began}

    async def change(self, times: int) -> dict[str, object]:
        """One contract after the other."""
        many = len(self.control.known.intents)
        return await self._told(fleet.changed(self.control.known, 1 + n * 7 % (many - 1)) for n in range(times))

    async def common(self, times: int) -> dict[str, object]:
        """The contract of the workload that all others call, again and again."""
        return await self._told(fleet.changed(self.control.known, fleet.EVERYBODYS) for _ in range(times))

    async def revoke(self, times: int) -> dict[str, object]:
        """An identity that is denied, and then not any more."""
        denied = (frozenset() if self._guest <= self.control.known.denied else self._guest for _ in range(times))
        return await self._told(msgspec.structs.replace(self.control.known, denied=each) for each in denied)

    async def _told(self, changes: object) -> dict[str, object]:
        seconds, reached, cpu = [], [], []
        for known in changes:  # type: ignore[attr-defined]
            before = {id: each.told for id, each in self.control.attended.items()}
            began, used = time.perf_counter(), time.process_time()
            self.control.learn(known)
            await self._until(self._held)
            seconds.append(self.control.last - began)
            cpu.append(time.process_time() - used)
            reached.append(sum(each.told is not before.get(id) for id, each in self.control.attended.items()))
        return {"seconds": seconds, "reached": reached, "cpu": cpu}

    def _held(self) -> bool:
        number = self.control._number
        return all(
            each.number == number and all(each.holds(kind) for kind in Kind) for each in self.control.attended.values()
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not condition():
                await asyncio.sleep(_LOOK)


async def serve(folder: Path, socket: str, many: int) -> None:
    """Serve until standard input ends; says `ready` and the port."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    open_files()
    remote = socket == "-"
    plane = Plane(fleet.known(many + 1, at=LOOPBACK if remote else ""), fleet.identity(many))
    identities = frozenset(fleet.identity(n) for n in range(many))
    material = _material(folder, many) if remote else None
    attest = Attestor([Unix()]).attest
    async with ControlServer(
        plane.control,
        clock=now,
        local=None if remote else Local(Path(socket), attest, lambda _: identities),
        remote=Remote(f"{LOOPBACK}:0", lambda: material) if material is not None else None,
        limits=Limits(streams_for_caller=4 * many),
    ) as server:
        ticking = asyncio.ensure_future(plane.tick())
        print(json.dumps({"port": server.port}), flush=True)
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := (await orders.readline()).split():
            do: Callable[[int], Awaitable[dict[str, object]]] = getattr(plane, line[0].decode())
            print(json.dumps(await do(int(line[1]))), flush=True)
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking


def _material(folder: Path, many: int) -> tls.Material:
    """The server's own certificate; those of sidecars are written to the folder."""
    authority = Authority(fleet.DOMAIN)
    roots = authority.bundle().x509
    (folder / "roots").write_text(pem.certificates(roots))
    for number in range(many):
        svid = authority.svid(fleet.path(number))
        (folder / f"{number}.pem").write_text(pem.certificates(svid.chain))
        (folder / f"{number}.key").write_text(pem.private_key(svid.key))
    key = ec.generate_private_key(ec.SECP256R1())
    found = authority.svid("/licet/mesh")
    leaf = certificate.leaf(
        authority.domain.member("/licet/mesh"),
        key.public_key(),
        authority.certificate,
        authority.key,
        found.not_before,
        found.not_after,
        certificate.new_serial(),
        ("control.bench",),
    )
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    der = (leaf.public_bytes(Encoding.DER),)
    return tls.Material(der, private, roots)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
