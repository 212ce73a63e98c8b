"""What the user wants left out of a folder, as glob patterns."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence


class Exclusion:
    """Patterns as in `.gitignore`, without negation.

    `*` and `?` stay within one name, `**` crosses folders. A pattern without a slash inside fits a name at any
    depth, any other is relative to `root`. A pattern that ends in a slash fits folders only; what is inside a
    folder that fits is left out with it.
    """

    def __init__(self, patterns: Sequence[str], root: str = ".") -> None:
        self._root = os.path.abspath(root)
        self._any = _union([p for p in patterns if not p.endswith("/")])
        self._folders = _union([p.rstrip("/") for p in patterns])

    def __bool__(self) -> bool:
        return self._folders is not None

    def covers(self, path: str, *, folder: bool) -> bool:
        """Whether a file or folder found while walking is left out."""
        pattern = self._folders if folder else self._any
        if pattern is None:
            return False
        relative = os.path.relpath(os.path.abspath(path), self._root).replace(os.sep, "/")
        return pattern.fullmatch(relative) is not None


def _union(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile("|".join(_translate(p) for p in patterns), re.DOTALL)


def _translate(pattern: str) -> str:
    body = pattern.removeprefix("./").removeprefix("/")
    anchored = "/" in pattern.removeprefix("./")
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", body, re.DOTALL)
    return ("" if anchored else "(?:.*/)?") + "".join(map(_token, tokens))


def _token(token: str) -> str:
    match token:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _ if len(token) > 1:
            inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
        case _:
            return re.escape(token)
