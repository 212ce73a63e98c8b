"""Licet's own server and node in a process of their own: `python -m bench.identity.serving`.

What `licet identity serve` puts together, but for one thing: attested as ever, each connection also shows a selector
that tells it from the others, so that as many workloads as there are connections can be played by one process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import socket
from pathlib import Path
from random import Random

import msgspec

from bench.identity.estate import selector
from licet.app.identity.domain import opened
from licet.app.identity.place import Place, now
from licet.app.identity.running import begin, open_files, until_told
from licet.identity.attest.attestor import Attestor
from licet.identity.attest.unix import Unix
from licet.identity.issuer import Issuer
from licet.identity.node.agent import Agent
from licet.identity.server import Server
from licet.identity.workload.front import Attest
from licet.identity.workload.limits import Limits
from licet.identity.workload.server import WorkloadServer
from licet.identity.workload.source import Peer

_NAME = "/licet/agent/embedded"


def numbered(identities: int) -> Attest:
    """Attests as Licet does and adds the selector of one of so many workloads, by turns."""
    attest = Attestor([Unix()]).attest
    turns = itertools.count()

    async def number(sock: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
        mine = selector(next(turns) % identities)
        peer, gone = await attest(sock)
        return msgspec.structs.replace(peer, selectors=peer.selectors | {mine}), gone

    return number


async def serve(place: Place, path: Path, identities: int) -> None:
    """Serve until SIGTERM; says `ready` on standard output."""
    open_files()
    with opened(place) as domain:
        async with contextlib.AsyncExitStack() as stack:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
            server = Server(issuer, domain.ledger, domain.keyring, now)
            name = server.trust_domain.member(_NAME)
            await server.register(name, "embedded")
            agent = Agent(server.upstream(name), server.state.settings.key_kind, now, Random(7))
            work = [begin(stack, server.run(), "server"), begin(stack, agent.run(), "node")]
            await stack.enter_async_context(WorkloadServer(path, agent, numbered(identities), Limits()))
            print("ready", flush=True)
            await until_told(work)


def main() -> None:
    """Serve the domain in a folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity.serving", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("socket", type=Path)
    parser.add_argument("identities", type=int)
    given = parser.parse_args()
    asyncio.run(serve(Place(given.folder), given.socket, given.identities))


if __name__ == "__main__":
    main()
