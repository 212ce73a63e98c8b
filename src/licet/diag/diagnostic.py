"""The finding, as a value."""

from __future__ import annotations

import enum

import msgspec

from licet.diag.place import Place, Span


class Severity(enum.IntEnum):
    """How bad a finding is; comparable, worst highest."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The severity as it is written in output and settings: `info`, `warning`, `error`."""
        return self.name.lower()


class Fix(msgspec.Struct, frozen=True):
    """A replacement of the finding's own span that puts it right."""

    title: str
    replacement: str


class Related(msgspec.Struct, frozen=True):
    """Another place that has a part in a finding, and what stands there."""

    where: Place | Span
    label: str


class Diagnostic(msgspec.Struct, frozen=True):
    """Something wrong, with everything that a reader needs to put it right.

    `code` is a rule id such as `L0102`; `message` and `help` start in lower case, end without a full stop
    and put backticks round what the user wrote. `label` stands under the caret, `notes` follow as `= ...`
    lines. `where` is a place until the text is at hand, a span afterwards, and None where no text is to blame; the
    same holds of the places of `related`.
    """

    code: str
    severity: Severity
    message: str
    where: Place | Span | None = None
    label: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
