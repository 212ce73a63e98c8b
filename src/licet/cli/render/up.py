"""How a platform on this machine is shown: each edge with what was let through and refused, beside what was agreed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from licet.app.up.orders import Protocol
from licet.app.up.plan import Counts, Expected, Planned, Unplanned
from licet.app.up.tally import Row, Surprise
from licet.app.up.traffic import Example, Report
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.flows.record import TlsFailure
from licet.model.key import Key

SCHEMA = "licet.dev/up/v1"
_HEAD = ("CALLER", "CALLEE", "ALLOWED", "REFUSED", "WOULD BE", "DECIDED BY")
_NOBODY = "(no certificate)"
_SHOWN = 20
_WORDS = {Expected.ALLOWED: "allowed", Expected.REFUSED: "refused", Expected.WOULD_BE_REFUSED: "would be"}
_GRPC = (Protocol.GRPC, Protocol.GRPC_STREAM)


class Line(msgspec.Struct, frozen=True):
    """An edge as it is shown; the caller apart, since it may be named once for several."""

    caller: str
    rest: str


def render(report: Report, paint: Paint, *, grouped: bool) -> Iterator[str]:
    """What it came to, for people; where `grouped`, a caller is named once for all of its edges."""
    lines = [title(report, paint), "", *_rows(report, paint, grouped=grouped), "", *examples(report, paint), ""]
    lines.append(summary(report))
    if any(number > 1 for number in report.alike.values()):
        lines.append(f"{paint.faint('+N:')} as many more have the same identity, and cannot be told apart")
    lines += [
        f"{paint.faint('not called:')} {visible(each.name)}: {visible(each.reason)}" for each in report.plan.unplanned
    ]
    lines += [f"{paint.bad('ended:')} {visible(each)}" for each in report.lost]
    lines += [f"{paint.bad('unexpected:')} {visible(_told(each))}" for each in report.surprises[:_SHOWN]]
    if (more := len(report.surprises) - _SHOWN) > 0:
        lines.append(f"{paint.bad('unexpected:')} {more} more (all of them with `-o json`)")
    if report.equal:
        lines.append(paint.good("What the sidecars saw is what was agreed."))
    else:
        lines.append(paint.bad("What the sidecars saw is not what was agreed."))
    yield "".join(f"{line}\n" for line in lines)


def title(report: Report, paint: Paint) -> str:
    """What runs."""
    sidecars = counted(report.sidecars, "sidecar")
    shadow = f", shadow: {', '.join(map(_stem, sorted(report.shadow)))}" if report.shadow else ""
    domain = paint.strong(visible(report.trust_domain))
    return f"{domain}: {sidecars} of Envoy {report.envoy}, mutual TLS 1.3{shadow}"


def table(report: Report, paint: Paint, *, settled: bool) -> tuple[str, list[Line]]:
    """The heading, and each edge. What sidecars still have to tell of counts as missing where all is `settled`."""
    names = _Names(report)
    cells = [_cells(row, names, settled=settled) for row in report.rows]
    shadow = any(each.seen.would_be_refused or each.agreed.would_be_refused for each in report.rows)
    widths = [max(map(len, column)) for column in zip(_HEAD, *cells, strict=True)]

    def line(row: Sequence[str], paints: Sequence[str]) -> list[str]:
        caller, callee, allowed, refused, would, rule = row
        numbers = [
            _painted(paint, kind, f"{text:>{width}}")
            for kind, text, width in zip(paints, (allowed, refused, would), widths[2:5], strict=True)
        ]
        rest = "  ".join(["", f"{callee:<{widths[1]}}", *(numbers if shadow else numbers[:2]), rule])
        return [f"{caller:<{widths[0]}}", rest.rstrip()]

    head = paint.faint("".join(line(_HEAD, ("", "", ""))))
    shown = []
    for row, each in zip(report.rows, cells, strict=True):
        wrong = row.failed or (not row.equal if settled else _beyond(row))
        caller, rest = line(each, ("", "", "") if wrong else ("good", "bad", "open"))
        shown.append(Line(caller, paint.bad(rest)) if wrong else Line(caller, rest))
    return head, shown


def grouping(lines: Sequence[Line]) -> Iterator[str]:
    """Lines below each other, each caller named where its first is."""
    before = ""
    for line in lines:
        yield (line.caller if line.caller != before else " " * len(line.caller)) + line.rest
        before = line.caller


def examples(report: Report, paint: Paint) -> Iterator[str]:
    """A call of each kind: who made it, whom it was for, what it was, and the line of a contract; two lines each."""
    found = {each.planned.expected: each for each in report.examples}
    for expected in Expected:
        if (example := found.get(expected)) is not None:
            planned, why = example.planned, example.explained
            kind = {"allowed": "good", "refused": "bad"}.get(_WORDS[expected], "open")
            word = _painted(paint, kind, f"{_WORDS[expected]:<9}")
            yield f"{word} {visible(example.identity)} {paint.faint('->')} {_stem(planned.callee)}:{planned.port}"
            reason = f"{'by' if why.allowed else 'not by'} {why.contract}"
            yield f"{'':10}{visible(_call(planned))}, {visible(reason)}"


def summary(report: Report) -> str:
    """The sums."""
    total = [sum(getattr(row.seen, each) for row in report.rows) for each in Counts.__struct_fields__]
    would = f", {total[2]:,} would be refused" if total[2] else ""
    return (
        f"{report.seconds:.0f} s: {counted(report.calls, 'call')} on {counted(len(report.rows), 'edge')}, "
        f"{total[0]:,} allowed, {total[1]:,} refused{would}"
    )


def render_json(report: Report) -> Iterator[str]:
    """The same for programs."""
    value = {
        "schema": SCHEMA,
        "equal": report.equal,
        "trust_domain": report.trust_domain,
        "envoy": report.envoy,
        "sidecars": report.sidecars,
        "shadow": [str(key) for key in sorted(report.shadow)],
        "seconds": round(report.seconds, 1),
        "calls": report.calls,
        "edges": [_edge(row) for row in report.rows],
        "examples": [_example(each) for each in report.examples],
        "not_called": [_not_called(each) for each in report.plan.unplanned],
        "ended": list(report.lost),
        "unexpected": [_unexpected(each) for each in report.surprises],
    }
    yield msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


class _Names:
    """Workloads without their kinds, where that is clear."""

    def __init__(self, report: Report) -> None:
        keys = {key for row in report.rows for key in (row.edge.caller, row.edge.callee) if key is not None}
        self._stems = Counter(map(_stem, keys))
        self._alike = report.alike

    def caller(self, key: Key | None) -> str:
        if key is None:
            return _NOBODY
        others = self._alike.get(key, 1) - 1
        return f"{self(key)} +{others}" if others else self(key)

    def __call__(self, key: Key) -> str:
        return visible(_stem(key) if self._stems[_stem(key)] == 1 else str(key))


def _stem(key: Key) -> str:
    return visible(str(key).rpartition("[")[0])


def _rows(report: Report, paint: Paint, *, grouped: bool) -> list[str]:
    head, lines = table(report, paint, settled=True)
    return [head, *(grouping(lines) if grouped else (line.caller + line.rest for line in lines))]


def _cells(row: Row, names: _Names, *, settled: bool) -> tuple[str, ...]:
    edge, agreed, seen = row.edge, row.agreed, row.seen
    return (
        names.caller(edge.caller),
        f"{names(edge.callee)}:{edge.port}",
        *(
            _count(getattr(seen, each), getattr(agreed, each) if settled else getattr(seen, each))
            for each in Counts.__struct_fields__
        ),
        f"{row.failed} failed" if row.failed else _rule(row),
    )


def _rule(row: Row) -> str:
    """The rule that decided, but where the edge says as much."""
    own = f"{row.edge.caller}->{row.edge.callee}" if row.edge.caller else TlsFailure.NO_CERTIFICATE.value
    return "" if row.rule.partition("#")[0] == own else visible(row.rule)


def _count(seen: int, agreed: int) -> str:
    if seen == agreed:
        return f"{seen:,}" if seen else ""
    return f"{seen:,} of {agreed:,}"


def _beyond(row: Row) -> bool:
    """Whether more was seen of anything than was called for: what is missing may still come."""
    return any(getattr(row.seen, each) > getattr(row.agreed, each) for each in Counts.__struct_fields__)


def _painted(paint: Paint, kind: str, text: str) -> str:
    match kind if text.strip() else "":
        case "good":
            return paint.good(text)
        case "bad":
            return paint.bad(text)
        case "open":
            return paint.open(text)
        case _:
            return text


def _call(planned: Planned) -> str:
    call = planned.call
    method = "" if call.protocol in _GRPC else call.method
    return " ".join(filter(None, (call.protocol.value, method, call.path)))


def _told(surprise: Surprise) -> str:
    planned, outcome = surprise.planned, surprise.outcome
    reason = f": {outcome.reason}" if outcome.reason else ""
    return (
        f"{planned.caller} to {planned.callee}:{planned.port}, {_call(planned)} ({planned.cause.value}): "
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


def _example(example: Example) -> dict[str, object]:
    planned, explained = example.planned, example.explained
    return {
        "caller": str(planned.caller),
        "identity": example.identity,
        "callee": str(planned.callee),
        "port": planned.port,
        "call": _call(planned),
        "outcome": planned.expected.value,
        "reason": explained.reason.value,
        "rule": explained.rule,
        "contract": explained.contract,
        "text": explained.text,
    }


def _unexpected(surprise: Surprise) -> dict[str, object]:
    planned, outcome = surprise.planned, surprise.outcome
    return {
        "caller": str(planned.caller),
        "callee": str(planned.callee),
        "port": planned.port,
        "call": _call(planned),
        "cause": planned.cause.value,
        "expected": planned.expected.value,
        "seen": outcome.result.value,
        "reason": outcome.reason,
        "times": surprise.times,
    }


def _not_called(unplanned: Unplanned) -> dict[str, str]:
    return {"caller": str(unplanned.caller), "call": unplanned.name, "reason": unplanned.reason}
