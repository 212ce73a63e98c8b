"""An object of a manifest that was read and not yet taken apart."""

from __future__ import annotations

from typing import Any

import msgspec


class Written(msgspec.Struct, frozen=True, gc=False):
    """An object as JSON: a type takes from it what it asks for, and the rest is never built."""

    text: str
    api_version: str
    kind: str

    @property
    def value(self) -> dict[str, Any]:
        """All of it as plain data, made anew each time."""
        value: dict[str, Any] = msgspec.json.decode(self.text)
        return value
