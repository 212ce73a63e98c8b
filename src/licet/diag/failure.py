"""What ends a command or a request: wrong usage, broken input, an environment that does not work."""

from __future__ import annotations

import re

_LONGEST = 253
"""No name of an object is longer, nor is a path that anybody reads to its end."""
_KEPT = 100
_OVERLONG = re.compile(rf"`([^`]{{{_KEPT}}})[^`]{{{_LONGEST + 1 - 2 * _KEPT},}}([^`]{{{_KEPT}}})`")


class Failure(Exception):
    """Something that a person has to put right: what is wrong, and the way out, one line each.

    What they quote is cut in the middle where it is overlong.
    """

    def __init__(self, message: str, help: str) -> None:
        self.message = _OVERLONG.sub(r"`\1...\2`", message)
        self.help = _OVERLONG.sub(r"`\1...\2`", help)
        super().__init__(f"{self.message}: {self.help}")
