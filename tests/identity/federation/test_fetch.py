"""Fetching a bundle: whoever answers is who it has to be, and what is answered is bounded."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509

from licet.identity import bundle_document
from licet.identity.bundle import Bundle
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.federation.fetch import Patience, fetch, newer
from licet.identity.federation.relationship import Relationship
from licet.identity.spiffeid import TrustDomain
from tests.identity.federation.authority import WEB_NAMES, Authority, Pair, bundle, jwt_key, key_usage
from tests.identity.federation.serving import (
    CA,
    ENDPOINT_ID,
    FIRST,
    SVID,
    THERE,
    WEB,
    WEB_CA,
    Answer,
    by_id,
    by_web,
    endpoint,
    served,
    silence,
    stranger,
    web_roots,
)

HUB = Authority("spiffe://hub.example")


async def give(_request: web.Request) -> web.Response:
    return web.Response(body=bundle_document.encode(FIRST), content_type="application/json")


def give_bytes(body: bytes) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return answer


def send_to(url: Callable[[], str], status: int = 302) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": url()})

    return answer


def refused(kind: type[IdentityError], awaited: Callable[[], Awaitable[Bundle]]) -> str:
    async def run() -> None:
        await awaited()

    with pytest.raises(kind) as raised:
        asyncio.run(run())
    assert str(raised.value).isprintable()
    return str(raised.value)


def refused_of(kind: type[IdentityError], answer: Answer, patience: Patience | None = None) -> str:
    """How an answer of an endpoint that is who it has to be is refused."""

    async def ask() -> Bundle:
        async with stranger(answer) as port:
            return await fetch(by_id(port), None, FIRST, patience=patience)

    return refused(kind, ask)


def refused_endpoint(pair: Pair, vouching: Bundle = FIRST) -> str:
    """How somebody else who answers is refused; that no request reaches him is asserted."""
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return await give(request)

    async def ask() -> Bundle:
        async with stranger(answer, served(pair)) as port:
            return await fetch(by_id(port), None, vouching)

    said = refused(UnavailableError, ask)
    assert asked == []
    return said


def test_a_bundle_is_fetched_by_the_web_profile(tmp_path: Path) -> None:
    """SPIFFE_Federation.md 5 and 5.2.1.4."""

    async def run() -> None:
        async with endpoint(lambda: FIRST, lambda: WEB) as port:
            for host in ("127.0.0.1", "localhost"):
                assert await fetch(by_web(port, host), None, None, web_roots(tmp_path)) == FIRST

    asyncio.run(run())


def test_a_bundle_is_fetched_by_the_spiffe_profile() -> None:
    """SPIFFE_Federation.md 5 and 5.2.2.4: the name in the URL has no part in it."""

    async def run() -> None:
        async with endpoint(lambda: FIRST, lambda: SVID) as port:
            assert await fetch(by_id(port), None, FIRST) == FIRST

    asyncio.run(run())


def test_an_endpoint_may_be_of_another_trust_domain() -> None:
    """SPIFFE_Federation.md 5.2.2.4: then it is verified by that domain's bundle, and by no other."""

    async def run() -> None:
        async with endpoint(lambda: FIRST, lambda: served(HUB.svid("spiffe://hub.example/bundles"))) as port:
            relationship = by_id(port, "spiffe://hub.example/bundles")
            assert await fetch(relationship, None, bundle("hub.example", HUB)) == FIRST
            with pytest.raises(RefusedError):
                await fetch(relationship, None, bundle(THERE, HUB))
            with pytest.raises(UnavailableError):
                await fetch(relationship, FIRST, bundle("hub.example", CA))

    asyncio.run(run())


@pytest.mark.parametrize(
    "pair",
    [
        WEB_CA.leaf(x509.DNSName("other.example")),
        Authority().leaf(*WEB_NAMES),
        WEB_CA.leaf(*WEB_NAMES, age=timedelta(hours=2)),
        CA.svid(ENDPOINT_ID),
    ],
    ids=["another name", "another CA", "expired", "an SVID"],
)
def test_the_web_profile_asks_for_the_host_and_a_ca_that_is_believed(pair: Pair, tmp_path: Path) -> None:
    """SPIFFE_Federation.md 5.2.1.4, RFC 6125."""

    async def ask() -> Bundle:
        async with stranger(give, served(pair)) as port:
            return await fetch(by_web(port), None, FIRST, web_roots(tmp_path))

    refused(UnavailableError, ask)


def test_the_system_believes_no_ca_of_ours() -> None:
    async def ask() -> Bundle:
        async with stranger(give, WEB) as port:
            return await fetch(by_web(port), None)

    refused(UnavailableError, ask)


