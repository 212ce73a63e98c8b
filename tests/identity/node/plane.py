"""A trust domain in memory, with real keys and certificates, and servers and agents of it over real TLS on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from licet.identity import certificate, keys, request
from licet.identity.bundle import Bundle
from licet.identity.entry import SERVER_NAME, Entry
from licet.identity.errors import RefusedError
from licet.identity.node.authority import Admission
from licet.identity.node.bootstrap import Given, Trust
from licet.identity.node.credentials import Credentials
from licet.identity.node.join import Door, JoinProof, Proof
from licet.identity.node.remote import Remote
from licet.identity.node.server import NodeServer
from licet.identity.node.tls import AGENT_PATH, SERVER_PATH, Material
from licet.identity.node.upstream import Ask, Delivery, Issued, NodeState, Refusal, Upstream, Witness
from licet.identity.spiffeid import SpiffeID, TrustDomain

DOMAIN = TrustDomain("example.org")
WITNESS = Witness(4711, 1000, 1000, ("unix:uid:1000",))
_ALLOWED = frozenset({keys.KeyKind.EC_P256})


def now() -> datetime:
    return datetime.now(UTC)


def der(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.DER)


class Authorities:
    """A root and an intermediate under it."""

    def __init__(self, domain: TrustDomain = DOMAIN) -> None:
        begin, end = now() - timedelta(hours=1), now() + timedelta(days=1)
        root_key, self._key = (keys.generate(keys.KeyKind.EC_P256) for _ in range(2))
        root = certificate.root(domain, root_key, begin, end)
        public = keys.supported(self._key.public_key())
        self._upper = certificate.intermediate(domain, public, root, root_key, begin, end)
        self.root = der(root)
        self.pin = keys.pin(keys.supported(root.public_key()))
        self.issuer = keys.pin(public)

    def sign(
        self, spiffe_id: SpiffeID, public_key: keys.PublicKey, seconds: float, dns: Sequence[str] = ()
    ) -> tuple[bytes, ...]:
        """A chain for this key, which ends so many seconds from now."""
        begin = now() - timedelta(seconds=60)
        end = now() + timedelta(seconds=seconds)
        leaf = certificate.leaf(
            spiffe_id, public_key, self._upper, self._key, begin, end, certificate.new_serial(), dns
        )
        return der(leaf), der(self._upper)

    def material(
        self, spiffe_id: SpiffeID, roots: tuple[bytes, ...], seconds: float = 3600, dns: Sequence[str] = ()
    ) -> Material:
        """A key and a certificate of anybody's."""
        key = keys.generate(keys.KeyKind.EC_P256)
        chain = self.sign(spiffe_id, keys.supported(key.public_key()), seconds, dns)
        return Material(chain, keys.write_private(key), roots)


