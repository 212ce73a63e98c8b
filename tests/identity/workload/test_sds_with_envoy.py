"""The real Envoy takes its identity from our socket, follows rotations, and refuses what is broken."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from licet.identity.svid import View
from tests.identity.workload.envoy import Connection, admitted, client, envoy
from tests.identity.workload.serving import serving, until
from tests.identity.workload.sources import Authority, Scripted


async def shown(path: Path, context: ssl.SSLContext) -> str | None:
    """The serial number of the certificate that Envoy shows to whom it admits; none where it admits nobody."""
    connection = await admitted(path, context)
    if connection is None:
        return None
    await connection.close()
    return connection.serial


@pytest.mark.parametrize("api", ["GRPC", "DELTA_GRPC"])
@pytest.mark.parametrize(
    ("certificate", "believed"),
    [("default", "ALL"), ("spiffe://example.org/myservice", "spiffe://example.org"), ("default", "ROOTCA")],
)
def test_envoy_serves_with_secrets_of_the_socket(tmp_path: Path, api: str, certificate: str, believed: str) -> None:
    async def story() -> None:
        source = Scripted()
        caller = client(tmp_path, source.authority.svid("/caller"), source.authority)
        async with (
            serving(tmp_path, source),
            envoy(tmp_path, tmp_path / "api.sock", certificate=certificate, believed=believed, api=api) as path,
        ):

            async def up() -> bool:
                return await shown(path, caller) == source.view.svids[0].serial

            await until(up)
            stranger = Authority("example.org")
            assert await shown(path, client(tmp_path, stranger.svid("/caller"), source.authority)) is None

    asyncio.run(story())


@pytest.mark.parametrize("api", ["GRPC", "DELTA_GRPC"])
def test_a_rotation_is_followed_and_drops_no_connection(tmp_path: Path, api: str) -> None:
    async def story() -> None:
        source = Scripted()
        caller = client(tmp_path, source.authority.svid("/caller"), source.authority)
        async with serving(tmp_path, source), envoy(tmp_path, tmp_path / "api.sock", api=api) as path:
            seen: dict[str, Connection] = {}

            async def serial(wanted: str) -> bool:
                if (connection := await admitted(path, caller)) is not None:
                    if connection.serial in seen:
                        await connection.close()
                    else:
                        seen[connection.serial] = connection
                return wanted in seen

            old = source.view.svids[0].serial
            await until(lambda: serial(old))
            for _ in range(3):
                source.show(source.fresh())
                wanted = source.view.svids[0].serial
                await until(lambda wanted=wanted: serial(wanted))  # type: ignore[misc]
            assert len(seen) == 4
            assert [await connection.request() for connection in seen.values()] == ["served"] * 4
            for connection in seen.values():
                await connection.close()

    asyncio.run(story())


@pytest.mark.parametrize("api", ["GRPC", "DELTA_GRPC"])
def test_a_broken_certificate_is_refused_told_of_once_and_the_last_good_one_stays(tmp_path: Path, api: str) -> None:
    async def story() -> None:
        source = Scripted()
        good = source.view
        caller = client(tmp_path, source.authority.svid("/caller"), source.authority)
        with capture_logs() as logs:
            async with (
                serving(tmp_path, source) as server,
                envoy(tmp_path, tmp_path / "api.sock", api=api) as path,
            ):

                async def serves(wanted: str) -> bool:
                    return await shown(path, caller) == wanted

                await until(lambda: serves(good.svids[0].serial))
                broken = msgspec.structs.replace(good.svids[0], chain=(b"garbage",))
                source.show(View((broken,), good.own, good.federated))
                await until(lambda: server.front.untaken == 1)
                assert await serves(good.svids[0].serial)
                source.show(source.fresh())
                await until(lambda: serves(source.view.svids[0].serial))
        (refusal,) = (line for line in logs if line.get("code") == "L0547")
        assert "`sidecar-1` does not take the secret `default`" in refusal["event"]
        assert "cert" in refusal["notes"][0]

    asyncio.run(story())


def test_a_federated_domain_is_believed_by_its_own_bundle_alone(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        foreign = Authority("federated.example")
        source.view = source.fresh(foreign.bundle())
        ours = client(tmp_path, foreign.svid("/caller"), source.authority)
        forged = Authority("federated.example")
        forged.key, forged.certificate = source.authority.key, source.authority.certificate
        async with serving(tmp_path, source), envoy(tmp_path, tmp_path / "api.sock") as path:

            async def up() -> bool:
                return await shown(path, ours) is not None

            await until(up)
            assert await shown(path, client(tmp_path, forged.svid("/caller"), source.authority)) is None

    asyncio.run(story())
