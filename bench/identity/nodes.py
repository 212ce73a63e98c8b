"""Issuing across the network: the server as it is, in a process of its own, and an agent over mutual TLS."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from datetime import timedelta
from pathlib import Path
from random import Random

from bench.identity.children import Child, running
from bench.identity.estate import DOMAIN, founded
from bench.identity.issuing import BATCHES, asks
from licet.app.identity import agents, domain
from licet.app.identity.place import Place, now
from licet.app.identity.serving import Ports, Serving, serve
from licet.identity.node.bootstrap import Given
from licet.identity.node.credentials import Credentials
from licet.identity.node.join import Door, JoinProof
from licet.identity.node.remote import Remote
from licet.identity.node.upstream import Issued

_PORTS = re.compile(rb"agents at port (\d+), joining at port (\d+)")


def measure(folder: Path, count: int) -> tuple[int, float, float]:
    """How many were issued in the largest batches, and the seconds of each, by the clock and of the server's time."""
    size = max(BATCHES)
    place = founded(folder / "server", size)
    with running("-m", "bench.identity.nodes", str(place.data), until=b"") as server:
        found = _PORTS.search(server.line())
        assert found is not None, "the server says where it listens"
        listen, join = (f"127.0.0.1:{int(port)}" for port in found.groups())
        return asyncio.run(_asked(place, server, listen, join, max(1, count // size)))


async def _asked(place: Place, server: Child, listen: str, join: str, batches: int) -> tuple[int, float, float]:
    _, token = agents.token(place, "bench", timedelta(minutes=5))
    door = Door([join], Given(domain.stored(place).bundle.x509), JoinProof(token))
    credentials = Credentials(place.data.parent / "agent", DOMAIN, door, now, Random(7))
    await credentials.start()
    remote, wanted = Remote([listen], DOMAIN, credentials, Random(7)), asks(max(BATCHES))
    try:
        await remote.mint(wanted)
        cpu, wall = server.cpu(), time.perf_counter()
        for _ in range(batches):
            answers = await remote.mint(wanted)
            if not all(isinstance(answer, Issued) for answer in answers):
                raise RuntimeError(f"not issued: {answers}")
        issued = batches * len(wanted)
        return issued, (time.perf_counter() - wall) / issued, (server.cpu() - cpu) / issued
    finally:
        await remote.close()


def main() -> None:
    """Serve the domain in a folder on two ports of loopback, until told to stop."""
    serving = Serving(place=Place(Path(sys.argv[1])), ports=Ports("127.0.0.1:0", "127.0.0.1:0"))
    asyncio.run(serve(serving, lambda what: print(what, flush=True)))


if __name__ == "__main__":
    main()