def test_the_endpoint_has_exactly_its_id() -> None:
    """SPIFFE_Federation.md 5.2.2.4: nobody else of the domain will do."""
    for other in ("spiffe://bank.example/bundles/x", "spiffe://bank.example/bundle", "spiffe://bank.example/Bundles"):
        assert f"the endpoint is `{other}` and not `{ENDPOINT_ID}`" in refused_endpoint(CA.svid(other))


def test_the_endpoint_is_vouched_for_by_its_domain() -> None:
    """SPIFFE_Federation.md 5.2.2.4: by the latest bundle, not by what was in one before."""
    refused_endpoint(Authority(f"spiffe://{THERE}").svid(ENDPOINT_ID))
    refused_endpoint(CA.svid(ENDPOINT_ID), bundle(THERE, Authority(f"spiffe://{THERE}"), sequence=2))
    refused_endpoint(CA.svid(ENDPOINT_ID), bundle(THERE))


def test_the_endpoint_shows_a_valid_svid() -> None:
    """X509-SVID.md 5.2: a leaf, one URI, of no authority; and of today."""
    uri = x509.UniformResourceIdentifier(ENDPOINT_ID)
    refused_endpoint(CA.leaf(uri, x509.UniformResourceIdentifier("spiffe://bank.example/other")))
    refused_endpoint(CA.leaf(x509.DNSName("localhost")))
    refused_endpoint(CA.leaf(uri, ca=True))
    refused_endpoint(CA.leaf(uri, usage=key_usage(digital_signature=True, key_cert_sign=True)))
    refused_endpoint(CA.leaf(uri, usage=key_usage(digital_signature=True, crl_sign=True)))
    refused_endpoint(CA.leaf(uri, age=timedelta(hours=2)))
    refused_endpoint(CA.leaf(x509.UniformResourceIdentifier(f"https://{THERE}/bundles")))
    refused_endpoint(CA)


def test_an_endpoint_is_not_asked_before_it_can_be_verified() -> None:
    said = refused(UnavailableError, lambda: fetch(by_id(1), None, None))
    assert "no bundle of `bank.example` is here" in said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_to_the_same_identity(status: int) -> None:
    """SPIFFE_Federation.md 5.2.2.4."""

    async def run() -> None:
        async with (
            endpoint(lambda: FIRST, lambda: SVID) as target,
            stranger(send_to(lambda: f"https://localhost:{target}/bundle", status)) as port,
        ):
            assert await fetch(by_id(port), None, FIRST) == FIRST

    asyncio.run(run())


def test_a_redirect_to_another_identity_is_refused() -> None:
    """SPIFFE_Federation.md 5.2.2.4: the same ID as configured, also of the same trust domain."""

    async def ask() -> Bundle:
        async with (
            endpoint(lambda: FIRST, lambda: served(CA.svid("spiffe://bank.example/other"))) as target,
            stranger(send_to(lambda: f"https://127.0.0.1:{target}/bundle")) as port,
        ):
            return await fetch(by_id(port), None, FIRST)

    assert "the endpoint is `spiffe://bank.example/other`" in refused(UnavailableError, ask)


def test_a_redirect_of_the_web_profile_is_verified_by_the_host_it_leads_to(tmp_path: Path) -> None:
    """SPIFFE_Federation.md 5.2.1.4."""

    async def run() -> None:
        only_there = served(WEB_CA.leaf(x509.DNSName("localhost")))
        async with endpoint(lambda: FIRST, lambda: only_there) as target:
            for host, follows in (("localhost", True), ("127.0.0.1", False)):
                async with stranger(send_to(lambda host=host: f"https://{host}:{target}/bundle"), WEB) as port:  # type: ignore[misc]
                    asked = fetch(by_web(port), None, None, web_roots(tmp_path))
                    if follows:
                        assert await asked == FIRST
                    else:
                        with pytest.raises(UnavailableError):
                            await asked

    asyncio.run(run())


@pytest.mark.parametrize(
    "url", ["http://localhost/b", "https://u:p@localhost/b", "ftp://localhost/", "https://", "//[", "\\"]
)
def test_a_redirect_leads_to_an_endpoint_or_nowhere(url: str) -> None:
    """SPIFFE_Federation.md 5.2.1.3 and 5.2.2.3: to a valid URL of a bundle endpoint."""
    refused_of(RefusedError if url != "\\" else IdentityError, send_to(lambda: url))


