"""Access log entries as a sidecar sends them, and the sockets that they are about."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    AccessLogCommon,
    AccessLogType,
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
    TLSProperties,
)
from google.protobuf.message import Message

from licet.flows.envoy import CONNECTION
from licet.mesh.envoy.access_log import LOCAL
from licet.mesh.severing.connection import End, Ends

BAD, GOOD = "spiffe://shop.example/bad", "spiffe://shop.example/good"
BEGIN, END = "DownstreamStart", "TcpConnectionEnd"


def ends(port: int, local: tuple[str, int] = ("198.51.100.1", 8080), remote: str = "192.0.2.7") -> Ends:
    """Of a connection from this port."""
    return Ends(End.of(*local), End.of(remote, port))


def entry(kind: str, of: Ends, who: str = BAD, *, number: int = 1, address: str = "", local: str = "") -> Message:
    """An entry of a type, about a connection; `address` is said of the caller, `local` is the tag."""
    common = AccessLogCommon(access_log_type=AccessLogType.Value(kind), custom_tags={CONNECTION: str(number)})
    for field, end in (
        (common.downstream_direct_remote_address, of.remote),
        (common.downstream_local_address, of.local),
    ):
        field.socket_address.address, field.socket_address.port_value = str(end.address), end.port
    if local:
        common.custom_tags[LOCAL] = local
    if address:
        common.downstream_direct_remote_address.socket_address.address = address
    if who:
        name = TLSProperties.CertificateProperties.SubjectAltName(uri=who)
        common.tls_properties.peer_certificate_properties.subject_alt_name.append(name)
    made: Message = (TCPAccessLogEntry if kind.startswith("Tcp") else HTTPAccessLogEntry)(common_properties=common)
    return made


class Pair(msgspec.Struct, frozen=True):
    """Both sides of a connection on this machine, and its ends as the accepting side has them."""

    caller: socket.socket
    accepted: socket.socket
    ends: Ends

    def alive(self) -> bool:
        """Whether a byte still gets through."""
        try:
            self.caller.send(b"x")
            return self.accepted.recv(1) == b"x"
        except OSError:
            return False


@contextmanager
def connected(listener: socket.socket, address: str = "127.0.0.1", source: str = "") -> Iterator[Pair]:
    """A new connection to the listener, at this address, from one of the kernel's choice unless it is given."""
    to, at = (address, listener.getsockname()[1]), (source, 0) if source else None
    with socket.create_connection(to, source_address=at) as caller, listener.accept()[0] as accepted:
        own, peer = accepted.getsockname()[:2], accepted.getpeername()[:2]
        yield Pair(caller, accepted, Ends(End.of(*own), End.of(*peer)))
