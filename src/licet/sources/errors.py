"""Wrong usage or a broken environment: what stops the whole command."""

from __future__ import annotations

import re

_LONGEST = 253
"""No name of an object is longer, nor is a path that anybody reads to its end."""
_KEPT = 100
_OVERLONG = re.compile(rf"`([^`]{{{_KEPT}}})[^`]{{{_LONGEST + 1 - 2 * _KEPT},}}([^`]{{{_KEPT}}})`")


class SourceError(Exception):
    """What the user asked for cannot be read at all; `help` says how to put it right. Both are one line.

    What they quote is cut in the middle where it is overlong.
    """

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = _OVERLONG.sub(r"`\1...\2`", message)
        self.help = _OVERLONG.sub(r"`\1...\2`", help)


class NothingThereError(SourceError):
    """A folder without a manifest."""
