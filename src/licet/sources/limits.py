"""How much is read at most, so that no input can exhaust the machine."""

from __future__ import annotations

from typing import Final

MIB: Final = 1 << 20
FILE: Final = 512 * MIB
TOTAL: Final = 1024 * MIB
RENDERED: Final = 256 * MIB
KUSTOMIZATION: Final = 4 * MIB
INPUT: Final = 4 * MIB
SECONDS: Final = 60.0


def size(count: int) -> str:
    """A number of bytes for people: `512 MiB`."""
    return f"{count // MIB} MiB" if count >= MIB else f"{count} bytes"