def test_a_downgrade_to_plain_http_is_not_asked() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return await give(request)

    async def ask() -> Bundle:
        async with (
            stranger(answer, None) as plain,
            stranger(send_to(lambda: f"http://127.0.0.1:{plain}/bundle")) as port,
        ):
            return await fetch(by_id(port), None, FIRST)

    refused(RefusedError, ask)
    assert asked == []


def test_redirects_end() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": request.path + "x"})

    refused_of(RefusedError, answer)
    assert asked == ["/bundle", "/bundlex", "/bundlexx", "/bundlexxx"]


def test_a_body_has_an_end() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            await asyncio.sleep(0)

    assert "a bundle is too long" in refused_of(MalformedError, endless)
    assert "a bundle is too long" in refused_of(MalformedError, give_bytes(b" " * (bundle_document.LONGEST + 1)))


def test_nothing_is_unpacked() -> None:
    async def packed(_request: web.Request) -> web.Response:
        body = gzip.compress(bundle_document.encode(FIRST))
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    refused_of(MalformedError, packed)


def test_nobody_is_waited_for_without_end() -> None:
    async def silent(_request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    assert "too slow" in refused_of(UnavailableError, silent, Patience(whole=0.3))
    assert "too slow" in refused_of(UnavailableError, drip, Patience(whole=0.3))


def test_a_handshake_is_not_waited_for_without_end() -> None:
    async def ask() -> Bundle:
        with silence() as port:
            return await fetch(by_id(port), None, FIRST, patience=Patience(whole=20, connect=0.2))

    refused(UnavailableError, ask)


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 429, 500, 503])
def test_only_200_is_an_answer(status: int) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=None if status in (204, 304) else bundle_document.encode(FIRST))

    assert str(status) in refused_of(UnavailableError, answer)


def test_what_is_no_bundle_is_refused() -> None:
    for body in (b"", b"<html>", b"{}", b'{"keys": 1}', bundle_document.encode(bundle(THERE, HUB))):
        refused_of(MalformedError, give_bytes(body))


def test_an_endpoint_that_is_gone_is_one_line() -> None:
    async def ask() -> Bundle:
        async with stranger(give) as port:
            pass
        return await fetch(by_id(port), None, FIRST)

    assert "gives no bundle" in refused(UnavailableError, ask)


def test_no_headers_tell_who_asks() -> None:
    async def run() -> None:
        seen: dict[str, str] = {}

        async def answer(request: web.Request) -> web.Response:
            seen.update(request.headers)
            return await give(request)

        async with stranger(answer) as port:
            await fetch(by_id(port), None, FIRST)
            assert seen == {
                "Host": f"127.0.0.1:{port}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            } | {name: value for name, value in seen.items() if name == "Connection"}

    asyncio.run(run())


def test_an_empty_bundle_is_believed() -> None:
    """SPIFFE_Trust_Domain_and_Bundle.md 4.1.3: its domain revoked everything; and then nobody is there to vouch."""

    async def run() -> None:
        empty = Bundle(TrustDomain(THERE), (), (), 2)
        async with endpoint(lambda: empty, lambda: SVID) as port:
            assert await fetch(by_id(port), FIRST, FIRST) == empty
            with pytest.raises(UnavailableError):
                await fetch(by_id(port), empty, empty)

    asyncio.run(run())


def test_a_bundle_is_of_the_domain_that_was_asked_for() -> None:
    """SPIFFE_Federation.md 5.1 and 5.2.1.4: a document names no domain, so the relationship does."""

    async def run() -> None:
        plain = bundle(THERE, Authority())
        async with endpoint(lambda: plain, lambda: SVID) as port:
            relationship: Relationship = by_id(port, trust_domain="third.example")
            fetched = await fetch(relationship, None, FIRST)
            assert fetched == Bundle(TrustDomain("third.example"), plain.x509, (), 1)

    asyncio.run(run())


def test_the_newer_bundle_counts() -> None:
    """SPIFFE_Federation.md 4.2: by sequence, and by when it came where there is none."""
    second = bundle(THERE, HUB, sequence=2)
    assert newer(FIRST, None) is FIRST
    assert newer(second, FIRST) is second
    assert newer(bundle(THERE, CA, sequence=1), FIRST) is FIRST
    assert newer(bundle(THERE, HUB, sequence=1), FIRST) is FIRST, "unchanged, by what it says of itself"
    for unnumbered in (bundle(THERE, HUB, sequence=0), Bundle(TrustDomain(THERE), (), (jwt_key(),), 0)):
        assert newer(unnumbered, second) is unnumbered
        assert newer(second, unnumbered) is second
        assert newer(bundle(THERE, CA, sequence=0), unnumbered) == bundle(THERE, CA, sequence=0)
    with pytest.raises(RefusedError):
        newer(FIRST, second)
