"""Workloads that ask without end, and note what they were given and how they were refused."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import grpc
from cryptography import x509

from licet.identity.workload.proto.workload_pb2 import (
    JWTSVIDRequest,
    JWTSVIDResponse,
    X509SVIDRequest,
    X509SVIDResponse,
)
from tests.identity.crashes.acknowledged import Acknowledged

_HEADER = (("workload.spiffe.io", "true"),)
_AGAIN = 0.05
_PACE = 0.01
_TIMEOUT = 20.0
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
]


class Clients:
    """One that watches its X.509-SVIDs and some that fetch JWT-SVIDs, of one socket, while it is entered."""

    def __init__(
        self, socket: Path, acknowledged: Acknowledged, name: str, identities: Sequence[str], askers: int = 2
    ) -> None:
        self._socket = socket
        self._identities = itertools.cycle(identities)
        self._acknowledged = acknowledged
        self._stopped = threading.Event()
        self._audiences = (f"{name}-{number}" for number in itertools.count())
        self._lock = threading.Lock()
        self._calls: set[grpc.Call] = set()
        self.answers = 0
        """How many times somebody was given something."""
        self.tokens = 0
        """How many tokens were given out, each made for whoever asked."""
        work = [self._watch, *[self._ask] * askers]
        self._threads = [threading.Thread(target=each, daemon=True) for each in work]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        for call in tuple(self._calls):
            call.cancel()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        with grpc.insecure_channel(f"unix:{self._socket}", _OPTIONS) as channel:
            fetch = channel.unary_stream(
                "/SpiffeWorkloadAPI/FetchX509SVID",
                request_serializer=X509SVIDRequest.SerializeToString,
                response_deserializer=X509SVIDResponse.FromString,
            )
            while not self._stopped.is_set():
                call = fetch(X509SVIDRequest(), metadata=_HEADER)
                self._calls.add(call)
                with self._tolerating(""):
                    for response in call:
                        self._acknowledged.serial(*(serial(svid.x509_svid) for svid in response.svids))
                        self.answers += 1
                self._calls.discard(call)

    def _ask(self) -> None:
        with grpc.insecure_channel(f"unix:{self._socket}", _OPTIONS) as channel:
            fetch = channel.unary_unary(
                "/SpiffeWorkloadAPI/FetchJWTSVID",
                request_serializer=JWTSVIDRequest.SerializeToString,
                response_deserializer=JWTSVIDResponse.FromString,
            )
            while not self._stopped.wait(_PACE):
                with self._lock:
                    audience, identity = next(self._audiences), next(self._identities)
                request = JWTSVIDRequest(audience=[audience], spiffe_id=identity)
                with self._tolerating(identity):
                    if fetch(request, metadata=_HEADER, timeout=_TIMEOUT).svids:
                        self._acknowledged.audience(audience)
                        self.answers += 1
                        self.tokens += 1

    @contextlib.contextmanager
    def _tolerating(self, identity: str) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            if not self._stopped.is_set():
                self._acknowledged.refused(f"{error.code().name} {identity}: {error.details()}")
                self._stopped.wait(_AGAIN)


def serial(chain: bytes) -> str:
    """The serial of the first certificate of a chain in DER."""
    leaf = x509.load_der_x509_certificate(chain[: 4 + int.from_bytes(chain[2:4])])
    return f"{leaf.serial_number:x}"
