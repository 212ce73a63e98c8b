"""Runs the stock clients as processes: what they fetch and watch, and traffic between them with mutual TLS, counted."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from tests.clients.programs import Program

T = TypeVar("T")

_PATIENCE = 60
"""Seconds until a program that should have ended is taken for stuck."""


class X509Shown(msgspec.Struct, frozen=True):
    """An X509-SVID as a client holds it. The serial is hexadecimal without leading zeros; times are since the epoch."""

    id: str
    hint: str
    serial: str
    not_before: float
    not_after: float
    chain: int


class JwtShown(msgspec.Struct, frozen=True):
    """A JWT-SVID that the library and the Workload API both validated."""

    id: str
    hint: str
    audience: tuple[str, ...]
    expires: float
    token: str


class Fetched(msgspec.Struct, frozen=True):
    """Everything that one client got; bundles by trust domain, each as the number of its authorities."""

    svids: tuple[X509Shown, ...]
    bundles: Mapping[str, int]
    jwts: tuple[JwtShown, ...]
    jwt_bundles: Mapping[str, int]


class Update(msgspec.Struct, frozen=True):
    """One update of a watching client, with the time when it had it."""

    time: float
    id: str
    serial: str
    not_after: float
    authorities: int
    bundles: Mapping[str, int]


class Validated(msgspec.Struct, frozen=True):
    """Whose a token is, as library and Workload API say; empty where they refuse, with the library's reason."""

    library: str
    api: str
    refusal: str


class Failure(msgspec.Struct, frozen=True):
    """A request that failed, as its program says it."""

    time: float
    cause: str
    message: str


class Tally(msgspec.Struct, frozen=True):
    """What came of the requests of one side; times are seconds since the epoch, 0 for never.

    Causes: `expired`, `unknown_authority`, `wrong_identity`, `no_bundle` and `bad_svid` were refused by this side;
    `alert` and `closed` by the other one, whose own tally says why; `no_svid` is a side that has no valid one itself,
    and `no_certificate` a peer that showed none; then `unreachable`, `timeout`, `mismatch`, `pending` and `other`. The
    first five failures and the first of each cause are told in full. `updates` leaves out the first material.
    """

    requests: int
    failed: Mapping[str, int]
    connections: int
    updates: int
    serials: int
    peer_serials: int
    last_ok: float
    first_failed: float
    slowest: float
    failures: tuple[Failure, ...]


