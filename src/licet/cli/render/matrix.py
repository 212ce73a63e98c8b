"""A small map as a square: a row a source, a column a destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from licet.cli.render.names import Names
from licet.cli.render.pairs import Pairs
from licet.model.edge import Edge, Endpoint, ReachMap

LARGEST = 60
"""Endpoints beyond which a square says less than a list."""
_ROOMY = 26
"""Endpoints up to which cells are large."""


def matrix(answer: ReachMap, names: Names) -> Iterator[str]:
    """The drawing as HTML; nothing where the map is too large or has no edge."""
    if len(answer.endpoints) > LARGEST or not (answer.edges or answer.undetermined):
        return
    endpoints = sorted(answer.endpoints, key=lambda endpoint: (not names.place(endpoint.id), names.place(endpoint.id)))
    sources = _meaningful(endpoints, names, {id for e in _all(answer) for id in e.src})
    targets = _meaningful(endpoints, names, {id for e in _all(answer) for id in e.dst})
    number = {endpoint.id: at for at, endpoint in enumerate(answer.endpoints)}
    cells = _cells(answer)
    yield '<section class="matrix" aria-labelledby="square"><div class="bar"><h2 id="square">At a glance</h2>'
    yield '<div class="legend"><span><i class="m-allow"></i>allowed</span>'
    yield '<span><i class="m-open"></i>undetermined</span><span><i class="m-none"></i>denied</span></div></div>'
    roomy = " roomy" if len(endpoints) <= _ROOMY else ""
    yield f'<div class="scroll"><table class="grid{roomy}" role="grid" aria-label="Sources by destinations"><thead><tr>'
    yield '<th class="corner">from ↓ &nbsp; to →</th>'
    for at, target in enumerate(targets):
        first = " first" if _starts(targets, at, names) else ""
        yield f'<th scope="col" class="c{first}" title="{escape(names.short(target.id))}">{_label(target, names)}</th>'
    yield "</tr></thead><tbody>\n"
    for at, source in enumerate(sources):
        yield '<tr class="gap">' if _starts(sources, at, names) else "<tr>"
        yield f'<th scope="row" title="{escape(names.short(source.id))}">{_label(source, names)}</th>'
        for column, target in enumerate(targets):
            kind, said = cells.get((source.id, target.id), ("m-none", "denied"))
            label = escape(f"{names.short(source.id)} → {names.short(target.id)}: {said}")
            first = " first" if _starts(targets, column, names) else ""
            key = f' data-k="{number[source.id]} {number[target.id]}"' if said != "denied" else ""
            stop = 0 if at == column == 0 else -1
            yield f'<td role="gridcell" tabindex="{stop}" class="c{first}"{key} aria-label="{label}">'
            yield f'<i class="{kind}"></i></td>'
        yield "</tr>\n"
    yield '</tbody></table></div><p class="peek" id="peek" aria-hidden="true"></p></section>'


def _all(answer: ReachMap) -> Sequence[Edge]:
    return answer.edges + answer.undetermined


def _meaningful(endpoints: Sequence[Endpoint], names: Names, used: set[str]) -> list[Endpoint]:
    """Workloads always, since an empty row says that they are shut off; others where an edge names them."""
    return [endpoint for endpoint in endpoints if endpoint.id in used or names.place(endpoint.id)]


def _starts(endpoints: Sequence[Endpoint], at: int, names: Names) -> bool:
    """Whether another namespace begins here."""
    return at > 0 and names.place(endpoints[at].id) != names.place(endpoints[at - 1].id)


def _label(endpoint: Endpoint, names: Names) -> str:
    return f"<span>{escape(names.short(endpoint.id))}</span>"


def _cells(answer: ReachMap) -> dict[tuple[str, str], tuple[str, str]]:
    """What each cell looks like and says; what is certain weighs more than what may be."""
    cells: dict[tuple[str, str], tuple[str, str]] = {}
    for edge in Pairs(answer.undetermined):
        said = f"undetermined on {edge.ports}"
        there = cells.get((edge.src[0], edge.dst[0]))
        cells[edge.src[0], edge.dst[0]] = "m-open", f"{there[1]}, {edge.ports}" if there else said
    for edge in Pairs(answer.edges):
        there = cells.get((edge.src[0], edge.dst[0]))
        said = f"allowed on {edge.ports}"
        cells[edge.src[0], edge.dst[0]] = "m-allow", f"{said}; {there[1]}" if there else said
    return cells
