"""The map for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from licet.cli.render.grid import Cell, grid
from licet.cli.render.names import Names
from licet.cli.render.pairs import Pairs
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.model.edge import Edge, EndpointType, ReachMap

HEAD = ("FROM", "TO", "PORTS")
_BATCH = 2000


def render(answer: ReachMap, names: Names, *, width: int, paint: Paint) -> Iterator[str]:
    """A row a group of connections, then those that hang on something, by what they hang on, then a summary."""
    if answer.edges:
        yield _block(grid(HEAD, [row(edge, names) for edge in answer.edges], width, paint))
    for assumptions, edges in by_assumption(answer.undetermined).items():
        yield ("\n" if answer.edges else "") + heading(assumptions, paint)
        yield _block(grid(HEAD, [row(edge, names) for edge in edges], width, paint))
    yield from _closing(answer, len(answer.edges), len(answer.undetermined), "edge", paint)


def render_pairs(answer: ReachMap, names: Names, *, width: int, paint: Paint) -> Iterator[str]:
    """The number of pairs, then a row a pair, as a stream."""
    certain, open_ = Pairs(answer.edges), Pairs(answer.undetermined)
    numbers = certain.count(), open_.count()
    beside = f", {numbers[1]:,} undetermined" if numbers[1] else ""
    yield paint.strong(counted(numbers[0], "pair") + beside) + "\n"
    yield from _stream(certain, names, width, paint)
    if numbers[1]:
        yield "\n" + paint.open("Undetermined") + "\n"
        yield from _stream(open_, names, width, paint, assumed=True)
    yield from _closing(answer, *numbers, "pair", paint)


def _stream(edges: Iterable[Edge], names: Names, width: int, paint: Paint, *, assumed: bool = False) -> Iterator[str]:
    stream = iter(edges)
    head: tuple[str, ...] = (*HEAD, "IF") if assumed else HEAD
    while batch := list(islice(stream, _BATCH)):
        rows = [[*row(edge, names), list(map(visible, edge.assumptions))][: len(head)] for edge in batch]
        yield _block(grid(head, rows, width, paint))
        head = ("",) * len(head)


def row(edge: Edge, names: Names) -> list[Cell]:
    """An edge's cells: from, to, ports."""
    return [names.fold(edge.src), names.fold(edge.dst), str(edge.ports).split(", ")]


def by_assumption(edges: Sequence[Edge]) -> dict[tuple[str, ...], list[Edge]]:
    """Edges under what they hang on, in their order."""
    groups: dict[tuple[str, ...], list[Edge]] = {}
    for edge in edges:
        groups.setdefault(edge.assumptions, []).append(edge)
    return groups


def heading(assumptions: Sequence[str], paint: Paint) -> str:
    """What stands over edges that hang on the assumptions."""
    return f"{paint.open('Undetermined')}: {'; '.join(map(visible, assumptions))}\n"


def _closing(answer: ReachMap, certain: int, open_: int, noun: str, paint: Paint) -> Iterator[str]:
    if certain or open_:
        yield "\n"
    for assumption in answer.assumptions:
        yield f"{paint.faint('assumed:')} {visible(assumption)}\n"
    workloads = sum(1 for endpoint in answer.endpoints if endpoint.type is EndpointType.WORKLOAD)
    parts = [counted(workloads, "workload"), counted(certain, noun) if certain else f"no {noun}s"]
    if open_:
        parts.append(f"{open_:,} undetermined")
    yield paint.strong(", ".join(parts)) + paint.faint(f" (profile {answer.profile})") + "\n"


def _block(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
