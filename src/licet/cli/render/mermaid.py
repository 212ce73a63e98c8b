"""The map for Mermaid, which Markdown pages draw."""

from __future__ import annotations

import re
from collections.abc import Iterator

from licet.cli.render.graph import Arrow, Node, graph
from licet.cli.render.names import Names
from licet.diag.render.visible import visible
from licet.model.edge import EndpointType, ReachMap

_SPECIAL = re.compile(r"[^A-Za-z0-9 ./:,_\-\u00a1-\U0010ffff]")
_SHAPE = {
    EndpointType.WORKLOAD: ('["', '"]'),
    EndpointType.ADDRESSES: ('(["', '"])'),
    EndpointType.INGRESS: ('{{"', '"}}'),
    EndpointType.GATEWAY: ('{{"', '"}}'),
}


def render(answer: ReachMap, names: Names) -> Iterator[str]:
    """One flowchart: a subgraph a namespace, dashed arrows for what is undetermined."""
    drawing = graph(answer, names)
    yield "flowchart LR\n"
    for number, (place, nodes) in enumerate(drawing.places.items()):
        if not place:
            yield from (f"  {_node(node)}\n" for node in nodes)
            continue
        yield f'  subgraph s{number}["{escaped(place)}"]\n'
        yield from (f"    {_node(node)}\n" for node in nodes)
        yield "  end\n"
    for junction in drawing.junctions:
        yield f'  {junction}((" "))\n'
    for arrow in drawing.arrows:
        yield f"  {_arrow(arrow)}\n"


def _node(node: Node) -> str:
    before, after = _SHAPE[node.type]
    return f"{node.name}{before}{escaped(node.label)}{after}"


def _arrow(arrow: Arrow) -> str:
    line = ("-->" if arrow.head else "---") if arrow.certain else ("-.->" if arrow.head else "-.-")
    label = f'|"{escaped(arrow.label)}"|' if arrow.label else ""
    return f"{arrow.src} {line}{label} {arrow.dst}"


def escaped(text: str) -> str:
    """Text for inside quotes: everything that Mermaid, its Markdown strings or HTML might read is a character code."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", visible(text))
