"""The bundle endpoint, asked by clients of no relation."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from licet.identity import bundle_document
from licet.identity.bundle import Bundle
from licet.identity.errors import IdentityError, MalformedError, UnavailableError
from licet.identity.federation import tls
from licet.identity.federation.endpoint import Endpoint, Limits
from licet.identity.spiffeid import TrustDomain
from tests.identity.federation.authority import WEB_NAMES, Authority, bundle
from tests.identity.federation.serving import CA, ENDPOINT_ID, FIRST, SVID, THERE, WEB, WEB_CA, endpoint, identity


def client() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=WEB_CA.pem.decode())


async def ask(
    port: int, method: str = "GET", path: str = "/bundle", headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of one request."""
    connector = aiohttp.TCPConnector(ssl=client())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"https://localhost:{port}{path}", headers=headers) as response,
    ):
        return response.status, response.headers, await response.read()


async def shown(port: int, context: ssl.SSLContext | None = None) -> bytes:
    """The certificate that a handshake is answered with."""
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.close()
    assert isinstance(der, bytes)
    return der


def test_everybody_gets_the_bundle_of_the_moment() -> None:
    """SPIFFE_Federation.md 5.2.1.3: the most up-to-date one, in UTF-8, as JSON; nobody has to sign in."""

    async def run() -> None:
        latest = FIRST
        async with endpoint(lambda: latest, lambda: WEB) as port:
            status, headers, body = await ask(port)
            assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "application/json", "no-cache")
            assert headers["Connection"] == "close"
            assert bundle_document.decode(body, TrustDomain(THERE)) == FIRST
            assert json.loads(body.decode("utf-8"))["spiffe_sequence"] == 1
            latest = bundle(THERE, CA, Authority(), sequence=2)
            assert bundle_document.decode((await ask(port))[2], TrustDomain(THERE)) == latest

    asyncio.run(run())


def test_what_a_client_has_already_is_not_sent_again() -> None:
    async def run() -> None:
        latest = FIRST
        async with endpoint(lambda: latest, lambda: WEB) as port:
            tag = (await ask(port))[1]["ETag"]
            assert (await ask(port, headers={"If-None-Match": tag}))[::2] == (304, b"")
            latest = bundle(THERE, CA, sequence=2)
            status, headers, _ = await ask(port, headers={"If-None-Match": tag})
            assert status == 200
            assert headers["ETag"] != tag

    asyncio.run(run())


