"""The map for other programs: schema `licet.dev/map/v1`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from licet.cli.render.pairs import Pairs
from licet.diag.render.json import Finding
from licet.model.edge import Edge, Endpoint, ReachMap
from licet.model.ports import PortSet

SCHEMA = "licet.dev/map/v1"
_BATCH = 500


class JsonEndpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of a connection; the parts of a key are there for workloads and gateways."""

    id: str
    type: str
    cluster: str | None = None
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


class JsonPorts(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """A range of ports of one protocol, both ends included."""

    protocol: str
    first: int
    last: int


class JsonEdge(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every endpoint of `src` may reach every endpoint of `dst` on every one of `ports`."""

    src: tuple[str, ...]
    dst: tuple[str, ...]
    ports: list[JsonPorts]
    assumptions: tuple[str, ...] = ()


class JsonHead(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """What stands before the edges of a map."""

    profile: str
    endpoints: list[JsonEndpoint]


class JsonPairsHead(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA, rename="camel"):
    """What stands before them where the map is written pair by pair: their number comes first."""

    profile: str
    pairs: int
    undetermined_pairs: int
    endpoints: list[JsonEndpoint]


class JsonTail(msgspec.Struct, frozen=True):
    """What stands after the edges."""

    assumptions: tuple[str, ...]
    findings: list[Finding]


def render(answer: ReachMap, findings: list[Finding]) -> Iterator[str]:
    """One JSON document, an edge a line, as a stream."""
    head = JsonHead(answer.profile, [json_endpoint(endpoint) for endpoint in answer.endpoints])
    yield from _document(head, answer.edges, answer.undetermined, JsonTail(answer.assumptions, findings))


def render_pairs(answer: ReachMap, findings: list[Finding]) -> Iterator[str]:
    """The same document with one edge a pair."""
    certain, open_ = Pairs(answer.edges), Pairs(answer.undetermined)
    head = JsonPairsHead(
        profile=answer.profile,
        pairs=certain.count(),
        undetermined_pairs=open_.count(),
        endpoints=[json_endpoint(endpoint) for endpoint in answer.endpoints],
    )
    yield from _document(head, certain, open_, JsonTail(answer.assumptions, findings))


def _document(
    head: JsonHead | JsonPairsHead, edges: Iterable[Edge], undetermined: Iterable[Edge], tail: JsonTail
) -> Iterator[str]:
    yield _text(head)[:-1] + ',"edges":['
    yield from _lines(edges)
    yield '\n],"undetermined":['
    yield from _lines(undetermined)
    yield "\n]," + _text(tail)[1:] + "\n"


def _lines(edges: Iterable[Edge]) -> Iterator[str]:
    ports = Ports()
    stream = iter(edges)
    separator = "\n"
    while batch := list(islice(stream, _BATCH)):
        yield separator + ",\n".join(_text(ports.edge(edge)) for edge in batch)
        separator = ",\n"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode("utf-8", "replace")


def json_endpoint(endpoint: Endpoint) -> JsonEndpoint:
    """An endpoint in the form in which it is written."""
    key = endpoint.key
    if key is None:
        return JsonEndpoint(endpoint.id, endpoint.type.value)
    return JsonEndpoint(endpoint.id, endpoint.type.value, key.cluster, key.group, key.kind, key.namespace, key.name)


class Ports:
    """Port sets in the form in which they are written, each made once."""

    def __init__(self) -> None:
        self._made: dict[PortSet, list[JsonPorts]] = {}

    def ranges(self, ports: PortSet) -> list[JsonPorts]:
        """One port set's ranges."""
        made = self._made.get(ports)
        if made is None:
            made = [JsonPorts(r.protocol.name, r.first, r.last) for r in ports.ranges()]
            self._made[ports] = made
        return made

    def edge(self, edge: Edge) -> JsonEdge:
        """An edge in the form in which it is written."""
        return JsonEdge(edge.src, edge.dst, self.ranges(edge.ports), edge.assumptions)
