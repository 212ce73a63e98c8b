"""What stops the log from being written, or a command about it from answering."""

from __future__ import annotations

from licet.diag.failure import Failure


class AuditError(Failure):
    """What is wrong with the log or with what was asked of it, and the way out; both are one line."""


class NotCanonicalError(AuditError):
    """What was to be recorded has no canonical form: a number that is not exact, text that is not Unicode."""
