"""Who may call a server's port for agents, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from licet.identity import keys, path, pem
from licet.identity.entry import SERVER_NAME
from licet.identity.errors import RefusedError
from licet.identity.node import tls
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.proto import node_pb2_grpc as rpc
from licet.identity.node.service import JoinService
from licet.identity.node.tls import Material
from licet.identity.request import make
from licet.identity.spiffeid import TrustDomain
from tests.identity.node.plane import DOMAIN, Authorities, Domain, attested, entries, now, remote, serving

AGENT = DOMAIN.member("/licet/agent/one")


async def outcome(address: str, material: Material) -> tuple[grpc.StatusCode, str]:
    """How a call with this certificate ends."""
    credentials = tls.channel_credentials(material)
    async with grpc.aio.secure_channel(address, credentials, options=tls.options()) as channel:
        try:
            await rpc.NodeStub(channel).Applied(pb.AppliedRequest(version=1), timeout=5)
        except grpc.aio.AioRpcError as failure:
            return failure.code(), failure.details() or ""
        return grpc.StatusCode.OK, ""


def _agent(domain: Domain) -> Material:
    made = domain.authorities.material(AGENT, domain.state.own.x509)
    domain.remember(AGENT, made.chain)
    return made


def _workload(domain: Domain) -> Material:
    return domain.authorities.material(DOMAIN.member("/web"), domain.state.own.x509)


def _nearly_agent(domain: Domain) -> Material:
    return domain.authorities.material(DOMAIN.member("/licet/agents/one"), domain.state.own.x509)


def _server(domain: Domain) -> Material:
    return domain.server


def _other_domain(domain: Domain) -> Material:
    return domain.authorities.material(TrustDomain("example.net").member("/licet/agent/one"), domain.state.own.x509)


def _foreign(domain: Domain) -> Material:
    """All that an attacker can know of the agent, under authorities of its own."""
    made = Authorities().material(AGENT, domain.state.own.x509)
    domain.remember(AGENT, made.chain)
    return made


def _expired(domain: Domain) -> Material:
    made = domain.authorities.material(AGENT, domain.state.own.x509, seconds=-1)
    domain.remember(AGENT, made.chain)
    return made


def _replaced(domain: Domain) -> Material:
    made = _agent(domain)
    _agent(domain), _agent(domain)
    return made


def _previous(domain: Domain) -> Material:
    made = _agent(domain)
    _agent(domain)
    return made


def _banned(domain: Domain) -> Material:
    domain.banned.add(AGENT)
    return _agent(domain)


@pytest.mark.parametrize(
    ("caller", "code", "words"),
    [
        (_agent, grpc.StatusCode.OK, ""),
        (_previous, grpc.StatusCode.OK, ""),
        (_workload, grpc.StatusCode.PERMISSION_DENIED, "`spiffe://example.org/web` is no agent of `example.org`"),
        (_nearly_agent, grpc.StatusCode.PERMISSION_DENIED, "`spiffe://example.org/licet/agents/one` is no agent of"),
        (_server, grpc.StatusCode.PERMISSION_DENIED, "`spiffe://example.org/licet/server` is no agent of"),
        (_other_domain, grpc.StatusCode.PERMISSION_DENIED, "`spiffe://example.net/licet/agent/one` is no agent of"),
        (_replaced, grpc.StatusCode.PERMISSION_DENIED, "shows a certificate that was replaced"),
        (_banned, grpc.StatusCode.PERMISSION_DENIED, "is banned"),
        (_foreign, grpc.StatusCode.UNAVAILABLE, ""),
        (_expired, grpc.StatusCode.UNAVAILABLE, ""),
    ],
)
def test_only_an_agent_of_the_domain_with_a_certificate_that_holds_is_answered(
    caller: Callable[[Domain], Material], code: grpc.StatusCode, words: str
) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, _):
            got, said = await outcome(node, caller(domain))
            assert got == code
            assert words in said
            assert bool(domain.applied) == (code is grpc.StatusCode.OK)

    asyncio.run(run())


def test_the_port_for_agents_answers_nobody_without_a_certificate() -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, _):
            credentials = tls.joining_credentials(domain.state.own.x509)
            async with grpc.aio.secure_channel(node, credentials, options=tls.options()) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await rpc.NodeStub(channel).Applied(pb.AppliedRequest(version=1), timeout=5)
            assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
            assert domain.applied == []

    asyncio.run(run())


def test_less_than_tls_1_3_is_refused_at_the_first_call() -> None:
    """GRPC for Python has no setting for it: the version that was agreed on is looked at."""
    domain = Domain()
    shown = {"ssl_tls_version": [b"TLSv1.2"], "x509_pem_cert": [pem.certificates(_agent(domain).chain).encode()]}
    with pytest.raises(RefusedError, match=r"not of TLS 1\.3"):
        tls.peer(shown, DOMAIN, domain.state.own.x509, now())
    shown["ssl_tls_version"] = [b"TLSv1.3"]
    assert tls.peer(shown, DOMAIN, domain.state.own.x509, now()).spiffe_id == AGENT


class Old:
    """A call over a connection of an older version, as gRPC tells of it; its clients cannot be told to make one."""

    def auth_context(self) -> dict[str, list[bytes]]:
        """What was agreed on."""
        return {"ssl_tls_version": [b"TLSv1.2"]}


def test_a_token_shown_over_less_than_tls_1_3_is_refused_and_not_used_up() -> None:
    domain = Domain()
    request = pb.AttestRequest(csr=_csr(), join_token="once")
    with pytest.raises(RefusedError, match=r"not of TLS 1\.3"):
        asyncio.run(JoinService(domain)._attest(request, Old()))  # type: ignore[arg-type]
    assert domain.used == set()


def _csr() -> bytes:
    return make(keys.generate(keys.KeyKind.EC_P256), AGENT)


def test_an_agent_is_known_from_the_first_moment_of_its_certificate_to_the_last() -> None:
    """Verification is remembered for a minute; the lifetime is not."""
    domain = Domain()
    made = _agent(domain)
    shown = {"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [pem.certificates(made.chain).encode()]}
    leaf = path.read(made.chain)[0]
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    tick = timedelta(microseconds=1)
    for moment in (begins, ends - tick):
        assert tls.peer(shown, DOMAIN, domain.state.own.x509, moment).spiffe_id == AGENT
    for moment in (begins - tick, ends, ends + tick):
        with pytest.raises(RefusedError, match="is valid until"):
            tls.peer(shown, DOMAIN, domain.state.own.x509, moment)


def test_an_open_connection_ends_with_the_root_that_it_hangs_on() -> None:
    """A forger with a stolen CA key is shut out when the root goes, though the handshake is long over."""

    async def run() -> None:
        domain = Domain()
        material = _agent(domain)
        async with serving(domain) as (node, _):
            credentials = tls.channel_credentials(material)
            async with grpc.aio.secure_channel(node, credentials, options=tls.options()) as channel:
                stub = rpc.NodeStub(channel)
                await stub.Applied(pb.AppliedRequest(version=1), timeout=5)
                domain.authorities = Authorities()
                domain.believe(domain.authorities.root)
                domain.server = domain.server_material()
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await stub.Applied(pb.AppliedRequest(version=2), timeout=5)
                assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
                assert domain.applied == [1]

    asyncio.run(run())


def test_a_stream_ends_with_the_certificate_of_its_agent() -> None:
    async def run() -> None:
        domain = Domain()
        material = domain.authorities.material(AGENT, domain.state.own.x509, seconds=2)
        domain.remember(AGENT, material.chain)
        async with serving(domain) as (node, _):
            credentials = tls.channel_credentials(material)
            async with grpc.aio.secure_channel(node, credentials, options=tls.options()) as channel:
                call = rpc.NodeStub(channel).States(pb.StatesRequest())
                assert isinstance(await call.read(), pb.State)
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await call.read()
            assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert "has ended" in (failed.value.details() or "")

    asyncio.run(run())


def test_a_banned_agent_hears_of_no_further_state(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            upstream = remote(credentials, node)
            states = upstream.states()
            assert (await anext(states)).version == 1
            domain.banned.add(credentials.spiffe_id)
            domain.change(entries=entries(1))
            with pytest.raises(RefusedError, match="is banned"):
                await anext(states)
            with pytest.raises(RefusedError, match="is banned"):
                await upstream.applied(2)
            await upstream.close()

    asyncio.run(run())


@pytest.mark.parametrize("name", ["*.licet-identity-server", "licet-identity-server.example.org", "web"])
def test_no_name_but_the_servers_own_makes_a_server(name: str) -> None:
    """A workload's certificate with any other name, wildcards included, is no server's."""

    async def run() -> None:
        domain = Domain()
        material = _agent(domain)
        domain.server = domain.authorities.material(DOMAIN.member("/web"), domain.state.own.x509, dns=(SERVER_NAME,))
        async with serving(domain) as (node, _):
            assert (await outcome(node, material))[0] is grpc.StatusCode.OK
            domain.server = domain.authorities.material(DOMAIN.member("/web"), domain.state.own.x509, dns=(name,))
            assert (await outcome(node, material))[0] is grpc.StatusCode.UNAVAILABLE

    asyncio.run(run())
