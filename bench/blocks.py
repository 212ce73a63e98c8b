"""Address blocks, as many as wanted and no two alike."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator

_POOLS = ("10.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "203.0.0.0/10", "52.0.0.0/10")
_LENGTHS = (16, 20, 22, 24, 24, 24, 28, 32, 32)
_POOL6 = "2001:db8::/32"
_LENGTHS6 = (48, 56, 64, 128)


def distinct(seed: int) -> Iterator[tuple[str, str]]:
    """Endless pairs of a block and a hole in it (empty for nine of ten).

    One block in ten is IPv6. Long and short prefixes of one pool nest and overlap, as they do in real lists.
    """
    draw = random.Random(f"blocks {seed}")
    seen: set[str] = set()
    while True:
        v6 = draw.random() < 0.1
        block = _within(_POOL6 if v6 else draw.choice(_POOLS), draw.choice(_LENGTHS6 if v6 else _LENGTHS), draw)
        if block in seen:
            continue
        seen.add(block)
        length = int(block.rpartition("/")[2])
        hole = _within(block, length + 4, draw) if draw.random() < 0.1 and length <= 28 else ""
        yield block, hole


def _within(pool: str, length: int, draw: random.Random) -> str:
    network = ipaddress.ip_network(pool)
    step = network.max_prefixlen - length
    index = draw.randrange(1 << (length - network.prefixlen))
    first = int(network.network_address) + (index << step)
    address = ipaddress.IPv4Address(first) if network.version == 4 else ipaddress.IPv6Address(first)
    return f"{address}/{length}"
