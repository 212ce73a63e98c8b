"""Loopback addresses that one command has to itself."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from types import TracebackType

from licet.diag.failure import Failure

_BLOCKS = range(256)
_IN_BLOCK = range(1, 255)
_MARK = 255
_PORT = 7777


class Claim:
    """As many addresses of 127.77.0.0/16 as asked for, in blocks of 254.

    A block is claimed by a bound socket on its last address. So the kernel tells of claims wherever the addresses are
    shared, among all users, and lets go of one when the process ends in whatever way. Raises Failure where none are
    left.
    """

    def __init__(self, addresses: int) -> None:
        self.addresses: tuple[str, ...] = ()
        self._held = ExitStack()
        self._why = ""
        found: list[str] = []
        for block in _BLOCKS:
            if len(found) < addresses and self._take(block):
                found += (f"127.77.{block}.{number}" for number in _IN_BLOCK)
        if len(found) < addresses:
            self.close()
            if self._why:
                raise Failure(
                    f"addresses of 127.77.0.0/16 cannot be used here: {self._why}", "bring up the interface `lo`"
                )
            raise Failure(
                f"there are {len(found)} free addresses of 127.77.0.0/16 for {addresses} workloads",
                "stop another platform that is up, or bring up fewer paths",
            )
        self.addresses = tuple(found[:addresses])

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave them to others."""
        self._held.close()

    def _take(self, block: int) -> bool:
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            mark.bind((f"127.77.{block}.{_MARK}", _PORT))
            mark.connect((f"127.77.{block}.{_MARK}", _PORT))
        except OSError as error:
            mark.close()
            if error.errno != errno.EADDRINUSE:
                self._why = (error.strerror or str(error)).lower()
            return False
        self._held.enter_context(mark)
        return True
