"""A socket of a kernel that knows no SO_PEERPIDFD, which no kernel at hand is."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any


class Linux61(socket.socket):
    """Refuses that one option as Linux 6.1 does; everything else is the real kernel's."""

    def getsockopt(self, level: int, option: int, *rest: int) -> Any:
        """The option, if that kernel had it."""
        if option == 77:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        return super().getsockopt(level, option, *rest)
