"""`identity serve`: a server and a node in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import SystemRandom

import msgspec
import structlog

from licet.app.identity.domain import Domain, opened
from licet.app.identity.node import Cluster, sockets
from licet.app.identity.place import Place, now
from licet.identity.attest.token_review import Reviewer
from licet.identity.issuer import Issuer
from licet.identity.node.agent import Agent
from licet.identity.server import Server
from licet.identity.workload.limits import Limits

_log = structlog.get_logger("licet.identity")

EMBEDDED = "/licet/agent/embedded"


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What `identity serve` was asked for."""

    place: Place
    socket: Path | None = None
    cluster: Cluster | None = None
    cluster_name: str = ""
    agents: tuple[str, ...] = ()
    """Service accounts of agents, as `namespace:name`."""
    limits: Limits = Limits()


async def serve(serving: Serving, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once workloads are answered."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    with opened(serving.place) as domain:
        async with contextlib.AsyncExitStack() as stack:
            work = await _start(serving, domain, stack)
            ready(str(serving.socket or ""))
            waiting = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait({*work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            for task in done - {waiting}:
                task.result()
    _log.info("stopped")


async def _start(serving: Serving, domain: Domain, stack: contextlib.AsyncExitStack) -> list[asyncio.Task[None]]:
    issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
    api = serving.cluster.api() if serving.cluster is not None else None
    if api is not None:
        stack.push_async_callback(api.close)
    reviewer = Reviewer(api, serving.cluster_name, serving.agents) if api is not None and serving.agents else None
    server = Server(issuer, domain.ledger, domain.keyring, now, reviewer)
    work = [_task(stack, server.run(), "server")]
    if serving.socket is not None:
        name = server.trust_domain.member(EMBEDDED)
        await server.register(name, "embedded")
        agent = Agent(server.upstream(name), server.state.settings.key_kind, now, SystemRandom())
        work.append(_task(stack, agent.run(), "node"))
        node = serving.cluster.node if serving.cluster is not None else ""
        await stack.enter_async_context(sockets(serving.socket, agent, api, node, serving.limits))
    return work


def _task(stack: contextlib.AsyncExitStack, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    stack.push_async_callback(_ended, task)
    return task


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
