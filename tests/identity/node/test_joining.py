"""Agents that join: what they believe at first, what they prove, and what they keep."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from licet.identity import bundle_document, pem
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.node import bootstrap
from licet.identity.node.authority import Admission
from licet.identity.node.bootstrap import Given, Pinned, given, pinned
from licet.identity.node.credentials import Credentials
from licet.identity.node.join import Door, JoinProof, KubernetesProof
from licet.identity.spiffeid import TrustDomain
from tests.identity.node.plane import DOMAIN, Authorities, Domain, ask, attested, now, remote, serving
from tests.identity.node.test_outages import until


def test_a_join_token_holds_once_and_what_it_brought_outlives_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (_, join):
            first = await attested(domain, join, tmp_path / "a")
            assert first.spiffe_id == DOMAIN.member("/licet/agent/one")
            again = await attested(domain, join, tmp_path / "a")
            assert again.current() == first.current()
            with pytest.raises(RefusedError, match="the join token was used before: ask for a new one"):
                await attested(domain, join, tmp_path / "b")
            with pytest.raises(RefusedError, match="the join token is unknown or expired"):
                await attested(domain, join, tmp_path / "b", JoinProof("guessed"))
            assert not (tmp_path / "b").exists()

    asyncio.run(run())


def test_the_key_is_made_on_the_node_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        home = tmp_path / "data"
        async with serving(domain) as (_, join):
            await attested(domain, join, home)
            modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
            assert modes == {"agent.pem": 0o600, "roots.pem": 0o600}
            assert home.stat().st_mode & 0o777 == 0o700
            os.chmod(home / "agent.pem", 0o640)
            with pytest.raises(IdentityError, match=r"agent\.pem` can be read by others: `chmod 600"):
                await attested(domain, join, home)
            os.chmod(home / "agent.pem", 0o600)
            (home / "agent.pem").write_bytes(b"torn")
            with pytest.raises(MalformedError, match=r"agent\.pem` is damaged: remove it"):
                await attested(domain, join, home)

    asyncio.run(run())


def test_no_secret_stands_in_a_repr() -> None:
    domain = Domain()
    assert "once" not in repr(JoinProof("once"))
    assert repr(domain.server) == "Material(2 certificates, 1 roots)"


def test_a_kubernetes_token_is_read_each_time_and_attests_again_when_the_certificate_has_expired(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        domain = Domain()
        file = tmp_path / "token"
        async with serving(domain) as (_, join):
            with pytest.raises(IdentityError, match="no token can be read from"):
                await attested(domain, join, tmp_path / "a", KubernetesProof(file))
            file.write_text("stale\n")
            with pytest.raises(RefusedError, match="the token is not accepted"):
                await attested(domain, join, tmp_path / "a", KubernetesProof(file))
            file.write_text("projected\n")
            first = await attested(domain, join, tmp_path / "a", KubernetesProof(file))
            door = Door([join], None, KubernetesProof(file))
            later = Credentials(tmp_path / "a", DOMAIN, door, lambda: first.not_after, Random(1))
            domain.lifetime = 7200
            await later.start()
            assert later.not_after > first.not_after

    asyncio.run(run())


def test_an_agent_that_its_server_has_forgotten_is_attested_again(tmp_path: Path) -> None:
    """As after a restore from a backup that is older than the certificate."""

    async def run() -> None:
        domain = Domain()
        file = tmp_path / "token"
        file.write_text("projected")
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path, KubernetesProof(file))
            upstream = remote(credentials, node)
            domain.serials.clear()
            keeping = asyncio.ensure_future(credentials.keep(upstream.renew))
            with pytest.raises(RefusedError, match="was replaced"):
                await anext(upstream.states())
            await until(lambda: bool(domain.serials))
            states = upstream.states()
            assert await anext(states) == domain.state
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await upstream.close()

    asyncio.run(run())


def test_roots_of_a_state_outlive_an_older_certificate(tmp_path: Path) -> None:
    """A renewal that was answered before a root went, and arrives after, brings that root back to nobody."""

    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (_, join):
            credentials = await attested(domain, join, tmp_path)
            late = domain.state.own
            domain.believe(domain.authorities.root, Authorities().root)
            admitted: list[bytes] = []

            async def renew(request: bytes) -> Admission:
                await credentials.follow(domain.state)
                admission = await domain.renew(credentials.spiffe_id, request)
                admitted.append(admission.chain[0])
                return Admission(admission.chain, late)

            await credentials._renewed(renew)
            assert credentials.current().chain[0] == admitted[0]
            assert credentials.current().roots == domain.state.own.x509
            again = await attested(domain, join, tmp_path)
            assert again.current() == credentials.current()

    asyncio.run(run())


def test_an_agent_of_a_join_token_says_what_to_do_when_its_certificate_has_expired(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        domain.lifetime = 1.5
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
        upstream = remote(credentials, node)
        with pytest.raises(RefusedError) as refused:
            async with asyncio.timeout(60):
                await credentials.keep(upstream.renew)
        assert "expired at" in refused.value.message
        assert refused.value.help == "make a join token on the server and start the agent with it"
        with pytest.raises(UnavailableError, match="no certificate that is valid"):
            credentials.current()
        await upstream.close()

    asyncio.run(run())


def test_a_certificate_is_renewed_under_another_key_before_it_ends(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        domain.lifetime = 2
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            domain.lifetime = 3600
            first = credentials.current()
            upstream = remote(credentials, node)
            keeping = asyncio.ensure_future(credentials.keep(upstream.renew))
            await until(lambda: credentials.current() != first)
            assert credentials.current().key != first.key
            assert credentials.spiffe_id == DOMAIN.member("/licet/agent/one")
            await upstream.mint([ask()])
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await upstream.close()

    asyncio.run(run())


def test_a_pin_tells_the_server_from_another_and_the_token_is_shown_to_none_but_it(tmp_path: Path) -> None:
    async def run() -> None:
        domain, impostor = Domain(), Domain()
        async with serving(domain) as (_, join), serving(impostor) as (_, false):
            trust = pinned(domain.authorities.pin.upper())
            with pytest.raises(RefusedError, match="has the pin that was given"):
                await attested(domain, false, tmp_path, trust=trust)
            impostor.believe(domain.authorities.root)
            with pytest.raises(UnavailableError):
                await attested(domain, false, tmp_path, trust=trust)
            assert impostor.used == set()
            assert (await attested(domain, join, tmp_path, trust=trust)).current().roots == domain.state.own.x509

    asyncio.run(run())


def test_nothing_is_believed_without_a_bundle_or_a_pin(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (_, join):
            door = Door([join], None, JoinProof("once"))
            with pytest.raises(RefusedError, match="give a trust bundle or a pin"):
                await Credentials(tmp_path, DOMAIN, door, now, Random(1)).start()
            with pytest.raises(UnavailableError):
                await attested(domain, join, tmp_path, trust=Given((Authorities().root,)))
            assert domain.used == set()

    asyncio.run(run())


def test_another_domain_that_certifies_the_agent_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        other = Domain(TrustDomain("example.net"))
        async with serving(other) as (_, join):
            door = Door([join], Given((other.authorities.root,)), JoinProof("once"))
            with pytest.raises(RefusedError, match=r"the server is not of `example\.org`"):
                await Credentials(tmp_path, DOMAIN, door, now, Random(1)).start()
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


def test_the_next_server_is_asked_where_one_does_not_answer(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (_, gone):
            pass
        async with serving(domain) as (_, join):
            for trust in (Given(domain.state.own.x509), pinned(domain.authorities.pin)):
                domain.used.clear()
                door = Door([gone, join], trust, JoinProof("once"))
                await Credentials(tmp_path / type(trust).__name__, DOMAIN, door, now, Random(1)).start()
                assert domain.used == {"once"}

    asyncio.run(run())


def test_roots_are_read_from_pem_and_from_a_bundle(tmp_path: Path) -> None:
    domain = Domain()
    file = tmp_path / "roots"
    file.write_text(pem.certificates(domain.state.own.x509))
    assert given(file, DOMAIN) == Given(domain.state.own.x509)
    file.write_bytes(bundle_document.encode(domain.state.own))
    assert given(file, DOMAIN) == Given(domain.state.own.x509)
    for data in (
        b"",
        b"nothing",
        b'{"keys": []}',
        b"\xff",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ):
        file.write_bytes(data)
        with pytest.raises(MalformedError, match="holds no root"):
            given(file, DOMAIN)
    with pytest.raises(IdentityError, match="cannot be read"):
        given(tmp_path / "none", DOMAIN)


@pytest.mark.parametrize("pin", ["", "ab", "g" * 64, "a" * 63, "a" * 65])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(MalformedError, match="64 hexadecimal digits"):
        pinned(pin)


def test_pins_are_read_however_tools_write_them() -> None:
    assert pinned(":".join(["AB"] * 32), "cd" * 32) == Pinned(frozenset({"ab" * 32, "cd" * 32}))


def test_a_root_with_the_pin_and_another_signature_is_none() -> None:
    authorities = Authorities()
    forged = bytearray(authorities.root)
    forged[-1] ^= 1
    pins = frozenset({authorities.pin})
    assert bootstrap._is_pinned(authorities.root, pins)
    assert not bootstrap._is_pinned(bytes(forged), pins)
    assert not bootstrap._is_pinned(b"", pins)
    assert not bootstrap._is_pinned(Authorities().root, pins)
