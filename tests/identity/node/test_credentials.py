"""What an agent takes for its own certificate: nothing that is another's, by whoever it is handed out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from licet.identity import keys, request
from licet.identity.bundle import Bundle
from licet.identity.errors import RefusedError
from licet.identity.node import papers
from licet.identity.node.authority import Admission
from licet.identity.node.credentials import Credentials
from licet.identity.node.tls import Material
from licet.identity.spiffeid import TrustDomain, parse
from tests.identity.node.plane import DOMAIN, Authorities, Domain, now

AGENT = DOMAIN.member("/licet/agent/one")
ELSEWHERE = TrustDomain("example.net")
NO_AGENTS = ["spiffe://example.org/web", "spiffe://example.org/licet/server", "spiffe://example.net/licet/agent/one"]


class Handed:
    """An attestation that hands out what a test makes of a request."""

    again = False

    def __init__(self, make: Callable[[bytes], Admission]) -> None:
        self._make = make

    async def attest(self, request: bytes, known: tuple[bytes, ...]) -> Admission:  # noqa: ARG002 - the protocol's
        """What was made of it."""
        return self._make(request)


def admission(domain: Domain, csr: bytes, name: str = str(AGENT), authorities: Authorities | None = None) -> Admission:
    """What the server of the domain answers, or whoever has other authorities."""
    wanted = request.read(csr, frozenset(keys.KeyKind))
    return Admission((authorities or domain.authorities).sign(parse(name), wanted.public_key, 3600), domain.state.own)


def agent(home: Path, make: Callable[[bytes], Admission]) -> Credentials:
    return Credentials(home, DOMAIN, Handed(make), now, Random(7))


def _unasked(_: bytes) -> Admission:
    pytest.fail("nothing had to be asked for")


def kept(home: Path, material: Material) -> str:
    """How the start ends of an agent that finds this in its data directory."""
    papers.save(home, material)
    with pytest.raises(RefusedError) as refused:
        asyncio.run(agent(home, _unasked).start())
    return refused.value.message


def handed(home: Path, make: Callable[[bytes], Admission]) -> str:
    """How the start ends of an agent that is handed this; nothing of it is kept."""
    with pytest.raises(RefusedError) as refused:
        asyncio.run(agent(home, make).start())
    assert not home.exists()
    return refused.value.message


@pytest.mark.parametrize("name", NO_AGENTS)
def test_another_identity_is_not_taken_up(tmp_path: Path, name: str) -> None:
    domain = Domain()
    wrong = f"`{name}` is no agent of `example.org`"
    assert kept(tmp_path / "kept", domain.authorities.material(parse(name), domain.state.own.x509)) == wrong
    assert handed(tmp_path / "handed", lambda csr: admission(domain, csr, name)) == wrong


def test_a_certificate_for_another_key_is_not_taken_up(tmp_path: Path) -> None:
    domain = Domain()
    roots = domain.state.own.x509
    own, other = (domain.authorities.material(AGENT, roots) for _ in range(2))
    papers.save(tmp_path / "own", own)
    asyncio.run(agent(tmp_path / "own", _unasked).start())
    wrong = f"the certificate of `{AGENT}` is for another key"
    assert kept(tmp_path / "kept", Material(own.chain, other.key, roots)) == wrong
    assert handed(tmp_path / "handed", lambda _: Admission(own.chain, domain.state.own)) == wrong


def test_only_the_domains_own_server_certifies(tmp_path: Path) -> None:
    domain = Domain()
    home = tmp_path / "home"
    foreign = Bundle(ELSEWHERE, domain.state.own.x509, (), 1)
    assert handed(home, lambda csr: replace(admission(domain, csr), bundle=foreign)) == (
        "the server is not of `example.org`"
    )
    assert handed(home, lambda csr: admission(domain, csr, authorities=Authorities())) == (
        "no trusted authority signed the certificate"
    )


def test_a_renewal_brings_no_other_name(tmp_path: Path) -> None:
    domain = Domain()
    credentials = agent(tmp_path, lambda csr: admission(domain, csr))

    async def run() -> None:
        await credentials.start()
        before = credentials.current()

        async def renew(csr: bytes) -> Admission:
            return admission(domain, csr, "spiffe://example.org/licet/agent/two")

        with pytest.raises(RefusedError, match=r"certified `spiffe://example\.org/licet/agent/two` instead of"):
            await credentials._renewed(renew)
        assert credentials.current() == before

    asyncio.run(run())
    asyncio.run(agent(tmp_path, _unasked).start())
