"""HTTP/2 by hand, on both sides of a sidecar: callers that keep to no rule, and a program that says what it hears."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

Fields = Sequence[tuple[str, str]]
GRPC: Fields = (
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", "cart"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
)


def answer(connection: socket.socket, keep: Callable[[list[tuple[bytes, bytes]]], None]) -> None:
    """Answer every request with 200, and every piece of a body with itself, until the other side leaves."""
    state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
    state.initiate_connection()
    connection.sendall(state.data_to_send())
    while data := connection.recv(65536):
        for event in state.receive_data(data):
            match event:
                case h2.events.RequestReceived():
                    keep(event.headers)
                    state.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                case h2.events.DataReceived():
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    state.send_data(event.stream_id, event.data)
            if isinstance(event, h2.events.StreamEnded):
                state.send_headers(event.stream_id, [("grpc-status", "0")], end_stream=True)
        connection.sendall(state.data_to_send())


class Client:
    """A connection over which streams are opened and spoken on; nothing that is sent is looked at first."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._state = h2.connection.H2Connection(
            h2.config.H2Configuration(
                validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="utf-8"
            )
        )
        self._state.initiate_connection()
        self._heard: list[Any] = []
        self._ended = False

    def open(self, fields: Iterable[tuple[str, str]], *, end: bool = False) -> int:
        """Begin a stream."""
        stream = int(self._state.get_next_available_stream_id())
        self._state.send_headers(stream, list(fields), end_stream=end)
        self._connection.sendall(self._state.data_to_send())
        return stream

    def say(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a body."""
        self._state.send_data(stream, data, end_stream=end)
        self._connection.sendall(self._state.data_to_send())

    def status(self, stream: int) -> int:
        """What the stream is answered with, 0 where it is ended without an answer."""
        event = self._until(stream, h2.events.ResponseReceived)
        return 0 if event is None else int(dict(event.headers)[":status"])

    def refused(self, stream: int) -> bool:
        """Whether a call of gRPC is answered with PERMISSION_DENIED, which is no status of HTTP."""
        event = self._until(stream, h2.events.ResponseReceived)
        return event is not None and dict(event.headers).get("grpc-status") == "7"

    def said(self, stream: int) -> bytes:
        """The next piece of the answer's body, empty where there is none to come."""
        event = self._until(stream, h2.events.DataReceived)
        if event is None:
            return b""
        self._heard.remove(event)
        return bytes(event.data)

    def _until(self, stream: int, kind: type) -> Any:
        while True:
            of = [event for event in self._heard if getattr(event, "stream_id", None) == stream]
            for event in of:
                if isinstance(event, kind):
                    return event
            if self._ended or any(isinstance(event, (h2.events.StreamReset, h2.events.StreamEnded)) for event in of):
                return None
            self._read()

    def _read(self) -> None:
        try:
            data = self._connection.recv(65536)
        except ConnectionError:
            data = b""
        self._ended = not data
        self._heard += self._state.receive_data(data) if data else []
        self._ended = self._ended or any(isinstance(event, h2.events.ConnectionTerminated) for event in self._heard)
