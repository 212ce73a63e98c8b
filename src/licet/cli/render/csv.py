"""The map as comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from licet.cli.render.pairs import Pairs
from licet.model.edge import Edge, ReachMap
from licet.model.verdict import Verdict

HEADER = ("verdict", "src", "dst", "ports", "assumptions")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 2000


def render(answer: ReachMap) -> Iterator[str]:
    """A row a group; ids of one cell are separated by spaces."""
    yield from _rows(answer.edges, answer.undetermined)


def render_pairs(answer: ReachMap) -> Iterator[str]:
    """A row a pair, as a stream."""
    yield from _rows(Pairs(answer.edges), Pairs(answer.undetermined))


def _rows(certain: Iterable[Edge], open_: Iterable[Edge]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    number = 0
    for verdict, edges in ((Verdict.ALLOW, certain), (Verdict.UNDETERMINED, open_)):
        for edge in edges:
            cells = (" ".join(edge.src), " ".join(edge.dst), str(edge.ports), "; ".join(edge.assumptions))
            writer.writerow([verdict.value, *map(inert, cells)])
            number += 1
            if number % _BATCH == 0:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def inert(cell: str) -> str:
    """The cell, with a quote before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
