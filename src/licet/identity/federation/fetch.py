"""One look at the bundle of another trust domain (SPIFFE_Federation.md 5.2.1.4 and 5.2.2.4)."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import msgspec
from yarl import URL

from licet.identity import bundle_document
from licet.identity.bundle import Bundle
from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.federation import relationship as relationships
from licet.identity.federation import tls
from licet.identity.federation.relationship import Relationship

_MOVED = frozenset({301, 302, 303, 307, 308})


class Patience(msgspec.Struct, frozen=True):
    """How long an endpoint is waited for, in seconds, and how often it may send elsewhere."""

    whole: float = 30.0
    connect: float = 10.0
    redirects: int = 3


async def fetch(
    relationship: Relationship,
    current: Bundle | None,
    vouching: Bundle | None = None,
    web_roots: Path | None = None,
    patience: Patience | None = None,
) -> Bundle:
    """The bundle that is to be stored: `current` itself where nothing changed.

    `vouching` is the latest bundle of the trust domain that the endpoint's ID is in (`relationship.vouching`), and not
    looked at with `https_web`. `web_roots` are CAs to believe instead of the system's. Raises UnavailableError where
    the endpoint cannot be reached or authenticated, MalformedError where it gives no bundle, and RefusedError where it
    gives one older than `current`. After any of these `current` is still the bundle to go by.
    """
    patience = patience or Patience()
    context = _context(relationship, vouching, web_roots)
    try:
        async with asyncio.timeout(patience.whole):
            data = await _read(relationship.url, context, patience)
    except TimeoutError as error:
        raise UnavailableError(
            f"the bundle endpoint of `{relationship.trust_domain}` is too slow", "the next poll tries again"
        ) from error
    return newer(bundle_document.decode(data, relationship.trust_domain), current)


def newer(fetched: Bundle, current: Bundle | None) -> Bundle:
    """Which of two bundles of a domain counts; raises RefusedError where an older one was fetched.

    A bundle without a sequence counts as up to date (SPIFFE_Federation.md 4.2).
    """
    if current is None or not fetched.sequence or not current.sequence:
        return current if fetched == current and current is not None else fetched
    if fetched.sequence < current.sequence:
        raise RefusedError(
            f"bundle {fetched.sequence} of `{fetched.trust_domain}` is older than {current.sequence}, which is stored",
            "where its publisher began anew, distrust the domain and federate with it again",
        )
    return current if fetched.sequence == current.sequence else fetched


def _context(relationship: Relationship, vouching: Bundle | None, web_roots: Path | None) -> ssl.SSLContext:
    if relationship.endpoint_id is None:
        return tls.web_client(web_roots)
    if vouching is None:
        raise UnavailableError(
            f"no bundle of `{relationship.endpoint_id.trust_domain}` is here to verify the endpoint with",
            "give it once, from a source that you trust, or federate with that domain",
        )
    return tls.spiffe_client(vouching, relationship.endpoint_id)


async def _read(url: str, context: ssl.SSLContext, patience: Patience) -> bytes:
    """The body at this URL, or where it sends. Whoever answers is authenticated by the context, at every address."""
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # Without a decoder there is nothing that a few bytes could swell into.
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "User-Agent"),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, connect=patience.connect),
    ) as session:
        for _ in range(patience.redirects + 1):
            try:
                async with session.get(URL(url), allow_redirects=False) as response:
                    if response.status not in _MOVED:
                        return await _body(response)
                    url = _next(response)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise UnavailableError(f"`{URL(url).raw_authority}` gives no bundle", _reason(error)) from error
    raise RefusedError("the bundle endpoint sends from one address to the next", f"{patience.redirects} times at most")


def _next(response: aiohttp.ClientResponse) -> str:
    try:
        url = str(response.url.join(URL(response.headers.get("Location", ""))).with_fragment(None))
        relationships.check_url(url)
    except (ValueError, MalformedError) as error:
        raise RefusedError(
            "the bundle endpoint sends to where none may be", "`https://` and a host, no user"
        ) from error
    return url


async def _body(response: aiohttp.ClientResponse) -> bytes:
    if response.status != 200:
        raise UnavailableError(f"the bundle endpoint answers {response.status}", "200 and a bundle are expected")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > bundle_document.LONGEST:
            raise MalformedError("a bundle is too long", f"{bundle_document.LONGEST} bytes at most")
    return bytes(body)


def _reason(error: Exception) -> str:
    """What went wrong, in a line: of failed TLS what did not hold, of others what the system says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ascii(getattr(cause, "verify_message", "") or str(cause.args[-1]))[1:-1]
        cause = cause.__cause__ or cause.__context__
    return ascii(str(error) or type(error).__name__)[1:-1][:300]
