"""A DNS server that says of each name what a test has it say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

_A, _ANSWERED, _NO_SUCH_NAME = 1, 0x8180, 0x8183


@contextmanager
def resolving(addresses: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Where it is, and the names that it was asked for."""
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served:
        served.bind(("127.0.0.1", 0))
        at = served.getsockname()

        def answer() -> None:
            with suppress(OSError):
                while True:
                    question, whom = served.recvfrom(512)
                    if not question:
                        return
                    served.sendto(_answer(question, addresses, asked), whom)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"{at[0]}:{at[1]}", asked
        finally:
            served.sendto(b"", at)
            thread.join()


def _answer(question: bytes, addresses: Mapping[str, str], asked: list[str]) -> bytes:
    labels, position = [], 12
    while length := question[position]:
        labels.append(question[position + 1 : position + 1 + length].decode())
        position += 1 + length
    end = position + 5
    name, kind = ".".join(labels).lower(), int.from_bytes(question[position + 1 : position + 3])
    asked.append(name)
    address = addresses.get(name) if kind == _A else None
    flags = _ANSWERED if name in addresses else _NO_SUCH_NAME
    head = question[:2] + flags.to_bytes(2) + b"\x00\x01" + bool(address).to_bytes(2) + b"\x00" * 4
    record = b""
    if address:
        record = b"\xc0\x0c\x00\x01\x00\x01" + (60).to_bytes(4) + b"\x00\x04" + socket.inet_aton(address)
    return head + question[12:end] + record
