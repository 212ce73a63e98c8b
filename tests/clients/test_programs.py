"""The stock clients build, say how they are used, count what they do, and refuse plainly without a Workload API."""

from __future__ import annotations

import datetime
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.clients.programs import CLIENTS
from tests.clients.traffic import RefusedError, attack, call, fetch, impersonate, serve

TLS = [name for name in CLIENTS if name != "python"]


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that nobody but its holder vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(
        issuer_name=x509.Name([]),
        subject_name=x509.Name([]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now,
        not_valid_after=now + datetime.timedelta(hours=1),
    ).add_extension(
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example.org/a")]), critical=True
    )
    folder = tmp_path_factory.mktemp("forged")
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(built.sign(key, SHA256()).public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, secret


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_says_how_it_is_used(name: str) -> None:
    said = subprocess.run([*CLIENTS[name]().argv, "--help"], capture_output=True, text=True, check=True).stdout
    assert "usage:" in said
    assert "fetch" in said
    assert "watch" in said


@pytest.mark.parametrize(("name", "code"), [("go", "Unavailable"), ("rust", "Unavailable"), ("python", "Unknown")])
def test_a_client_refuses_where_there_is_no_socket(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        fetch(CLIENTS[name](), tmp_path / "absent.sock")
    assert refused.value.code == code


@pytest.mark.parametrize("name", TLS)
def test_neither_side_of_traffic_begins_without_an_identity(name: str, tmp_path: Path) -> None:
    program, absent = CLIENTS[name](), tmp_path / "absent.sock"
    with pytest.raises(RefusedError, match="DeadlineExceeded"):
        call(program, absent, "127.0.0.1:1", "spiffe://example.org/a", "--wait", "0.1")
    with pytest.raises(RefusedError, match="DeadlineExceeded"):
        serve(program, absent, "spiffe://example.org/a", "--wait", "0.1")


@pytest.mark.parametrize("server", TLS)
@pytest.mark.parametrize("client", TLS)
def test_both_sides_count_the_same_requests(client: str, server: str, forged: tuple[Path, Path]) -> None:
    with (
        impersonate(CLIENTS[server](), *forged) as serving,
        attack(CLIENTS[client](), serving.address, *forged, "--count", "20", "--kept", "2", "--rate", "100") as calling,
    ):
        asked, answered = calling.wait(), serving.end()
    assert (asked.requests, asked.failed, asked.failures) == (20, {}, ())
    assert (answered.requests, answered.failed) == (20, {})
    assert 2 < asked.connections == answered.connections < 20, "some were kept and some were not"
    assert asked.peer_serials == 1
    assert asked.first_failed == 0 < asked.slowest < asked.last_ok


@pytest.mark.parametrize("name", TLS)
def test_a_request_that_reaches_nobody_is_counted_by_its_cause(name: str, forged: tuple[Path, Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        port = taken.getsockname()[1]
        with attack(CLIENTS[name](), f"127.0.0.1:{port}", *forged, "--until-failed") as calling:
            said = calling.wait()
    assert said.failed == {"unreachable": said.requests}
    assert said.failures[0].cause == "unreachable"
    assert said.first_failed > said.last_ok == 0


@pytest.mark.parametrize("name", TLS)
def test_a_copy_is_another_program_to_the_kernel(name: str, tmp_path: Path) -> None:
    program = CLIENTS[name]()
    copy = program.copied(tmp_path / "other")
    assert copy.path == tmp_path / "other"
    said = [subprocess.run([*one.argv, "--help"], capture_output=True, check=True) for one in (program, copy)]
    assert said[0].stdout == said[1].stdout
