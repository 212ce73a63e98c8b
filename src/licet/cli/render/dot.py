"""The map for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from licet.cli.render.graph import Arrow, Graph, Node, graph
from licet.cli.render.names import Names
from licet.diag.render.visible import visible
from licet.model.edge import EndpointType, ReachMap

_SHAPE = {
    EndpointType.WORKLOAD: "box",
    EndpointType.ADDRESSES: "ellipse",
    EndpointType.INGRESS: "house",
    EndpointType.GATEWAY: "house",
}


def render(answer: ReachMap, names: Names) -> Iterator[str]:
    """One directed graph: a cluster a namespace, dashed arrows for what is undetermined."""
    drawing = graph(answer, names)
    yield "digraph licet {\n"
    yield '  graph [rankdir=LR, fontname="sans-serif", compound=true]\n'
    yield '  node [shape=box, style="rounded", fontname="sans-serif", fontsize=11]\n'
    yield '  edge [fontname="sans-serif", fontsize=9]\n'
    yield from _nodes(drawing)
    for junction in drawing.junctions:
        yield f'  {junction} [shape=point, width=0.06, label=""]\n'
    for arrow in drawing.arrows:
        yield f"  {_arrow(arrow)}\n"
    yield "}\n"


def _nodes(drawing: Graph) -> Iterator[str]:
    for number, (place, nodes) in enumerate(drawing.places.items()):
        if not place:
            yield from (f"  {_node(node)}\n" for node in nodes)
            continue
        yield f"  subgraph cluster_{number} {{\n    label={quoted(place)}\n"
        yield from (f"    {_node(node)}\n" for node in nodes)
        yield "  }\n"


def _node(node: Node) -> str:
    shape = "" if node.type is EndpointType.WORKLOAD else f", shape={_SHAPE[node.type]}"
    return f"{node.name} [label={quoted(node.label)}, tooltip={quoted(node.id)}{shape}]"


def _arrow(arrow: Arrow) -> str:
    attributes = [f"label={quoted(arrow.label)}"] if arrow.label else []
    attributes += [] if arrow.certain else ["style=dashed"]
    attributes += [] if arrow.head else ["arrowhead=none"]
    listed = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{arrow.src} -> {arrow.dst}{listed}"


def quoted(text: str) -> str:
    """A string of the DOT language in which no escape and no HTML entity is left to mean anything."""
    plain = visible(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
