"""`mesh serve`: a control plane over the domain of a data folder, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from licet.app.identity.domain import Domain, opened, stored
from licet.app.identity.node import Cluster, plugins
from licet.app.identity.place import Place, now
from licet.app.identity.running import begin, leave_no_core, open_files, until_told
from licet.app.identity.watching import Watching
from licet.app.load import Setting
from licet.app.mesh.answering import Answering
from licet.app.mesh.declared import Declared, follow, read
from licet.app.mesh.health import Health
from licet.app.mesh.running import Mesh, Wanted
from licet.identity.address import host_and_port
from licet.identity.attest.attestor import Attestor
from licet.identity.issuer import Issuer
from licet.identity.workload.limits import Limits
from licet.identity.workload.source import Peer
from licet.mesh.errors import MeshError
from licet.mesh.fleet import Settings
from licet.mesh.xds.server import Local

_LOCAL = Limits(bytes_for_uid=32 << 20, burst=64 << 20)
"""Sidecars of one user tell of every request: what the limit of a workload is for would hold their logs back."""

log = structlog.get_logger("licet.mesh")


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What `mesh serve` was asked for; `decisions` is a path or `host:port`, empty for none."""

    place: Place
    paths: Sequence[str]
    setting: Setting
    socket: Path | None = None
    listen: str = ""
    server: str = ""
    settings: Settings = Settings()
    gateways: frozenset[str] = frozenset()
    decisions: str = ""
    cluster: Cluster | None = None
    rollback: bool = True
    watching: Watching | None = None


def declared(serving: Serving) -> Declared:
    """What is to be served, in the trust domain of the place."""
    return read(serving.paths, serving.setting, str(stored(serving.place).trust_domain))


async def serve(serving: Serving, first: Declared, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` hears of each thing that is served once it is."""
    open_files()
    leave_no_core()
    with opened(serving.place) as domain:
        async with contextlib.AsyncExitStack() as stack:
            await until_told(await _start(serving, first, domain, stack, ready))
    log.info("stopped")


async def _start(
    serving: Serving, first: Declared, domain: Domain, stack: contextlib.AsyncExitStack, ready: Callable[[str], None]
) -> list[asyncio.Task[None]]:
    issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
    if first.trust_domain != str(issuer.state.trust_domain):
        raise MeshError("the trust domain has been founded anew meanwhile", "start again")
    api = serving.cluster.api() if serving.cluster is not None else None
    if api is not None:
        stack.push_async_callback(api.close)
    attestor = Attestor(plugins(api, serving.cluster.node if serving.cluster is not None else ""))

    def local(path: Path) -> Callable[[Callable[[Peer], frozenset[str]]], Local]:
        return lambda identities: Local(path, attestor.attest, identities, _LOCAL)

    if serving.listen:
        host_and_port(serving.listen, listening=True)
    wanted = Wanted(
        server=serving.server or _server(serving),
        local=local(serving.socket) if serving.socket is not None else None,
        listen=serving.listen,
        settings=serving.settings,
        gateways=serving.gateways,
        rollback=serving.rollback,
    )
    mesh = Mesh(domain, issuer, first, wanted)
    work = await mesh.start(stack)
    work.append(begin(stack, follow(serving.paths, serving.setting, first, mesh.apply), "contracts"))
    if serving.socket is not None:
        ready(f"sidecars at {serving.socket}")
    if serving.listen:
        ready(f"sidecars at port {mesh.server.port}, as {mesh.svid.spiffe_id}")
    if serving.decisions:
        answering = Answering(mesh.deciding.point, issuer, mesh.identities, attestor.attest)
        ready(f"decisions at {await answering.start(serving.decisions, stack)}")
    if serving.watching is not None:
        health = Health(mesh, domain.ledger)
        await serving.watching.over(health, stack, ready)
    return work


def _server(serving: Serving) -> str:
    """A name that is the same after a restart, and another for every control plane of one database."""
    where = f"{serving.place.data.resolve()}\0{serving.socket or ''}\0{serving.listen}"
    host = re.sub(r"[^a-zA-Z0-9-]", "-", socket.gethostname())[:64] or "host"
    return f"{host}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"
