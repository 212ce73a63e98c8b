"""Where on the network something is: `host:port`."""

from __future__ import annotations

import re

from licet.identity.errors import MalformedError

_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]/]+)):([0-9]{1,5})")
_MOST = (1 << 16) - 1


def host_and_port(text: str, *, listening: bool = False) -> tuple[str, int]:
    """Host and port of `host:port` or `[address]:port`, of which 0 is one to listen on; raises MalformedError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not (0 if listening else 1) <= int(found[3]) <= _MOST:
        raise MalformedError(f"`{' '.join(text.split())[:200]}` is no address", "`host:port`")
    return found[1] or found[2], int(found[3])
