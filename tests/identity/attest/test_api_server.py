"""Requests to an API server over real TLS: to whom the token is shown, and how much of an answer is taken."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from licet.identity.attest.api_server import ApiServer, in_cluster
from licet.identity.attest.pod import PodList
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from tests.identity.attest.cluster import certificate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(handler: Handler, folder: Path, ask: Callable[[ApiServer], Awaitable[None]], *, largest: int = 4096) -> None:
    """Run `ask` against a server that answers so."""
    crt, key = certificate(folder)
    (folder / "token").write_text("secret\n")

    async def scenario() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        api = ApiServer(f"https://127.0.0.1:{runner.addresses[0][1]}", crt, folder / "token", largest=largest)
        try:
            await ask(api)
        finally:
            await api.close()
            await runner.cleanup()

    asyncio.run(scenario())


def test_the_token_is_read_again_for_each_request(tmp_path: Path) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, request.headers["Authorization"], await request.text()))
        return web.json_response({"items": None})

    async def ask(api: ApiServer) -> None:
        assert await api.get("/api/v1/pods", PodList, {"fieldSelector": "spec.nodeName=a b"}) == PodList()
        (tmp_path / "token").write_text("later")
        assert await api.post("/x", PodList, {"a": 1}) == PodList()

    serve(handler, tmp_path, ask)
    assert seen == [
        ("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Da+b", "Bearer secret", ""),
        ("POST", "/x", "Bearer later", '{"a":1}'),
    ]


ANSWERS: dict[str, tuple[web.Response, type[IdentityError], str]] = {
    "not known": (web.Response(status=401), RefusedError, r"refuses `GET /pods` \(401\)"),
    "not permitted": (web.Response(status=403), RefusedError, r"refuses `GET /pods` \(403\)"),
    "not there": (web.Response(status=404), UnavailableError, "answered with status 404"),
    "overloaded": (web.Response(status=429), UnavailableError, "answered with status 429"),
    "elsewhere": (
        web.Response(status=307, headers={"Location": "https://127.0.0.1:1/"}),
        UnavailableError,
        "answered with status 307",
    ),
    "too much": (web.Response(body=b" " * 5000), UnavailableError, "answered with too much"),
    "no JSON": (web.Response(text="hello"), UnavailableError, "answered `/pods` with something else"),
    "no text": (web.Response(body=b'{"items": "\xff"}'), UnavailableError, "with something else"),
    "another form": (web.json_response({"items": [{"metadata": 1}]}), UnavailableError, "with something else"),
    "deep": (web.Response(text="[" * 4000), UnavailableError, "with something else"),
}


@pytest.mark.parametrize(("answer", "kind", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_answer_is_told(
    tmp_path: Path, answer: web.Response, kind: type[IdentityError], reason: str
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def ask(api: ApiServer) -> None:
        with pytest.raises(kind, match=reason) as told:
            await api.get("/pods", PodList)
        assert "secret" not in str(told.value)

    serve(handler, tmp_path, ask)


def test_a_server_that_others_vouch_for_is_shown_no_token(tmp_path: Path) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response()

    async def ask(api: ApiServer) -> None:
        other, _ = certificate(tmp_path / "other")
        (tmp_path / "server.crt").write_bytes(other.read_bytes())
        with pytest.raises(UnavailableError, match="its certificate is not to be trusted"):
            await api.get("/pods", PodList)

    serve(handler, tmp_path, ask)
    assert seen == []


def test_a_server_by_another_name_is_shown_no_token(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async def ask(api: ApiServer) -> None:
        named = ApiServer(str(api._url.with_host("localhost")), tmp_path / "server.crt", tmp_path / "token")
        with pytest.raises(UnavailableError, match="its certificate is not to be trusted"):
            await named.get("/pods", PodList)
        await named.close()

    serve(handler, tmp_path, ask)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6443", "https://", "unix:/x"])
def test_only_https_is_spoken(url: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="is no address of a Kubernetes API server"):
        ApiServer(url, tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("token", "authorities", "reason"),
    [
        (None, "", "token` cannot be read: No such file or directory"),
        ("", "", "holds no token"),
        ("a\nb: c", "", "holds no token"),
        ("a", "x", "holds no certificates"),
        ("a", "", "holds no certificates"),
    ],
)
def test_without_files_nothing_is_asked(tmp_path: Path, token: str | None, authorities: str, reason: str) -> None:
    if token is not None:
        (tmp_path / "token").write_text(token)
    (tmp_path / "ca.crt").write_text(authorities)

    async def scenario() -> None:
        api = ApiServer("https://127.0.0.1:1", tmp_path / "ca.crt", tmp_path / "token")
        try:
            with pytest.raises(UnavailableError, match=reason):
                await api.get("/pods", PodList)
        finally:
            await api.close()

    asyncio.run(scenario())


def test_nobody_there_is_told(tmp_path: Path) -> None:
    crt, _ = certificate(tmp_path)
    (tmp_path / "token").write_text("a")

    async def scenario() -> None:
        api = ApiServer("https://127.0.0.1:1", crt, tmp_path / "token")
        try:
            with pytest.raises(UnavailableError, match="does not answer: no connection"):
                await api.get("/pods", PodList)
        finally:
            await api.close()

    asyncio.run(scenario())


def test_a_pod_knows_its_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UnavailableError, match="this is no pod"):
        in_cluster()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    assert str(in_cluster()._url) == "https://[fd00::1]:6443"
