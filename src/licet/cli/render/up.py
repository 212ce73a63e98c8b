"""How a platform on this machine is shown: each edge with what was let through and refused, beside what was agreed."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator

import msgspec

from licet.app.up.plan import Counts, Unplanned
from licet.app.up.tally import Row, Surprise
from licet.app.up.up import Report
from licet.cli.render.columns import aligned
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible

SCHEMA = "licet.dev/up/v1"
_HEAD = ("CALLER", "CALLEE", "PORT", "ALLOWED", "REFUSED", "WOULD BE REFUSED", "DECIDED BY")
_NOBODY = "(no certificate)"
_PACE = 10.0
_SHOWN = 20
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[2K", "\x1b[J"


class Screen:
    """What people see meanwhile, on standard error: a table that is redrawn on a terminal, else a line at times."""

    def __init__(self, paint: Paint, *, quiet: bool) -> None:
        self._paint = paint
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._drawn = 0
        self._told = 0.0

    def tell(self, what: str) -> None:
        """What begins now; empty when traffic does."""
        if self._terminal and not self._quiet:
            sys.stderr.write(f"\r{_CLEAR_LINE}{self._paint.faint(f'{what} …') if what else ''}")
            sys.stderr.flush()

    def show(self, report: Report) -> None:
        """How it stands after a round."""
        if self._quiet:
            return
        if self._terminal:
            self._draw(report)
        elif time.monotonic() >= self._told + _PACE:
            self._told = time.monotonic()
            sys.stderr.write(_summary(report) + "\n")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the terminal to what comes after."""
        if self._drawn:
            sys.stderr.write(f"\x1b[{self._drawn}F{_CLEAR_BELOW}")
            sys.stderr.flush()
            self._drawn = 0

    def _draw(self, report: Report) -> None:
        size = shutil.get_terminal_size((100, 24))
        lines = [*_table(report.rows, self._paint), "", _summary(report), self._paint.faint("Ctrl-C ends it")]
        if len(lines) > size.lines - 1:
            kept = max(size.lines - 5, 1)
            lines = [*lines[:kept], self._paint.faint(f"… {len(lines) - kept - 3} more"), *lines[-3:]]
        self.clear()
        sys.stderr.write("".join(f"{_cut(line, size.columns)}\n" for line in lines))
        sys.stderr.flush()
        self._drawn = len(lines)


def render(report: Report, paint: Paint) -> Iterator[str]:
    """What it came to, for people."""
    for line in _table(report.rows, paint):
        yield f"{line}\n"
    yield f"\n{_summary(report)}\n"
    for unplanned in report.plan.unplanned:
        yield f"{paint.faint('not called:')} {visible(unplanned.name)}: {visible(unplanned.reason)}\n"
    for surprise in report.surprises[:_SHOWN]:
        yield f"{paint.bad('unexpected:')} {visible(_told(surprise))}\n"
    if report.equal:
        yield f"{paint.good('What the sidecars saw is what was agreed.')}\n"
    else:
        yield f"{paint.bad('What the sidecars saw is not what was agreed.')}\n"


def render_json(report: Report) -> Iterator[str]:
    """The same for programs."""
    value = {
        "schema": SCHEMA,
        "equal": report.equal,
        "seconds": round(report.seconds, 1),
        "calls": report.calls,
        "edges": [_edge(row) for row in report.rows],
        "not_called": [_not_called(each) for each in report.plan.unplanned],
        "unexpected": [{"call": _told(each), "times": each.times} for each in report.surprises],
    }
    yield msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _table(rows: tuple[Row, ...], paint: Paint) -> list[str]:
    head, *lines = aligned([_cells(row) for row in rows], _HEAD)
    return [paint.faint(head), *(_painted(line, row, paint) for line, row in zip(lines, rows, strict=True))]


def _cells(row: Row) -> tuple[str, ...]:
    edge, agreed, seen = row.edge, row.agreed, row.seen
    return (
        str(edge.caller or _NOBODY),
        str(edge.callee),
        str(edge.port),
        _count(seen.allowed, agreed.allowed),
        _count(seen.refused, agreed.refused),
        _count(seen.would_be_refused, agreed.would_be_refused),
        f"{row.failed} failed" if row.failed else row.rule,
    )


def _count(seen: int, agreed: int) -> str:
    if seen == agreed:
        return str(seen) if seen else ""
    return f"{seen} of {agreed}"


def _painted(line: str, row: Row, paint: Paint) -> str:
    if not row.equal:
        return paint.bad(line)
    if row.seen.refused:
        return paint.open(line)
    return line


def _summary(report: Report) -> str:
    total = [sum(getattr(row.seen, each) for row in report.rows) for each in ("allowed", "refused", "would_be_refused")]
    would = f", {total[2]} would be refused" if total[2] else ""
    return (
        f"{report.seconds:.0f} s: {counted(report.calls, 'call')} on {counted(len(report.rows), 'edge')}, "
        f"{total[0]} allowed, {total[1]} refused{would}"
    )


def _told(surprise: Surprise) -> str:
    planned, outcome = surprise.planned, surprise.outcome
    what = f"{planned.call.protocol.value} {planned.call.method} {planned.call.path}".rstrip()
    reason = f": {outcome.reason}" if outcome.reason else ""
    return (
        f"{planned.caller} to {planned.callee}:{planned.port}, {what} ({planned.cause.value}): "
        f"{outcome.result.value} instead of {planned.expected.value}{reason}, {counted(surprise.times, 'time')}"
    )


def _edge(row: Row) -> dict[str, object]:
    def counts(of: Counts) -> dict[str, int]:
        return {"allowed": of.allowed, "refused": of.refused, "would_be_refused": of.would_be_refused}

    return {
        "caller": str(row.edge.caller) if row.edge.caller else None,
        "callee": str(row.edge.callee),
        "port": row.edge.port,
        "agreed": counts(row.agreed),
        "seen": {**counts(row.seen), "failed": row.failed},
        "rule": row.rule,
    }


def _not_called(unplanned: Unplanned) -> dict[str, str]:
    return {"caller": str(unplanned.caller), "call": unplanned.name, "reason": unplanned.reason}


def _cut(line: str, width: int) -> str:
    """No longer than the terminal is wide; what colours it takes no room."""
    plain, at = 0, 0
    while at < len(line):
        if line[at] == "\x1b":
            at = line.index("m", at) + 1
            continue
        plain += 1
        if plain > width - 1:
            return line[:at] + ("\x1b[0m" if "\x1b" in line else "")
        at += 1
    return line
