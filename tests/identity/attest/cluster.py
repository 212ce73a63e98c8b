"""A Kubernetes control plane of etcd and kube-apiserver, where both programs are at hand."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.identity.attest.api_server import ApiServer
from tests.identity.attest.callers import eventually

ADMINISTRATOR = "administrator-of-a-test"


def api_server_program() -> str | None:
    """Where kube-apiserver is: as `LICET_KUBE_APISERVER` says, or on the PATH."""
    return os.environ.get("LICET_KUBE_APISERVER") or shutil.which("kube-apiserver")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test's API server")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    crt, pem = folder / "server.crt", folder / "server.key"
    crt.write_bytes(made.public_bytes(Encoding.PEM))
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return crt, pem


class Cluster:
    """A running API server, and what its administrator does with it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.authorities = folder / "server.crt"

    def api(self, token: str, name: str = "token") -> ApiServer:
        """The API server as whoever has this token."""
        path = self.folder / name
        path.write_text(token)
        return ApiServer(self.url, self.authorities, path)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the server answers to its administrator."""
        return asyncio.run(self.asking(method, path, body))

    async def asking(self, method: str, path: str, body: object = None) -> Any:
        """The same within an event loop."""
        headers = {"Authorization": f"Bearer {ADMINISTRATOR}"}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        context = ssl.create_default_context(cafile=str(self.authorities))
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, json=body, headers=headers, ssl=context) as answer,
        ):
            assert answer.status in (200, 201), await answer.text()
            return await answer.json()

    def ready(self) -> bool:
        """Whether it serves, with its roles made."""
        try:
            self.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin")
            self.ask("GET", "/api/v1/namespaces/default")
        except (aiohttp.ClientError, AssertionError):
            return False
        return True


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster without nodes or controllers, for as long as the block runs."""
    program = api_server_program()
    assert program is not None
    _, key = certificate(folder)
    (folder / "tokens.csv").write_text(f'{ADMINISTRATOR},admin,1,"system:masters"\n')
    clients, peers, secure = _ports(3)
    etcd = [
        "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{clients}",
        f"--advertise-client-urls=http://127.0.0.1:{clients}",
        f"--listen-peer-urls=http://127.0.0.1:{peers}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
        f"--initial-cluster=default=http://127.0.0.1:{peers}",
    ]
    api = [
        program,
        f"--etcd-servers=http://127.0.0.1:{clients}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={secure}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={key}",
        f"--cert-dir={folder / 'certificates'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'server.crt'}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(etcd, stdout=log, stderr=log) as store,
        subprocess.Popen(api, stdout=log, stderr=log) as server,
    ):
        try:
            cluster = Cluster(f"https://127.0.0.1:{secure}", folder)
            while server.poll() is None and not eventually(cluster.ready):
                pass
            assert server.poll() is None, (folder / "log").read_text()[-4000:]
            yield cluster
        finally:
            server.kill()
            store.kill()


def _ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports
