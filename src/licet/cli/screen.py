"""A platform on this machine while it runs: its table redrawn on a terminal, elsewhere a line at times."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

from licet.app.up.traffic import Report
from licet.cli.render.up import examples, grouping, summary, table, title
from licet.diag.render.paint import Paint
from licet.diag.render.visible import columns, visible

_PACE = 10.0
"""Seconds between two lines, where there is no terminal."""
_TURN = 4.0
"""Seconds that a page of a table stands that is longer than the terminal."""
_ENTER, _LEAVE, _HOME = "\x1b[?1049h", "\x1b[?1049l", "\x1b[H"
_REST_OF_LINE, _REST = "\x1b[K", "\x1b[J"
_LEAST_ROWS = 4


class Screen:
    """Standard error while it is entered; it says nothing where `quiet`."""

    def __init__(self, paint: Paint, *, quiet: bool) -> None:
        self._paint = paint
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = False
        self._stage = ""
        self._told = -_PACE

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._terminal and not self._quiet:
            self._write(_LEAVE if self._drawn else f"\r{_REST_OF_LINE}")

    def tell(self, what: str) -> None:
        """What begins now."""
        if self._quiet:
            return
        if self._terminal:
            self._write(f"\r{_REST_OF_LINE}{_cut(self._paint.faint(f'{what} …'), _size().columns)}")
        elif (stage := what.partition(":")[0]) != self._stage:
            self._stage = stage
            self._write(f"{stage}\n")

    def show(self, report: Report) -> None:
        """How it stands."""
        if self._quiet:
            return
        if self._terminal:
            self._draw(report)
        elif time.monotonic() >= self._told + _PACE:
            self._told = time.monotonic()
            self._write(f"{summary(report)}\n")

    def _draw(self, report: Report) -> None:
        size = _size()
        head, lines = table(report, self._paint, settled=False)
        above = [title(report, self._paint), head]
        ended = [self._paint.bad(visible(each)) for each in report.lost]
        below = ["", *examples(report, self._paint), "", *ended, summary(report)]
        room = size.lines - len(above) - len(below) - 1
        if room < _LEAST_ROWS:
            below = [*ended[-1:], summary(report)]
            room = max(size.lines - len(above) - len(below) - 1, 1)
        pages = max(-(-len(lines) // room), 1)
        page = int(report.seconds / _TURN) % pages
        rows = [*above, *grouping(lines[page * room : (page + 1) * room]), *below]
        # A line is cleared before it is written: behind a full one its last character would go.
        drawn = "".join(f"{_REST_OF_LINE}{_cut(row, size.columns)}\r\n" for row in rows)
        legend = _cut(self._paint.faint(_legend(report, page, pages)), size.columns)
        entered = "" if self._drawn else f"\r{_REST_OF_LINE}{_ENTER}"
        self._write(f"{entered}{_HOME}{drawn}{_REST}{legend}")
        self._drawn = True

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _size() -> os.terminal_size:
    """Of the terminal behind standard error; of those that do not know it, the usual one."""
    found = os.get_terminal_size(sys.stderr.fileno())
    return found if all(found) else os.terminal_size((80, 24))


def _legend(report: Report, page: int, pages: int) -> str:
    paging = f"page {page + 1} of {pages}; " if pages > 1 else ""
    shadow = "would be: if enforced; " if report.shadow else ""
    return f"{paging}no rule: agreed by both sides; {shadow}Ctrl-C: end"


def _cut(line: str, width: int) -> str:
    """No longer than the terminal is wide; what colours it takes no room."""
    taken = at = 0
    while at < len(line):
        if line[at] == "\x1b":
            at = line.index("m", at) + 1
            continue
        taken += columns(line[at])
        if taken > width:
            return line[:at] + ("\x1b[0m" if "\x1b" in line else "")
        at += 1
    return line
