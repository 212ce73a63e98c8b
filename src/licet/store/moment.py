"""Times as text: RFC 3339 in UTC with microseconds, of one width, so that text sorts as time does."""

from __future__ import annotations

from datetime import UTC, datetime

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


def text(moment: datetime) -> str:
    """The moment, which has to have a time zone, as it is stored."""
    return moment.astimezone(UTC).strftime(_FORM)


def moment(text: str) -> datetime:
    """The moment that was stored; raises ValueError for other text."""
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
