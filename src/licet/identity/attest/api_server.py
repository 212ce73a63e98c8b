"""Requests to a Kubernetes API server, or a kubelet, as a service account."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec
from yarl import URL

from licet.identity.errors import IdentityError, RefusedError, UnavailableError

T = TypeVar("T")

IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the certificates of its API server."""
_LARGEST_ANSWER = 64 << 20
_LARGEST_TOKEN = 1 << 16
_CHUNK = 1 << 16
_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)


class ApiServer:
    """One server, by its `https` address, with the files of a bearer token and of the authorities it is verified with.

    Both files are read again for each request, since both are replaced while a pod runs. The certificate is always
    verified, redirections are not followed, and nothing of the environment (a proxy) is heeded, so that the token goes
    to nobody else.
    """

    def __init__(self, url: str, authorities: Path, token: Path, *, largest: int = _LARGEST_ANSWER) -> None:
        self._url = URL(url)
        if self._url.scheme != "https" or not self._url.host:
            raise RefusedError(f"`{url}` is no address of a Kubernetes API server", "it begins with `https://`")
        self._authorities = authorities
        self._token = token
        self._largest = largest
        self._session: aiohttp.ClientSession | None = None
        self._trust: tuple[bytes, ssl.SSLContext] | None = None

    async def close(self) -> None:
        """End the connections that are kept open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, as_type: type[T], query: Mapping[str, str] | None = None) -> T:
        """The object at this path. Raises UnavailableError, and RefusedError where the account may not have it."""
        return await self._ask("GET", path, as_type, query=query or {})

    async def post(self, path: str, as_type: type[T], body: object) -> T:
        """What the server answers to this object; raises as `get` does."""
        return await self._ask("POST", path, as_type, body=msgspec.json.encode(body))

    async def _ask(
        self,
        method: str,
        path: str,
        as_type: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> T:
        headers = {"Authorization": f"Bearer {self._bearer()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._open().request(
                method,
                self._url.join(URL(path)),
                params=query,
                data=body,
                headers=headers,
                ssl=self._context(),
                allow_redirects=False,
            ) as answer:
                text = await self._read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(f"does not answer: {_reason(error)}", "is it up, and who signed it?") from None
        try:
            return msgspec.json.decode(text, type=as_type)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._unreachable(f"answered `{path}` with something else", "is it an API server?") from None

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        if answer.status in (401, 403):
            raise RefusedError(
                f"the Kubernetes API server refuses `{answer.method} {answer.url.path}` ({answer.status})",
                "give the service account the role that Licet's chart has for it",
            )
        if answer.status not in (200, 201):
            raise self._unreachable(f"answered with status {answer.status}", "look at its log")
        text = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            text += chunk
            if len(text) > self._largest:
                raise self._unreachable("answered with too much", f"{self._largest} bytes at most are read")
        return bytes(text)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _bearer(self) -> str:
        text = _file(self._token).strip()
        if not text or not text.isascii() or not text.decode("ascii").isprintable():
            raise UnavailableError(f"`{self._token}` holds no token", "mount the token of a service account there")
        return text.decode("ascii")

    def _context(self) -> ssl.SSLContext:
        pem = _file(self._authorities)
        if self._trust is None or self._trust[0] != pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            try:
                context.load_verify_locations(cadata=pem.decode("ascii"))
            except (ssl.SSLError, ValueError):
                raise UnavailableError(f"`{self._authorities}` holds no certificates", "PEM is expected") from None
            self._trust = (pem, context)
        return self._trust[1]

    def _unreachable(self, what: str, help: str) -> UnavailableError:
        return UnavailableError(f"the Kubernetes API server at `{self._url.host}` {what}", help)


def in_cluster() -> ApiServer:
    """The API server of the cluster that this process runs in; raises UnavailableError outside of one."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise UnavailableError("this is no pod of a Kubernetes cluster", "say the address of its API server")
    address = f"[{host}]" if ":" in host else host
    return ApiServer(f"https://{address}:{port}", IN_CLUSTER / "ca.crt", IN_CLUSTER / "token")


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_TOKEN * 16)
    except OSError as error:
        raise UnavailableError(f"`{path}` cannot be read: {error.strerror}", "mount it into the agent's pod") from None


def _reason(error: Exception) -> str:
    match error:
        case IdentityError():
            return error.message
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not to be trusted"
        case aiohttp.ClientSSLError():
            return "no TLS could be agreed"
        case TimeoutError():
            return "it took too long"
        case _:
            return "no connection"
