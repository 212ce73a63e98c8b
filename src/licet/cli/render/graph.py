"""A map as nodes and arrows, for the formats that draw it; big groups meet in a junction, so that it stays small."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from licet.cli.render.names import Names
from licet.model.edge import Edge, EndpointType, ReachMap

_THREADS = 3
"""Arrows of one group that are drawn one by one, each with its label."""


class Node(msgspec.Struct, frozen=True):
    """A box of the drawing. `name` is unique and plain ASCII; `label` is what stands in it."""

    name: str
    id: str
    label: str
    type: EndpointType


class Arrow(msgspec.Struct, frozen=True):
    """A line from node to node. `head` is False on the way into a junction; `certain` is False where it is dashed."""

    src: str
    dst: str
    label: str
    certain: bool
    head: bool


class Graph(msgspec.Struct, frozen=True):
    """A drawing: boxes by namespace (the empty one holds what is in none), junctions, and arrows."""

    places: dict[str, list[Node]]
    junctions: list[str]
    arrows: list[Arrow]


def graph(answer: ReachMap, names: Names) -> Graph:
    """The drawing of a map, every endpoint in it, those that reach nothing too."""
    nodes: dict[str, str] = {}
    places: dict[str, list[Node]] = {}
    for number, endpoint in enumerate(answer.endpoints):
        place = names.place(endpoint.id)
        label = names.short(endpoint.id).removeprefix(f"{place}/")
        node = Node(f"n{number}", endpoint.id, label, endpoint.type)
        nodes[endpoint.id] = node.name
        places.setdefault(place, []).append(node)
    junctions: list[str] = []
    arrows = [
        arrow
        for edges, certain in ((answer.edges, True), (answer.undetermined, False))
        for edge in edges
        for arrow in _arrows(edge, certain, nodes, junctions)
    ]
    return Graph(places, junctions, arrows)


def _arrows(edge: Edge, certain: bool, nodes: dict[str, str], junctions: list[str]) -> Iterator[Arrow]:
    label = str(edge.ports)
    if len(edge.src) * len(edge.dst) <= _THREADS:
        for src in edge.src:
            for dst in edge.dst:
                yield Arrow(nodes[src], nodes[dst], label, certain, True)
        return
    junction = f"j{len(junctions)}"
    junctions.append(junction)
    before, after = (label, "") if len(edge.src) <= len(edge.dst) else ("", label)
    for src in edge.src:
        yield Arrow(nodes[src], junction, before, certain, False)
    for dst in edge.dst:
        yield Arrow(junction, nodes[dst], after, certain, True)
