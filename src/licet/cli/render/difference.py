"""What a change opens and closes: what is newly allowed comes first, since that is the dangerous part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from licet.analysis.diff import Difference
from licet.cli.render.grid import grid
from licet.cli.render.json import JsonEdge, Ports
from licet.cli.render.names import Names
from licet.cli.render.table import HEAD, by_assumption, heading, row
from licet.diag.render import github
from licet.diag.render.json import Finding, encode
from licet.diag.render.markdown import cell, code, plain, prose
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.model.edge import Edge

SCHEMA = "licet.dev/diff/v1"

_ANNOTATED = 20


class Compared(msgspec.Struct, frozen=True):
    """The two sides, as the user named them, and the profile that both were read under."""

    old: str
    new: str
    profile: str


class JsonDiff(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer."""

    old: str
    new: str
    profile: str
    allowed: list[JsonEdge]
    denied: list[JsonEdge]
    undetermined: list[JsonEdge]
    findings: list[Finding]


def render(answer: Difference, names: Names, *, width: int, paint: Paint) -> Iterator[str]:
    """Three tables, those that are empty left out, and a summary."""
    if answer.allowed:
        yield paint.bad("Newly allowed") + "\n" + _table(answer.allowed, names, width, paint) + "\n"
    if answer.denied:
        yield paint.good("Newly denied") + "\n" + _table(answer.denied, names, width, paint) + "\n"
    if answer.unsettled:
        yield paint.open("Newly undetermined") + "\n"
        for assumptions, edges in by_assumption(answer.unsettled).items():
            yield heading(assumptions, paint) + _table(edges, names, width, paint) + "\n"
    yield paint.strong(summary(answer)) + "\n"


def _table(edges: Sequence[Edge], names: Names, width: int, paint: Paint) -> str:
    return "".join(f"{line}\n" for line in grid(HEAD, [row(edge, names) for edge in edges], width, paint))


def summary(answer: Difference) -> str:
    """Such as `1 edge newly allowed, 2 newly denied`; says so where nothing changed."""
    parts = [
        f"{len(edges):,} newly {what}"
        for edges, what in (
            (answer.allowed, "allowed"),
            (answer.denied, "denied"),
            (answer.unsettled, "undetermined"),
        )
        if edges
    ]
    if not parts:
        return "no difference: the same can reach the same"
    first, *rest = parts
    number, _, what = first.partition(" ")
    return ", ".join([f"{counted(int(number.replace(',', '')), 'edge')} {what}", *rest])


def render_json(answer: Difference, compared: Compared, findings: list[Finding]) -> Iterator[str]:
    """One JSON document."""
    ports = Ports()
    yield encode(
        JsonDiff(
            old=compared.old,
            new=compared.new,
            profile=compared.profile,
            allowed=[ports.edge(edge) for edge in answer.allowed],
            denied=[ports.edge(edge) for edge in answer.denied],
            undetermined=[ports.edge(edge) for edge in answer.unsettled],
            findings=findings,
        )
    )


def render_markdown(answer: Difference, names: Names) -> Iterator[str]:
    """A heading and a table a part, for a comment under a pull request."""
    yield f"### Licet: {plain(summary(answer))}\n"
    for edges, title in (
        (answer.allowed, "Newly allowed"),
        (answer.denied, "Newly denied"),
        (answer.unsettled, "Newly undetermined"),
    ):
        if not edges:
            continue
        condition = edges is answer.unsettled
        yield f"\n**{title}**\n\n| from | to | ports |{' if |' if condition else ''}\n"
        yield f"| --- | --- | --- |{' --- |' if condition else ''}\n"
        for edge in edges:
            cells = [", ".join(map(code, side)) for side in row(edge, names)]
            cells += [prose("; ".join(edge.assumptions))] if condition else []
            yield f"| {' | '.join(map(cell, cells))} |\n"


def render_github(answer: Difference, names: Names) -> Iterator[str]:
    """Annotations: a warning for each that is newly allowed or undetermined, a notice for each newly denied."""
    for edges, what, command in (
        (answer.allowed, "allowed", "warning"),
        (answer.unsettled, "undetermined", "warning"),
        (answer.denied, "denied", "notice"),
    ):
        for edge in edges[:_ANNOTATED]:
            src, dst, ports = (", ".join(cell) for cell in row(edge, names))
            text = "\n".join([f"{src} -> {dst} on {ports}", *(f"if {reason}" for reason in edge.assumptions)])
            yield github.annotation(command, {"title": f"Licet: newly {what}"}, text)
        if len(edges) > _ANNOTATED:
            text = f"{len(edges) - _ANNOTATED:,} more are newly {what}"
            yield github.annotation(command, {"title": f"Licet: newly {what}"}, text)