class RefusedError(Exception):
    """A program ended with an error; `code` is the name of a gRPC status, `Unknown` for anything else."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    message: str


class Running:
    """A program that was started, and prints a line of JSON now and then."""

    def __init__(self, program: Program, *options: str, socket: Path | None = None) -> None:
        endpoint = {} if socket is None else {"SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}"}
        self._process = subprocess.Popen(
            [*program.argv, *options], stdout=subprocess.PIPE, env=os.environ | endpoint, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process, as audit records name it."""
        return self._process.pid

    def line(self, kind: type[T]) -> T:
        """The next thing it says; raises RefusedError where that is an error or nothing."""
        assert self._process.stdout is not None
        return _read(self._process.stdout.readline(), kind)

    def end(self) -> Tally:
        """Have it end what it began, and count."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self, timeout: float = _PATIENCE) -> Tally:
        """The count, once it has ended by itself."""
        said, _ = self._process.communicate(timeout=timeout)
        return _read((said.splitlines() or [""])[-1], Tally)


class Serving(Running):
    """A server, with the address where it listens."""

    def __init__(self, program: Program, *options: str, socket: Path | None = None) -> None:
        super().__init__(program, *options, "--listen", "127.0.0.1:0", socket=socket)
        try:
            self.line(dict)
            self.address: str = self.line(dict[str, str])["listening"]
        except BaseException:
            self.__exit__(None, None, None)
            raise


def fetch(program: Program, socket: Path, *, audience: str = "licet-test", wait: float = 10) -> Fetched:
    """What a client gets, and holds valid; raises RefusedError."""
    with Running(program, "fetch", "--audience", audience, "--wait", str(wait), socket=socket) as running:
        return running.line(Fetched)


def validate(
    program: Program, socket: Path, token: str, *, audience: str = "licet-test", wait: float = 10
) -> Validated:
    """What a client makes of a token, with bundles that it fetches now; raises RefusedError."""
    options = ("validate", "--audience", audience, "--wait", str(wait))
    ran = subprocess.run(
        [*program.argv, *options],
        input=token,
        stdout=subprocess.PIPE,
        env=os.environ | {"SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}"},
        text=True,
        check=False,
    )
    return _read(ran.stdout, Validated)


def watch(program: Program, socket: Path, *, wait: float = 10) -> Running:
    """A client that watches: `line(Update)` waits for its next update."""
    return Running(program, "watch", "--wait", str(wait), socket=socket)


def serve(program: Program, socket: Path, peer: str, *options: str) -> Serving:
    """A server that answers to the SPIFFE ID `peer` alone."""
    return Serving(program, "server", "--peer", peer, *options, socket=socket)


def call(program: Program, socket: Path, address: str, peer: str, *options: str) -> Running:
    """A client that sends requests to the SPIFFE ID `peer` at `address`, and has its identity by now.

    Options: `--rate` of requests a second on new connections and on each kept one, `--kept` connections; it ends with
    `--count` requests, `--for` seconds or `--until-failed`, or when it is told to.
    """
    running = Running(program, "client", "--addr", address, "--peer", peer, *options, socket=socket)
    try:
        running.line(dict)
    except BaseException:
        running.__exit__(None, None, None)
        raise
    return running


def attack(program: Program, address: str, chain: Path, key: Path, *options: str) -> Running:
    """A client with a stolen or forged certificate (PEM, the leaf first) and its key; options as those of `call`."""
    files = ("--certificate", str(chain), "--key", str(key))
    return Running(program, "attack", "--addr", address, *files, *options)


def impersonate(program: Program, chain: Path, key: Path) -> Serving:
    """A server with a stolen or forged certificate (PEM, the leaf first) and its key, which answers to anybody."""
    return Serving(program, "attack", "--certificate", str(chain), "--key", str(key))


class Exchange(msgspec.Struct, frozen=True):
    """The traffic of one pair, as both sides counted it."""

    client: Tally
    server: Tally

    @property
    def failed(self) -> Mapping[str, tuple[Failure, ...]]:
        """The failures of both sides as they are told, empty where no request failed."""
        sides = {"client": self.client.failures, "server": self.server.failures}
        return {side: failures for side, failures in sides.items() if failures}


class Pair:
    """A client and a server in traffic."""

    def __init__(self, client: Running, server: Serving) -> None:
        self.client = client
        self.server = server

    def end(self) -> Exchange:
        """End the client, then the server, so that whatever fails was not caused by ending."""
        client = self.client.end()
        return Exchange(client, self.server.end())


@contextmanager
def traffic(
    client: tuple[Program, str], server: tuple[Program, str], socket: Path, *, rate: float = 20, kept: int = 2
) -> Iterator[Pair]:
    """Steady requests between two programs, each with the SPIFFE ID that the other one pins, until the block ends."""
    with serve(server[0], socket, client[1]) as serving:
        options = ("--rate", str(rate), "--kept", str(kept))
        with call(client[0], socket, serving.address, server[1], *options) as calling:
            yield Pair(calling, serving)


def _read(line: str, kind: type[T]) -> T:
    if not line:
        raise RefusedError("Unknown", "the program ended and said nothing")
    if line.startswith('{"error":'):
        refusal = msgspec.json.decode(line, type=_Refusal)
        raise RefusedError(refusal.error, refusal.message)
    return msgspec.json.decode(line, type=kind)
