"""How large a document may be: beyond, it is a finding rather than a machine out of memory."""

from __future__ import annotations

from typing import Any, Final

BYTES: Final = 64 * 2**20
"""Of one document."""

DEPTH: Final = 512
"""Mappings and lists inside each other, after aliases."""

EXPANDED: Final = 1_000_000
"""Nodes (keys and values) of a document with aliases, after these are followed."""

NODES: Final = 10_000_000
"""Nodes of a document without aliases, which can have no more than it has bytes."""


def exceeded(value: Any) -> str:
    """Which bound a value without shared parts goes beyond: `deep`, `nodes` or none, as an empty string."""
    level, nodes = [value], 1
    for _ in range(DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                nodes += 2 * len(item)
                below.extend(child for child in item.values() if type(child) is dict or type(child) is list)
            elif type(item) is list:
                nodes += len(item)
                below.extend(child for child in item if type(child) is dict or type(child) is list)
        if not below:
            return "nodes" if nodes > NODES else ""
        level = below
    return "deep"
