"""Federation of a running server: the endpoint that others fetch from, and fetching from others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from licet.app.identity.domain import Domain
from licet.app.identity.place import now
from licet.audit.ledger import Change
from licet.identity import registry
from licet.identity.bundle import Bundle
from licet.identity.domain import Foreign
from licet.identity.errors import IdentityError
from licet.identity.federation import tls
from licet.identity.federation.endpoint import Endpoint
from licet.identity.federation.poll import Callbacks, Poller
from licet.identity.federation.relationship import Profile, Relationship
from licet.identity.server import Server
from licet.identity.server_svid import ServerSvid
from licet.identity.spiffeid import TrustDomain, parse


class BundleEndpoint(msgspec.Struct, frozen=True):
    """Where the own bundle is published: with files of a web certificate by `https_web`, else by `https_spiffe`."""

    host: str
    port: int
    path: str = "/"
    certificate: Path | None = None
    key: Path | None = None

    def over(self, server: Server, svid: ServerSvid) -> Endpoint:
        """The endpoint over a server."""
        if (self.certificate is None) != (self.key is None):
            raise IdentityError("a web certificate has two files", "give both the certificate and its key, or neither")
        if self.certificate is None or self.key is None:
            contexts: tls.Contexts = svid.context
        else:
            contexts = tls.CertificateFiles(self.certificate, self.key)
        return Endpoint(lambda: server.state.bundle, contexts, self.path)


async def follow(domain: Domain, server: Server, web_roots: Path | None) -> None:
    """Fetch the bundles of every trust domain that is federated with and not distrusted, until cancelled."""
    poller = Poller(callbacks(domain, server), web_roots)
    try:
        while True:
            poller.follow(relationship(each) for each in server.state.foreign if each.url and not each.distrusted)
            await server.changed()
    finally:
        await poller.stop()


def relationship(foreign: Foreign) -> Relationship:
    """How its bundle is fetched."""
    endpoint = parse(foreign.endpoint_id) if foreign.endpoint_id else None
    return Relationship(foreign.trust_domain, Profile(foreign.profile), foreign.url, endpoint)


def callbacks(domain: Domain, server: Server) -> Callbacks:
    """What fetching asks of the stored state."""

    async def write(do: Callable[[Change], None]) -> None:
        await asyncio.wrap_future(domain.ledger.change(domain.integrity.guarded(do)))

    async def store(bundle: Bundle) -> None:
        await write(lambda change: registry.fetched(change, bundle, now()))

    async def failed(relationship: Relationship, message: str) -> None:
        await write(lambda change: registry.failed(change, relationship.trust_domain, message))

    def bundle_of(trust_domain: TrustDomain) -> Bundle | None:
        state = server.state
        return state.bundle if trust_domain == state.trust_domain else state.federated.get(trust_domain)

    return Callbacks(bundle_of, store, failed)