def test_there_is_one_path_and_nothing_to_change() -> None:
    async def run() -> None:
        async with endpoint(lambda: FIRST, lambda: WEB) as port:
            status, headers, body = await ask(port, "HEAD")
            assert (status, body) == (200, b"")
            assert int(headers["Content-Length"]) == len(bundle_document.encode(FIRST))
            assert [(await ask(port, method))[0] for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [405] * 4
            assert [(await ask(port, path=path))[0] for path in ("/", "/bundle/", "/bundle/x")] == [404] * 3
            assert (await ask(port))[1]["Server"] == "licet"

    asyncio.run(run())


def test_a_certificate_is_served_in_both_profiles_and_none_is_asked_for() -> None:
    """SPIFFE_Federation.md 5.2.1.3 and 5.2.2.3: a client shows no certificate, and the server shows the right one."""

    async def run() -> None:
        context = SVID
        async with endpoint(lambda: FIRST, lambda: context) as port:
            svid = await shown(port)
            assert "spiffe://bank.example/bundles" in str(svid)
            context = WEB
            assert (await ask(port))[0] == 200

    asyncio.run(run())


def test_a_renewed_certificate_of_files_answers_the_next_handshake(tmp_path: Path) -> None:
    """A certificate renewed by others is used without a restart, and one half written is not used at all."""

    async def run() -> None:
        first, second = WEB_CA.leaf(*WEB_NAMES), WEB_CA.leaf(*WEB_NAMES)
        files = first.write(tmp_path)
        async with endpoint(lambda: FIRST, tls.CertificateFiles(*files)) as port:
            assert await shown(port) == first.der
            files[0].write_bytes(second.pem)
            assert await shown(port) == first.der, "the key is still that of the first"
            second.write(tmp_path)
            assert await shown(port) == second.der
            files[1].unlink()
            assert await shown(port) == second.der

    asyncio.run(run())


def test_a_renewed_svid_answers_the_next_handshake() -> None:
    async def run() -> None:
        pair = CA.svid(ENDPOINT_ID)
        async with endpoint(lambda: FIRST, lambda: tls.svid_context((pair.der,), pair.key_der)) as port:
            for _ in range(3):
                assert await shown(port) == pair.der
                pair = CA.svid(ENDPOINT_ID)

    asyncio.run(run())


def test_files_that_hold_no_certificate_are_told_at_once(tmp_path: Path) -> None:
    certificate, key = WEB_CA.leaf(*WEB_NAMES).write(tmp_path)
    key.write_bytes(WEB_CA.key_pem)
    for files in ((certificate, key), (certificate, tmp_path / "none"), (key, key)):
        with pytest.raises(UnavailableError) as raised:
            tls.CertificateFiles(*files)
        assert "PRIVATE" not in str(raised.value)


def test_a_key_and_a_certificate_of_an_svid_belong_together() -> None:
    with pytest.raises(MalformedError):
        tls.svid_context((CA.svid("spiffe://bank.example/x").der,), CA.key_der)


def test_no_key_stays_behind_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = CA.svid("spiffe://bank.example/x")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tls.svid_context((pair.der,), pair.key_der)
    assert os.listdir(tmp_path) == []


def test_tls_is_of_today() -> None:
    """SPIFFE_Federation.md 5.2: Mozilla's intermediate compatibility: 1.2 and 1.3, forward secrecy, AEAD."""

    async def run() -> None:
        async with endpoint(lambda: FIRST, lambda: WEB) as port:
            for version, ciphers, accepted in (
                (ssl.TLSVersion.TLSv1_3, "", True),
                (ssl.TLSVersion.TLSv1_2, "", True),
                (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA", False),
            ):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.minimum_version = version
                context.maximum_version = version
                if ciphers:
                    context.set_ciphers(ciphers)
                if accepted:
                    assert await shown(port, context)
                else:
                    with pytest.raises((ssl.SSLError, ConnectionError)):
                        await shown(port, context)

    asyncio.run(run())


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    assert tls.front(lambda: WEB).minimum_version == WEB.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.web_client(None).minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.spiffe_client(FIRST, identity(THERE)).minimum_version == ssl.TLSVersion.TLSv1_2


def test_no_certificate_and_no_bundle_are_answered_in_one_word() -> None:
    def none() -> Bundle:
        raise UnavailableError("the keys are sealed", "unseal them")

    def no_context() -> ssl.SSLContext:
        raise UnavailableError("the keys are sealed", "unseal them")

    async def run() -> None:
        async with endpoint(none, lambda: WEB) as port:
            status, _, body = await ask(port)
            assert (status, b"sealed" in body) == (503, False)
        async with endpoint(lambda: FIRST, no_context) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await shown(port)

    asyncio.run(run())


def test_strangers_take_no_more_than_they_may() -> None:
    """Long headers, idle connections and more connections than there may be end those connections and no other."""

    async def run() -> None:
        limits = Limits(connections=2, handshakes=2, handshake=0.2, lifetime=0.5, header=1024)
        async with endpoint(lambda: FIRST, lambda: WEB, limits) as port:
            assert (await ask(port, headers={"X": "y" * 2000}))[0] == 400
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
            idle = [await asyncio.open_connection("localhost", port, ssl=client()) for _ in range(2)]
            for _, writer in idle:
                writer.write(b"GET /bundle HTTP/1.1\r\nX: never")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("localhost", port, ssl=client())
            for reader, writer in [*silent, *idle]:
                assert await asyncio.wait_for(reader.read(), 20) == b""
                writer.close()
            assert (await ask(port))[0] == 200

    asyncio.run(run())


def test_an_endpoint_that_has_stopped_listens_no_more() -> None:
    async def run() -> None:
        running = Endpoint(lambda: FIRST, lambda: WEB, "/bundle")
        port = await running.start()
        await running.stop()
        with pytest.raises(OSError):  # noqa: PT011
            await shown(port)

    asyncio.run(run())


def test_a_path_is_plain() -> None:
    for path in ("", "bundle", "/{x}", "/a?b", "/a#b", "/a%20", "/a\n"):
        with pytest.raises(IdentityError):
            Endpoint(lambda: FIRST, lambda: WEB, path)
