"""A source as it was read."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True):
    """The bytes of one source under the name that people know it by (`Origin.source`, `Span.source`)."""

    source: str
    data: bytes
