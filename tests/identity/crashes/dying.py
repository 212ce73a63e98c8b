"""`licet`, which dies at its n-th call of a place: `python -m tests.identity.crashes.dying PLACE before|after N ...`.

Only what is counted is added; what runs is the command itself, which gets SIGKILL from its own hand.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from licet.audit import witness
from licet.identity.keyring import Keyring
from licet.store.database import Database

PLACES: dict[str, tuple[Any, str]] = {
    "fsync": (os, "fsync"),
    "replace": (os, "replace"),
    "link": (os, "link"),
    "unlink": (os, "unlink"),
    "mkdir": (os, "mkdir"),
    "open": (os, "open"),
    "statement": (DefaultDialect, "do_execute"),
    "statements": (DefaultDialect, "do_executemany"),
    "commit": (DefaultDialect, "do_commit"),
    "rollback": (DefaultDialect, "do_rollback"),
    "remember": (witness, "remember"),
    "scrub": (Database, "scrub"),
    "generate": (Keyring, "generate"),
    "destroy": (Keyring, "destroy"),
    "bind": (socket.socket, "bind"),
    "listen": (socket.socket, "listen"),
}
"""Where a process may be told to die: the functions that every lasting step goes through."""


def arrange(place: str, when: str, times: int) -> None:
    """Have this process die just before or just after its n-th call of a place returns."""
    owner, name = PLACES[place]
    real: Callable[..., Any] = getattr(owner, name)
    lock, calls = threading.Lock(), 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        with lock:
            calls += 1
            last = calls == times
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, counted)


if __name__ == "__main__":
    arrange(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.argv[1:] = sys.argv[4:]
    from licet.__main__ import leave

    leave()
