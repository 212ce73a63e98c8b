"""Where on the network something is: `host:port`."""

from __future__ import annotations

import os
import re
import socket

from licet.identity.errors import IdentityError, MalformedError

_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]/]+)):([0-9]{1,5})")
_MOST = (1 << 16) - 1


def host_and_port(text: str, *, listening: bool = False) -> tuple[str, int]:
    """Host and port of `host:port` or `[address]:port`, of which 0 is one to listen on; raises MalformedError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not (0 if listening else 1) <= int(found[3]) <= _MOST:
        raise MalformedError(f"`{' '.join(text.split())[:200]}` is no address", "`host:port`")
    return found[1] or found[2], int(found[3])


def written(host: str, port: int) -> str:
    """Host and port as one text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def not_listened(text: str) -> IdentityError:
    """Why `host:port` could not be listened on: libraries that try say it each in another way, or not at all."""
    host, port = host_and_port(text, listening=True)
    reason = "not possible"
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        told = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or reason
        reason = told.partition(" (while")[0].lower()
    return IdentityError(f"`{text}` cannot be listened on: {reason}", "name another address or port")
