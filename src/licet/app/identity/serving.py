"""`identity serve`: a server and a node in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import socket
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

import msgspec
import structlog

from licet.app.identity.domain import Domain, opened
from licet.app.identity.federating import BundleEndpoint, follow
from licet.app.identity.node import Cluster, sockets
from licet.app.identity.place import Place, now
from licet.app.identity.running import begin, leave_no_core, open_files, until_told
from licet.app.identity.watching import Watching
from licet.audit.log import head
from licet.identity.address import host_and_port, not_listened, written
from licet.identity.attest.token_review import Reviewer
from licet.identity.issuer import Issuer
from licet.identity.node.agent import Agent
from licet.identity.node.roster import EMBEDDED
from licet.identity.node.server import NodeServer
from licet.identity.server import Server
from licet.identity.server_svid import ServerSvid
from licet.identity.steadiness import Steadiness
from licet.identity.watch import subject
from licet.identity.workload.limits import Limits
from licet.store.moment import moment

_log = structlog.get_logger("licet.identity")

_EMBEDDED = "/licet/agent/embedded"
_GRACE = 2.0


class Ports(msgspec.Struct, frozen=True):
    """Where agents are served: those with a certificate, and those that come for their first; `host:port`."""

    listen: str
    join: str


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What `identity serve` was asked for."""

    place: Place
    socket: Path | None = None
    ports: Ports | None = None
    endpoint: BundleEndpoint | None = None
    web_roots: Path | None = None
    cluster: Cluster | None = None
    cluster_name: str = ""
    agents: tuple[str, ...] = ()
    """Service accounts of agents, as `namespace:name`."""
    limits: Limits = Limits()
    watching: Watching | None = None


async def serve(serving: Serving, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` hears of each thing that is served once it is."""
    open_files()
    leave_no_core()
    with opened(serving.place) as domain:
        async with contextlib.AsyncExitStack() as stack:
            await until_told(await _start(serving, domain, stack, ready))
    _log.info("stopped")


async def _start(
    serving: Serving, domain: Domain, stack: contextlib.AsyncExitStack, ready: Callable[[str], None]
) -> list[asyncio.Task[None]]:
    issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
    api = serving.cluster.api() if serving.cluster is not None else None
    if api is not None:
        stack.push_async_callback(api.close)
    reviewer = Reviewer(api, serving.cluster_name, serving.agents) if api is not None and serving.agents else None
    server = Server(issuer, domain.ledger, domain.keyring, now, reviewer, _steadiness(domain))
    await server.catch_up()
    work = [begin(stack, server.run(), "server"), begin(stack, follow(domain, server, serving.web_roots), "federation")]
    port, agent, front = None, None, None
    if serving.ports is not None or serving.endpoint is not None:
        svid = ServerSvid(issuer, now, SystemRandom())
        await asyncio.to_thread(svid.renew)
        work.append(begin(stack, svid.run(), "certificate"))
        port = await _publish(serving, server, svid, stack, ready)
    if serving.socket is not None:
        name = server.trust_domain.member(f"{_EMBEDDED}/{_host(serving.place)}")
        await server.register(name, EMBEDDED)
        agent = Agent(server.upstream(name), server.state.settings.key_kind, now, SystemRandom())
        work.append(begin(stack, agent.run(), "node"))
        node = serving.cluster.node if serving.cluster is not None else ""
        front = (await stack.enter_async_context(sockets(serving.socket, agent, api, node, serving.limits))).front
        ready(f"workloads at {serving.socket}")
    if serving.watching is not None:
        watched = subject.Serving(server, issuer, domain.ledger, domain.database, port)
        await serving.watching.begin(subject.Subject(now, watched, agent, front), stack, ready)
    return work


async def _publish(
    serving: Serving, server: Server, svid: ServerSvid, stack: contextlib.AsyncExitStack, ready: Callable[[str], None]
) -> NodeServer | None:
    """Open the ports to agents and to other trust domains; what serves agents, where they are served."""
    nodes = None
    if serving.ports is not None:
        host_and_port(serving.ports.listen, listening=True)
        host_and_port(serving.ports.join, listening=True)
        nodes = NodeServer(server, svid.material, now)
        listen, join = await nodes.start(serving.ports.listen, serving.ports.join)
        stack.push_async_callback(nodes.stop, _GRACE)
        ready(f"agents at port {listen}, joining at port {join}")
    if serving.endpoint is not None:
        endpoint = serving.endpoint.over(server, svid)
        try:
            port = await endpoint.start(serving.endpoint.host, serving.endpoint.port)
        except OSError:
            raise not_listened(written(serving.endpoint.host, serving.endpoint.port)) from None
        stack.push_async_callback(endpoint.stop)
        ready(f"the bundle at port {port}")
    return nodes


def _host(place: Place) -> str:
    """A name that is the same after a restart and another for every server, so that each counts as a node."""
    host = re.sub(r"[^a-zA-Z0-9-]", "-", socket.gethostname())[:64] or "host"
    return f"{host}-{hashlib.sha256(bytes(place.data.resolve())).hexdigest()[:8]}"


def _steadiness(domain: Domain) -> Steadiness:
    with domain.database.read() as connection:
        last = head(connection)
    return Steadiness(now, moment(last.at) if last is not None else None)
