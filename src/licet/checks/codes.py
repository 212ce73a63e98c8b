"""Which codes of findings there are."""

from __future__ import annotations

from itertools import chain
from typing import Final

CODES: Final = frozenset(
    f"L{number:04}"
    for number in chain(
        range(1, 7),
        range(10, 13),
        range(20, 26),
        range(30, 31),
        range(50, 69),
        range(100, 117),
        range(140, 144),
        range(160, 169),
        range(200, 216),
        range(300, 304),
        range(350, 363),
        range(370, 386),
        range(400, 408),
        range(420, 426),
        range(440, 448),
        range(460, 470),
    )
)
"""Every code of findings about manifests: the rooms above and beside this one have theirs too."""
