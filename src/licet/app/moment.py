"""The time that decides what has expired: as the user says, or now."""

from __future__ import annotations

from datetime import UTC, datetime

from licet.sources import SourceError

_EARLIEST, _LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""What can be told in UTC and is written with four digits of a year."""


def moment(text: str | None) -> datetime:
    """The time of an RFC 3339 text; without one what the clock says. Raises SourceError where it is no time."""
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not _EARLIEST < found < _LATEST:
        raise SourceError(f"`{text}` is no time", "write such as `2027-03-31T00:00:00Z`")
    return found
