"""`-`: manifests from a pipe."""

from __future__ import annotations

import sys
from typing import BinaryIO

from licet.sources import names
from licet.sources.errors import SourceError
from licet.sources.intake import Intake


def take(intake: Intake, stdin: BinaryIO | None) -> None:
    """Reads standard input, once however often it is named."""
    if names.STANDARD_INPUT in intake.named:
        return
    try:
        intake.stream(names.STANDARD_INPUT, stdin or sys.stdin.buffer)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise SourceError(f"standard input cannot be read: {reason}", "pipe manifests in, or name a path") from error
