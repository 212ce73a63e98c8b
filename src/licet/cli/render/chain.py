"""A verdict and the chain behind it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from licet.app.report import Spans
from licet.diag.render.excerpt import Excerpts
from licet.diag.render.json import Finding, Where, encode
from licet.diag.render.paint import Paint
from licet.diag.render.visible import visible
from licet.diag.text import Text
from licet.model.ports import Protocol
from licet.model.verdict import Cause, Explanation, Verdict

SCHEMA = "licet.dev/why/v1"

_SAYS = {Verdict.ALLOW: "may reach", Verdict.DENY: "may not reach", Verdict.UNDETERMINED: "may perhaps reach"}
_INDENT = "   "
_LINES = 10
"""Lines of one rule that are shown."""


class Asked(msgspec.Struct, frozen=True):
    """The question, with the ids of both ends."""

    src: str
    dst: str
    protocol: Protocol
    port: int


class JsonCause(msgspec.Struct, frozen=True):
    """One link of the chain, with its region of a source where it has one."""

    layer: str
    direction: str | None
    policy: str | None
    rule: str | None
    effect: str
    text: str
    where: Where | None


class JsonWhy(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer."""

    verdict: str
    src: str
    dst: str
    protocol: str
    port: int
    profile: str
    because: list[JsonCause]
    assumptions: tuple[str, ...]
    findings: list[Finding]


def render(
    asked: Asked, answer: Explanation, texts: Mapping[str, Text], *, paint: Paint, width: int, every: bool
) -> Iterator[str]:
    """The verdict, then the causes as numbered steps with their lines; those that did not matter are only counted."""
    colour = {Verdict.ALLOW: paint.good, Verdict.DENY: paint.bad, Verdict.UNDETERMINED: paint.open}[answer.verdict]
    said = f"{asked.src} {_SAYS[answer.verdict]} {asked.dst} on {asked.protocol.name} {asked.port}"
    yield f"{colour(answer.verdict.value)}: {paint.strong(visible(said))}\n"
    for assumption in answer.assumptions:
        yield f"  {paint.open('if')} {visible(assumption)}\n"
    spans, excerpts = Spans(texts), Excerpts(texts)
    shown = answer.because if every else deciding(answer.because)
    for number, cause in enumerate(shown, 1):
        yield "\n" + "\n".join(_step(number, cause, spans, excerpts, paint, width)) + "\n"
    if not answer.because:
        yield "\nNo policy selects either side, so nothing is denied.\n"
    rest = len(answer.because) - len(shown)
    if rest:
        noun = "policy that selects them does" if rest == 1 else "policies that select them do"
        yield paint.faint(f"\n{rest} other {noun} not change this (shown with `--verbose`)") + "\n"


def _step(number: int, cause: Cause, spans: Spans, excerpts: Excerpts, paint: Paint, width: int) -> Iterator[str]:
    colour = {"allow": paint.good, "deny": paint.bad, "undetermined": paint.open}.get(cause.effect, paint.hint)
    side = f" {cause.direction.value}" if cause.direction is not None else ""
    lead = f"{number}. {cause.effect}{side}  "
    first, *more = textwrap.wrap(lead + visible(cause.text), max(width, 2 * len(lead)), subsequent_indent=_INDENT)
    yield f"{number}. {colour(cause.effect)}{paint.faint(side)}  {first[len(lead) :]}"
    yield from more
    where = spans.of(cause.place) if cause.place is not None else None
    if where is None:
        return
    yield f"{_INDENT}{paint.faint('-->')} {visible(where.source)}:{where.line}:{where.column}"
    if cause.rule or cause.layer in ("Service", "Route"):
        yield from (_INDENT + line for line in excerpts.block(where, _LINES, paint, width - len(_INDENT)))


def deciding(because: Sequence[Cause]) -> list[Cause]:
    """The causes without NetworkPolicies that add nothing: where one lets a side through, those that do not."""
    through = {c.direction for c in because if c.layer == "NetworkPolicy" and c.effect != "deny"}
    return [c for c in because if not (c.layer == "NetworkPolicy" and c.effect == "deny" and c.direction in through)]


def render_json(
    asked: Asked, answer: Explanation, texts: Mapping[str, Text], profile: str, findings: list[Finding]
) -> Iterator[str]:
    """One JSON document, every cause in it."""
    spans = Spans(texts)
    yield encode(
        JsonWhy(
            verdict=answer.verdict.value,
            src=asked.src,
            dst=asked.dst,
            protocol=asked.protocol.name,
            port=asked.port,
            profile=profile,
            because=[json_cause(cause, spans) for cause in answer.because],
            assumptions=answer.assumptions,
            findings=findings,
        )
    )


def json_cause(cause: Cause, spans: Spans) -> JsonCause:
    """A cause in the form in which it is written."""
    where = spans.of(cause.place) if cause.place is not None else None
    return JsonCause(
        layer=cause.layer,
        direction=cause.direction.value if cause.direction is not None else None,
        policy=str(cause.policy) if cause.policy is not None else None,
        rule=cause.rule or None,
        effect=cause.effect,
        text=cause.text,
        where=Where(where.source, where.line, where.column, where.end_line, where.end_column) if where else None,
    )
