"""Colours of a terminal."""

from __future__ import annotations

import msgspec

from licet.diag.diagnostic import Severity

_SEVERITY = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}


class Paint(msgspec.Struct, frozen=True):
    """Wraps text in colours, or leaves it alone where `on` is False."""

    on: bool = False

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and text else text

    def severity(self, severity: Severity, text: str) -> str:
        """In the colour of how bad it is."""
        return self._wrap(_SEVERITY[severity], text)

    def strong(self, text: str) -> str:
        """In bold."""
        return self._wrap("1", text)

    def faint(self, text: str) -> str:
        """For what frames the content: gutters, arrows, headings of columns."""
        return self._wrap("2", text)

    def good(self, text: str) -> str:
        """For what is allowed or in order."""
        return self._wrap("1;32", text)

    def bad(self, text: str) -> str:
        """For what is denied or failed."""
        return self._wrap("1;31", text)

    def open(self, text: str) -> str:
        """For what is undetermined."""
        return self._wrap("1;33", text)

    def hint(self, text: str) -> str:
        """For the way out."""
        return self._wrap("1;36", text)


PLAIN = Paint()
