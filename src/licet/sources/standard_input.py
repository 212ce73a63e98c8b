"""`-`: manifests from a pipe."""

from __future__ import annotations

import sys
from typing import BinaryIO

from licet.sources import names
from licet.sources.errors import SourceError
from licet.sources.intake import Intake

_ADVICE = "pipe manifests in, or name a path"


def read_once(*names_given: str | None) -> None:
    """Raises `SourceError` where `-` is named for more than one thing: standard input holds only one."""
    if names_given.count("-") > 1:
        raise SourceError("standard input can be read once", "write one of the two to a file, and name that")


def take(intake: Intake, stdin: BinaryIO | None) -> None:
    """Reads standard input, once however often it is named."""
    if names.STANDARD_INPUT in intake.named:
        return
    if stdin is None and sys.stdin is None:
        raise SourceError("standard input is closed", _ADVICE)
    try:
        if not intake.stream(names.STANDARD_INPUT, stdin or sys.stdin.buffer):
            raise SourceError("standard input is empty", _ADVICE)
    except OSError as error:
        raise SourceError(f"standard input cannot be read: {(error.strerror or '').lower()}", _ADVICE) from error
