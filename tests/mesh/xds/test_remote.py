"""Over mutual TLS: who calls is what its certificate says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.identity import certificate, pem
from licet.identity.node import tls
from licet.mesh.xds.server import Remote
from tests.identity.workload.serving import status, until
from tests.identity.workload.sources import Authority
from tests.mesh.xds.nodes import DeltaNode, Node
from tests.mesh.xds.resources import simple
from tests.mesh.xds.serving import Shown, follow, following, now, serving
from tests.mesh.xds.talks import FORMS


def material(authority: Authority, path: str, lifetime: timedelta = timedelta(hours=1)) -> tls.Material:
    """A certificate by this authority, which alone is believed."""
    svid = authority.svid(path, lifetime=lifetime)
    return tls.Material(svid.chain, svid.key, authority.bundle().x509)


def server_material(authority: Authority) -> tls.Material:
    """The control plane's own, with the address as a name that gRPC's client can compare."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate.leaf(
        authority.domain.member("/control"),
        key.public_key(),
        authority.certificate,
        authority.key,
        now() - timedelta(minutes=1),
        now() + timedelta(hours=1),
        certificate.new_serial(),
        ("control.test",),
    )
    return tls.Material(
        (leaf.public_bytes(Encoding.DER),),
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        authority.bundle().x509,
    )


def named(port: int, shown: tls.Material | None, authority: Authority) -> grpc.aio.Channel:
    """A connection that shows this certificate, or none."""
    roots = pem.certificates(authority.bundle().x509).encode()
    key = None if shown is None else pem.private_key(shown.key).encode()
    chain = None if shown is None else pem.certificates(shown.chain).encode()
    options = [("grpc.ssl_target_name_override", "control.test"), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(
        f"127.0.0.1:{port}", grpc.ssl_channel_credentials(roots, key, chain), options=options
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_node_is_known_by_its_certificate_and_its_address(form: Callable[[], Node]) -> None:
    async def story() -> None:
        source, authority = Shown(simple("1")), Authority("example.org")
        shown = server_material(authority)
        async with (
            serving(source, remote=Remote("127.0.0.1:0", lambda: shown)) as server,
            named(server.port, material(authority, "/node"), authority) as over,
            following(over, form()),
        ):
            await until(lambda: source.has("node"))
        [found] = source.callers
        assert (found.address, found.pid) == ("127.0.0.1", 0)
        assert found.identities == {"spiffe://example.org/node"}

    asyncio.run(story())


def test_a_stream_ends_with_the_certificate() -> None:
    async def story() -> None:
        source, authority = Shown(simple("1")), Authority("example.org")
        shown = server_material(authority)
        async with (
            serving(source, remote=Remote("127.0.0.1:0", lambda: shown)) as server,
            named(server.port, material(authority, "/node", timedelta(seconds=3)), authority) as over,
        ):
            code, words = await status(follow(over, DeltaNode()))
            assert (code, words.partition(":")[0]) == (
                grpc.StatusCode.UNAVAILABLE,
                "the certificate of the caller has ended",
            )
            assert (await status(follow(over, DeltaNode())))[0] is grpc.StatusCode.PERMISSION_DENIED

    asyncio.run(story())


def test_a_stranger_and_one_without_a_certificate_are_not_heard() -> None:
    async def story() -> None:
        source, authority = Shown(simple("1")), Authority("example.org")
        shown = server_material(authority)
        async with serving(source, remote=Remote("127.0.0.1:0", lambda: shown)) as server:
            for one in (material(Authority("example.org"), "/node"), None):
                async with named(server.port, one, authority) as over:
                    assert (await status(follow(over, DeltaNode())))[0] is grpc.StatusCode.UNAVAILABLE
        assert source.callers == []

    asyncio.run(story())
