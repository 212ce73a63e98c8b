"""Wrong usage or a broken environment: what stops the whole command."""

from __future__ import annotations

from licet.diag.failure import Failure


class SourceError(Failure):
    """What the user asked for cannot be read at all."""


class NothingThereError(SourceError):
    """A folder without a manifest."""
