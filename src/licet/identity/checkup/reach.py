"""Does the Workload API answer, and is what it hands out accepted?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import grpc

from licet.diag.diagnostic import Diagnostic
from licet.identity import findings
from licet.identity.certificate import verify
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.workload.proto.workload_pb2 import X509SVIDRequest, X509SVIDResponse

_PATIENCE = 10.0
_METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"
_HEADER = (("workload.spiffe.io", "true"),)


def examine(socket: Path, now: datetime) -> Iterator[Diagnostic]:
    """Call the socket as a workload does, as the user who runs this."""
    if not socket.is_socket():
        yield findings.unreachable(str(socket), "there is no socket")
        return
    response, code, details = _fetch(socket)
    if response is None:
        if code is grpc.StatusCode.PERMISSION_DENIED:
            yield findings.nobody(str(socket), os.geteuid())
        else:
            said = "nobody answers" if "failed to connect" in details.lower() else details or code.name.lower()
            yield findings.unreachable(str(socket), said)
        return
    for svid in response.svids:
        try:
            verify(_certificates(svid.x509_svid), _certificates(svid.bundle), now)
        except IdentityError as error:
            yield findings.bad_answer(str(socket), error)


def _fetch(socket: Path) -> tuple[X509SVIDResponse | None, grpc.StatusCode, str]:
    with grpc.insecure_channel(f"unix:{socket.resolve()}") as channel:
        fetch = channel.unary_stream(_METHOD, X509SVIDRequest.SerializeToString, X509SVIDResponse.FromString)
        call = fetch(X509SVIDRequest(), timeout=_PATIENCE, metadata=_HEADER)
        try:
            return next(call), grpc.StatusCode.OK, ""
        except grpc.RpcError:
            return None, call.code(), call.details() or ""
        finally:
            call.cancel()


def _certificates(joined: bytes) -> list[bytes]:
    """DER certificates that stand one behind the other."""
    found = []
    while joined:
        length = _length(joined)
        found.append(joined[:length])
        joined = joined[length:]
    return found


def _length(der: bytes) -> int:
    """Bytes of the first of them (X.690, 8.1.3): tag, length, and what is as long."""
    if len(der) < 2 or (der[1] & 0x80 and not 1 <= der[1] & 0x7F <= 4):
        raise MalformedError("a certificate cannot be read", "DER, one certificate behind the other")
    if der[1] < 0x80:
        return 2 + der[1]
    octets = der[1] & 0x7F
    return 2 + octets + int.from_bytes(der[2 : 2 + octets], "big")
