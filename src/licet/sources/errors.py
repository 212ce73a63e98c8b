"""Wrong usage or a broken environment: what stops the whole command."""

from __future__ import annotations


class SourceError(Exception):
    """What the user asked for cannot be read at all; `help` says how to put it right. Both are one line."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