class Domain:
    """A `NodeAuthority` in memory."""

    def __init__(self, trust_domain: TrustDomain = DOMAIN) -> None:
        self.trust_domain = trust_domain
        self.authorities = Authorities(trust_domain)
        self.lifetime = 3600.0
        self.tokens = {"once": "one"}
        self.used: set[str] = set()
        self.banned: set[SpiffeID] = set()
        self.serials: dict[SpiffeID, list[str]] = {}
        self.state = NodeState(
            1, (), Bundle(trust_domain, (self.authorities.root,), (), 1), {}, frozenset(), frozenset()
        )
        self._changed = asyncio.Event()
        self.minted: list[Ask] = []
        self.applied: list[int] = []
        self.deliveries: list[Delivery] = []
        self.server = self.server_material()

    def server_material(self) -> Material:
        """A certificate of the server's, by the authorities of now."""
        name = self.trust_domain.member(SERVER_PATH)
        return self.authorities.material(name, self.state.own.x509, dns=(SERVER_NAME,))

    def change(self, **changes: object) -> None:
        """Bring about the next version."""
        self.state = msgspec.structs.replace(self.state, version=self.state.version + 1, **changes)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def believe(self, *roots: bytes) -> None:
        """Publish a bundle of these roots."""
        own = self.state.own
        self.change(own=Bundle(self.trust_domain, roots, (), own.sequence + 1))

    async def bundle(self) -> Bundle:
        """The bundle of now."""
        return self.state.own

    async def attest_join(self, token: str, request: bytes) -> Admission:
        """Each token holds once."""
        if token not in self.tokens:
            raise RefusedError("the join token is unknown or expired", "ask for a new one")
        if token in self.used:
            raise RefusedError("the join token was used before", "ask for a new one")
        self.used.add(token)
        return self._admit(self.trust_domain.member(AGENT_PATH + self.tokens[token]), request)

    async def attest_kubernetes(self, token: str, request: bytes) -> Admission:
        """One token is good."""
        if token != "projected":
            raise RefusedError("the token is not accepted", "look at its audience")
        return self._admit(self.trust_domain.member(AGENT_PATH + "k8s"), request)

    async def admit(self, agent: SpiffeID, serial: str) -> None:
        """Its last two certificates are."""
        if agent in self.banned:
            raise RefusedError(f"`{agent}` is banned", "permit it")
        if serial not in self.serials.get(agent, ())[-2:]:
            raise RefusedError(f"`{agent}` shows a certificate that was replaced", "another has joined as it")

    async def renew(self, agent: SpiffeID, request: bytes) -> Admission:
        """Nobody is refused that was admitted."""
        return self._admit(agent, request)

    def upstream(self, agent: SpiffeID) -> Upstream:
        """The same for all agents."""
        return _Upstream(self, agent)

    def _admit(self, agent: SpiffeID, csr: bytes) -> Admission:
        wanted = request.read(csr, _ALLOWED)
        chain = self.authorities.sign(agent, wanted.public_key, self.lifetime)
        self.remember(agent, chain)
        return Admission(chain, self.state.own)

    def remember(self, agent: SpiffeID, chain: tuple[bytes, ...]) -> None:
        """Take this for the agent's newest certificate."""
        serial = x509.load_der_x509_certificate(chain[0]).serial_number
        self.serials.setdefault(agent, []).append(f"{serial:x}")

    async def follow(self) -> AsyncGenerator[NodeState, None]:
        """The state now and whenever it changes."""
        while True:
            changed = self._changed
            yield self.state
            await changed.wait()


class _Upstream:
    def __init__(self, domain: Domain, agent: SpiffeID) -> None:
        self._domain = domain
        self._agent = agent

    async def mint(self, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        self._domain.minted += asks
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> Issued | Refusal:
        if ask.entry == "later":
            return Refusal("not now", later=True)
        if ask.entry == "crash":
            raise ZeroDivisionError("secret words")
        wanted = request.read(ask.request, _ALLOWED)
        return Issued(self._domain.authorities.sign(self._domain.trust_domain.member("/web"), wanted.public_key, 60))

    async def mint_token(self, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        if entry != "web":
            raise RefusedError(f"`{entry}` is no entry", "register one")
        return f"token for {audience[0]} and {witness.pid}"

    def states(self) -> AsyncGenerator[NodeState, None]:
        return self._domain.follow()

    async def applied(self, version: int) -> None:
        self._domain.applied.append(version)

    async def report(self, deliveries: Sequence[Delivery]) -> None:
        self._domain.deliveries += deliveries


def ask(entry: str = "web") -> Ask:
    """A request that is answered."""
    key = keys.generate(keys.KeyKind.EC_P256)
    return Ask(entry, request.make(key, DOMAIN.member("/web")), WITNESS)


def entries(count: int) -> tuple[Entry, ...]:
    """So many that differ."""
    return tuple(
        Entry(id=f"e{n:05}", spiffe_id=DOMAIN.member(f"/shop/w{n}"), selectors=(f"unix:uid:{n}",)) for n in range(count)
    )


@asynccontextmanager
async def serving(domain: Domain, listen: int = 0) -> AsyncIterator[tuple[str, str]]:
    """A server of this domain: the addresses of its two ports."""
    server = NodeServer(domain, lambda: domain.server, now)
    node, join = await server.start(f"127.0.0.1:{listen}", "127.0.0.1:0")
    try:
        yield f"127.0.0.1:{node}", f"127.0.0.1:{join}"
    finally:
        await server.stop(1)


async def attested(
    domain: Domain, join: str, home: Path, proof: Proof | None = None, trust: Trust | None = None
) -> Credentials:
    """An agent that has joined."""
    door = Door([join], trust or Given((domain.authorities.root,)), proof or JoinProof("once"))
    made = Credentials(home, domain.trust_domain, door, now, Random(7))
    await made.start()
    return made


def remote(credentials: Credentials, *addresses: str, domain: TrustDomain = DOMAIN) -> Remote:
    return Remote(addresses, domain, credentials, Random(7))
