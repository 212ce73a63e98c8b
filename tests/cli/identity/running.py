"""Servers, agents and a stock client as processes of their own."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from licet.identity.certificate import verify
from licet.identity.spiffeid import SpiffeID
from tests.cli.command import environment, licet

PATIENCE = 60.0
OWN = "spiffe://shop.example/own"
"""Whom the tests' own user is, where `founded` made the domain."""
T = TypeVar("T")

_CLIENT = """
import base64, json
from cryptography.hazmat.primitives.serialization import Encoding
from spiffe import WorkloadApiClient
def shown(certificates):
    return [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in certificates]
with WorkloadApiClient() as client:
    svid = client.fetch_x509_svid()
    bundle = client.fetch_x509_bundles().get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
    held = {"chain": shown(svid.cert_chain), "roots": shown(bundle.x509_authorities)}
    print(json.dumps({"id": str(svid.spiffe_id), **held}))
"""


class Held(msgspec.Struct, frozen=True):
    """What a client of PyPI's `spiffe` was given."""

    id: str
    chain: tuple[bytes, ...]
    roots: frozenset[bytes]

    def believes(self, other: Held) -> SpiffeID:
        """Whose certificate another holds, by the roots held here; raises RefusedError."""
        from licet.app.identity.place import now

        return verify(other.chain, tuple(self.roots), now())


def founded(data: Path, *options: str | Path) -> Path:
    """A trust domain in which whoever runs the tests has an identity."""
    data.parent.chmod(0o755)
    told = licet("identity", "init", "--trust-domain", "shop.example", "--data", data, *options)
    assert told.code == 0, told.err
    secret = [each for each in options if str(each) != "--passphrase" and "keeper" not in str(each)]
    mine = ("--spiffe-id", OWN, "--selector", f"unix:uid:{os.getuid()}")
    told = licet("identity", "entries", "add", "--data", data, *secret, *mine)
    assert told.code == 0, told.err
    return data


@contextmanager
def running(command: str, log: Path, *options: str | Path, **changes: str) -> Iterator[Path]:
    """`licet identity serve` or `agent` until the context ends; the file that it tells things in."""
    arguments = [sys.executable, "-m", "licet", "identity", command, *map(str, options)]
    with log.open("wb") as stream:
        process = subprocess.Popen(arguments, env=environment(**changes), stderr=stream, stdin=subprocess.DEVNULL)
    try:
        told(log, r"serving ", lambda: process.poll() is None)
        yield log
    finally:
        process.terminate()
        process.wait(PATIENCE)


def told(log: Path, pattern: str, alive: Callable[[], bool] = lambda: True) -> str:
    """The last group of what a service tells by this pattern; waits for it."""

    def found() -> re.Match[str] | None:
        assert alive(), log.read_text()
        return re.search(pattern, log.read_text())

    match = until(found)
    return str(match[match.re.groups])


def fetch(socket: Path) -> Held:
    """What a stock client is given; waits until it is given anything."""

    def asked() -> Held | None:
        done = subprocess.run(
            [sys.executable, "-c", _CLIENT],
            env={"SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}"},
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            return None
        found = json.loads(done.stdout)
        chain, roots = (tuple(map(base64.b64decode, found[name])) for name in ("chain", "roots"))
        return Held(found["id"], chain, frozenset(roots))

    return until(asked)


def until(ask: Callable[[], T | None]) -> T:
    """What `ask` gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE
    while (found := ask()) is None:
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.05)
    return found


def destroy(folder: Path) -> None:
    """As a disk does that fails."""
    shutil.rmtree(folder)
