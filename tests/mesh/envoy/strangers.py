"""Servers that stand where a callee should, with whatever certificate and version of TLS they have."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from licet.identity.svid import X509Svid
from tests.identity.workload.envoy import client
from tests.identity.workload.sources import Authority

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Stranger:
    """What it was told, once TLS was agreed to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[bytes] = []
        self.names: list[str | None] = []


@contextmanager
def stranger(
    home: Path, at: str, svid: X509Svid, authority: Authority, *, port: int = 0, latest: bool = True
) -> Iterator[Stranger]:
    """One that answers every connection on this address; not `latest` is TLS 1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if not latest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    home.mkdir()
    client(home, svid, authority)
    context.load_cert_chain(home / "client.pem")
    listening = socket.create_server((at, port))
    made = Stranger(listening.getsockname()[1])

    def named(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> None:
        made.names.append(name)

    context.sni_callback = named
    thread = threading.Thread(target=_answer, args=(listening, context, made))
    thread.start()
    try:
        yield made
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()


def _answer(listening: socket.socket, context: ssl.SSLContext, made: Stranger) -> None:
    with suppress(OSError):
        while True:
            met = listening.accept()[0]
            met.settimeout(10)
            with suppress(OSError), context.wrap_socket(met, server_side=True) as secured:
                if data := secured.recv(65536):
                    made.heard.append(data)
                    secured.sendall(ANSWER)
            met.close()
