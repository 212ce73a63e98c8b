"""`licet identity fetch` against a server that runs: what a workload is given, as it is told and as it is written."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from licet.identity.errors import MalformedError
from licet.identity.workload.client import separate
from tests.cli.command import environment, licet

_PATIENCE = 60.0
OWN = "spiffe://shop.example/own"


@contextmanager
def serving(data: Path, socket: Path) -> Iterator[None]:
    """A server of this trust domain, until the context ends."""
    command = [sys.executable, "-m", "licet", "identity", "serve", "--data", str(data), "--socket", str(socket), "-q"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not socket.exists():
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        assert process.wait(_PATIENCE) == 0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A trust domain in which whoever runs the tests has an identity."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "data"
    assert licet("identity", "init", "--trust-domain", "shop.example", "--data", folder).code == 0
    mine = ("--spiffe-id", OWN, "--selector", f"unix:uid:{os.getuid()}")
    assert licet("identity", "entries", "add", "--data", folder, *mine).code == 0
    return folder


def test_a_workload_sees_and_keeps_what_it_is_given(data: Path, tmp_path: Path) -> None:
    socket, out = tmp_path / "api.sock", tmp_path / "out"
    out.mkdir()
    (out / "key.pem").touch(mode=0o644)
    with serving(data, socket):
        told = licet("identity", "fetch", "--socket", socket, "--jwt", "ledger", "--out", out, "-o", "json")
        shown = licet("identity", "fetch", SPIFFE_ENDPOINT_SOCKET=f"unix://{socket}")
        assert licet("identity", "revoke", OWN, "--data", data).code == 0
        deadline = time.monotonic() + _PATIENCE
        while (gone := licet("identity", "fetch", "--socket", socket)).code == 0:
            assert time.monotonic() < deadline, "a revoked identity is still given"
    assert told.code == 0, told.err
    found = msgspec.json.decode(told.out)
    [svid], [token] = found["svids"], found["tokens"]
    assert (svid["spiffe_id"], token["spiffe_id"], token["token"].count(".")) == (OWN, OWN, 2)
    assert found["bundles"]["shop.example"].count("BEGIN CERTIFICATE") == 2
    leaf, key = x509.load_pem_x509_certificates((out / "svid.pem").read_bytes())[0], out / "key.pem"
    assert f"{leaf.serial_number:x}" == svid["serial"]
    assert load_pem_private_key(key.read_bytes(), None).public_key() == leaf.public_key()
    assert key.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in told.out + told.err
    assert shown.code == 0, shown.err
    assert shown.out.startswith(f"{OWN}  until ")
    assert shown.out.endswith("bundle of shop.example: 2 roots\n")
    assert gone.code == 2
    assert gone.err.startswith(f"licet: this process, `unix:uid:{os.getuid()}`, is given no identity: ")


def test_without_a_node_there_is_one_line(tmp_path: Path) -> None:
    ran = licet("identity", "fetch", "--socket", tmp_path / "none.sock")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("licet: no socket stands at ")


class _Away(grpc.GenericRpcHandler):
    """A node that has had nothing from a server yet."""

    said = "failed to connect to all addresses; last error: UNKNOWN: ipv4:192.0.2.1:8443: Connection refused"

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        assert handler_call_details.method

        def refuse(_request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            context.abort(grpc.StatusCode.UNAVAILABLE, self.said)

        return grpc.unary_stream_rpc_method_handler(refuse)


def test_a_node_whose_server_is_away_is_not_taken_for_none(tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(1), handlers=[_Away()])
    server.add_insecure_port(f"unix:{tmp_path}/a.sock")
    server.start()
    ran = licet("identity", "fetch", "--socket", tmp_path / "a.sock")
    server.stop(None).wait()
    assert (ran.code, ran.err) == (2, f"licet: `{tmp_path}/a.sock` answers UNAVAILABLE: {_Away.said}\n")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{tmp_path}/b.sock")
    ran = licet("identity", "fetch", "--socket", tmp_path / "b.sock")
    assert (ran.code, ran.err) == (2, f"licet: nobody answers at `{tmp_path}/b.sock`: start the node\n")


@pytest.mark.parametrize("joined", [b"0", b"\x30\x85\0\0\0\0\0", b"\x30\x05\0", b"\x30\x80"])
def test_certificates_that_end_too_soon_are_refused(joined: bytes) -> None:
    with pytest.raises(MalformedError, match="cannot be read"):
        separate(joined)
