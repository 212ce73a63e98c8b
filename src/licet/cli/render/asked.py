"""Which assertions hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from licet.analysis.ask import Answer, Failure
from licet.app.report import Spans
from licet.cli.render.chain import JsonCause, json_cause
from licet.diag.diagnostic import Diagnostic
from licet.diag.render import junit
from licet.diag.render.json import Finding, encode
from licet.diag.render.paint import Paint
from licet.diag.render.visible import visible
from licet.diag.report import Report

SCHEMA = "licet.dev/ask/v1"


class JsonFailure(msgspec.Struct, frozen=True):
    """One connection that is not as asserted; `cause` is what decided, where a policy did."""

    src: str
    dst: str
    protocol: str
    port: int
    verdict: str
    assumptions: tuple[str, ...]
    cause: JsonCause | None


class JsonAssertion(msgspec.Struct, frozen=True):
    """One assertion, and a few of the `count` pairs that fail it."""

    name: str
    reason: str
    expectation: str
    holds: bool
    count: int
    failures: list[JsonFailure]


class JsonAsk(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer."""

    profile: str
    assertions: list[JsonAssertion]
    findings: list[Finding]


def render(answers: Sequence[Answer], *, paint: Paint) -> Iterator[str]:
    """A line an assertion, in their order."""
    for answer in answers:
        mark = paint.good("holds") if answer.holds else paint.bad("fails")
        yield f"{mark}  {visible(answer.assertion.name)}\n"


def summary(answers: Sequence[Answer]) -> str:
    """Such as `2 of 3 assertions hold`."""
    holding = sum(answer.holds for answer in answers)
    if len(answers) == 1:
        return "the assertion holds" if holding else "the assertion does not hold"
    if holding == len(answers):
        return f"all {holding:,} assertions hold"
    return f"{holding:,} of {len(answers):,} assertions hold"


def render_json(answers: Sequence[Answer], spans: Spans, profile: str, findings: list[Finding]) -> str:
    """One JSON document."""

    def failure(one: Failure) -> JsonFailure:
        cause = json_cause(one.cause, spans) if one.cause is not None else None
        return JsonFailure(one.src, one.dst, one.protocol.name, one.port, one.verdict.value, one.assumptions, cause)

    listed = [
        JsonAssertion(
            name=answer.assertion.name,
            reason=answer.assertion.reason,
            expectation=answer.assertion.expectation.value,
            holds=answer.holds,
            count=answer.count,
            failures=[failure(one) for one in answer.failures],
        )
        for answer in answers
    ]
    return encode(JsonAsk(profile, listed, findings))


def cases(answers: Sequence[Answer], why: Sequence[Sequence[Diagnostic]]) -> list[junit.Case]:
    """A test an assertion; `why` holds, for each, the findings that say why it fails, with their spans."""
    return [
        junit.Case("assertions", answer.assertion.name, found[0] if found else None)
        for answer, found in zip(answers, why, strict=True)
    ]


def split(report: Report, numbers: Sequence[int]) -> list[tuple[Diagnostic, ...]]:
    """The report's last findings in groups of these sizes."""
    ends = len(report.findings)
    start = ends - sum(numbers)
    groups = []
    for number in numbers:
        groups.append(report.findings[start : start + number])
        start += number
    return groups
