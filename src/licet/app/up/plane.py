"""Identities for a platform on one machine: a trust domain of its own, and the node that its workloads ask."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from random import SystemRandom

import msgspec

from licet.app.identity.domain import Domain, found, opened
from licet.app.identity.place import Place, administrator, now
from licet.app.identity.registration import entry_id
from licet.app.identity.running import begin
from licet.app.up.attest import Kin, selector
from licet.audit.ledger import Change
from licet.identity import registry
from licet.identity.attest.attestor import Attestor
from licet.identity.domain import Settings
from licet.identity.entry import Entry
from licet.identity.issuer import Issuer
from licet.identity.node.agent import Agent
from licet.identity.node.roster import EMBEDDED
from licet.identity.server import Server
from licet.identity.spiffeid import TrustDomain, parse
from licet.identity.workload.limits import Limits
from licet.identity.workload.server import WorkloadServer
from licet.mesh.intent import Intent

_NODE = "/licet/agent/embedded/up"


class Plane(msgspec.Struct, frozen=True):
    """What the rest of a platform needs of its identities; `socket` is the node's."""

    domain: Domain
    issuer: Issuer
    attestor: Attestor
    socket: Path


@asynccontextmanager
async def plane(folder: Path, trust_domain: TrustDomain, intents: Collection[Intent], kin: Kin) -> AsyncIterator[Plane]:
    """Found a trust domain in an empty folder, and serve each workload its identity until the block is left."""
    place = Place(folder / "identity")
    found(place, trust_domain, Settings(), passphrase=False)
    with opened(place) as domain:
        _enlist(domain, intents)
        async with contextlib.AsyncExitStack() as stack:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            server = Server(issuer, domain.ledger, domain.keyring, now)
            await server.catch_up()
            begin(stack, server.run(), "identities")
            name = trust_domain.member(_NODE)
            await server.register(name, EMBEDDED)
            agent = Agent(server.upstream(name), server.state.settings.key_kind, now, SystemRandom())
            begin(stack, agent.run(), "node")
            attestor = Attestor([kin])
            socket = folder / "node.sock"
            await stack.enter_async_context(WorkloadServer(socket, agent, attestor.attest, Limits()))
            yield Plane(domain, issuer, attestor, socket)


def _enlist(domain: Domain, intents: Collection[Intent]) -> None:
    """Register each workload under the identity that contracts know it by, for the processes started for it alone."""
    state = domain.state()

    def write(change: Change) -> None:
        for intent in intents:
            entry = Entry(id="", spiffe_id=parse(intent.identity), selectors=(selector(intent.key),))
            named = msgspec.structs.replace(entry, id=entry_id(entry))
            registry.add_entry(change, state.trust_domain, state.settings.lifetimes, named, administrator())

    domain.change(write)
