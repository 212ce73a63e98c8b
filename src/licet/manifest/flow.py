"""Plain data as one line of YAML."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})


def flow(value: Any, *, json: bool = False) -> str:
    """The value in flow style, text in quotes where it would be read as something else, or always with `json`."""
    match value:
        case dict():
            pairs = ", ".join(f"{flow(key, json=json)}: {flow(item, json=json)}" for key, item in value.items())
            return f"{{{pairs}}}"
        case list():
            return f"[{', '.join(flow(item, json=json) for item in value)}]"
        case str() if not json and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
    return msgspec.json.encode(value).decode()
