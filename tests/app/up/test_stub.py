"""Stand-ins answer stock clients in whatever they speak, and say who they are and whom they speak to."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import grpc
import httpx
import pytest

import licet
from tests.app.up.standing import deployment, standing

LEDGER = deployment("ledger")
CALLER = "spiffe://example.org/friend"
FORWARDED = {"x-forwarded-client-cert": f"By=spiffe://example.org/ledger;Hash=00;URI={CALLER}"}
TELLS = {"x-licet-workload": str(LEDGER), "x-licet-caller": CALLER}


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_requests_of_both_versions_are_answered_on_one_socket(tmp_path: Path, version: str) -> None:
    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            await stand.worker(LEDGER)
            second = version == "HTTP/2"
            transport = httpx.HTTPTransport(uds=str(tmp_path / "http"), http1=not second, http2=second)
            with httpx.Client(transport=transport, headers=FORWARDED) as client:
                for method in ("GET", "POST", "HEAD", "DELETE"):
                    answer = client.request(method, "http://ledger/v1", content=b"x" * 200_000 * (method == "POST"))
                    assert (answer.status_code, answer.http_version) == (200, version)
                    assert TELLS.items() <= dict(answer.headers).items()
                    told = {"workload": str(LEDGER), "caller": CALLER, "protocol": version, "method": method}
                    assert method == "HEAD" or answer.json() == told

    asyncio.run(scenario())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
@pytest.mark.parametrize("option", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_is_answered(tmp_path: Path, option: str) -> None:
    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            await stand.worker(LEDGER)
            # A body that curl asks leave for before it sends it.
            (tmp_path / "body").write_bytes(b"x" * 2_000_000)
            command = ["curl", "-sS", option, "--unix-socket", str(tmp_path / "http"), "http://ledger/v1"]
            for more in ([], ["--data-binary", f"@{tmp_path / 'body'}"]):
                done = subprocess.run([*command, *more], capture_output=True, timeout=30, check=True)
                assert json.loads(done.stdout)["workload"] == str(LEDGER)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [0, 5, 1_000_000])
def test_methods_of_grpc_of_any_name_echo(tmp_path: Path, size: int) -> None:
    """Unary ones and streams, also what is more than the caller has room for at once."""

    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            await stand.worker(LEDGER)
            message = b"m" * size
            async with grpc.aio.insecure_channel(f"unix:{tmp_path / 'http'}") as channel:
                book: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/shop.Ledger/Book")
                unary = book(message, metadata=tuple(FORWARDED.items()))
                assert await unary == message
                assert TELLS.items() <= dict(await unary.initial_metadata()).items()
                watch: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/shop.Ledger/Watch")
                stream = watch()
                for _ in range(3):
                    await stream.write(message)
                    assert await stream.read() == message
                await stream.done_writing()
                assert await stream.read() is grpc.aio.EOF
                assert await stream.code() is grpc.StatusCode.OK

    asyncio.run(scenario())


def test_bytes_are_echoed_after_a_greeting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            await stand.worker(LEDGER)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(tmp_path / "tcp"))
                client.sendall(b"hello\n")
                client.shutdown(socket.SHUT_WR)
                with client.makefile("rb") as answer:
                    assert answer.read() == f"licet {LEDGER}\nhello\n".encode()

    asyncio.run(scenario())


@pytest.mark.parametrize("garbage", [b"", b"P", b"PR", b"\x16\x03\x01", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_garbage_ends_a_connection_and_nothing_else(tmp_path: Path, garbage: bytes) -> None:
    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            worker = await stand.worker(LEDGER)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(tmp_path / "http"))
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                with client.makefile("rb") as answer:
                    assert b"200" not in answer.read()
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(tmp_path / "http"))) as other:
                assert other.get("http://ledger/").status_code == 200
            assert worker.child.log.read_text() == ""

    asyncio.run(scenario())


def test_sockets_are_for_this_user_and_its_sidecar_alone(tmp_path: Path) -> None:
    """Who is not the sidecar is hung up on, though it is the same user."""

    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            await stand.worker(LEDGER, sidecar=1)
            for name in ("http", "tcp"):
                assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
                reader, writer = await asyncio.open_unix_connection(tmp_path / name)
                assert await reader.read() == b""
                writer.close()
                await writer.wait_closed()

    asyncio.run(scenario())


def test_a_stand_in_loads_next_to_nothing() -> None:
    """Twenty are started at once: what only an attacker needs is loaded when it is needed."""
    heavy = {"grpc", "cryptography", "google.protobuf", "licet.identity", "licet.model", "structlog", "aiohttp"}
    told = "import json, sys, licet.app.up.program; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, check=True, env=_environment())
    assert heavy & set(json.loads(done.stdout)) == set()


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": str(Path(licet.__file__).parent.parent)}
