"""What a workload reaches hop by hop, and what reaches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from licet.analysis.blast import Blast, Hop
from licet.cli.render.grid import Cell, grid
from licet.cli.render.json import JsonPorts, Ports
from licet.cli.render.names import Names
from licet.diag.render.json import Finding, encode
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.model.edge import EndpointType

SCHEMA = "licet.dev/blast/v1"


class JsonHop(msgspec.Struct, frozen=True):
    """One endpoint met on the way."""

    id: str
    type: str
    distance: int
    via: str
    ports: list[JsonPorts]
    certain: bool


class JsonBlast(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer."""

    workload: str
    profile: str
    outward: list[JsonHop]
    inward: list[JsonHop]
    findings: list[Finding]


def render(answer: Blast, names: Names, *, width: int, paint: Paint) -> Iterator[str]:
    """What it reaches, nearest first, then what reaches it, each under a sentence that counts."""
    name = names.short(answer.workload)
    yield paint.strong(f"{name} reaches {_count(answer.outward)}") + "\n"
    yield _table(("HOP", "TO", "PORTS", "THROUGH"), answer.outward, names, width, paint)
    yield "\n" + paint.strong(f"{_count(answer.inward)} {_verb(answer.inward)} {name}") + "\n"
    yield _table(("HOP", "FROM", "PORTS", "THROUGH"), answer.inward, names, width, paint)
    if not all(hop.certain for hop in answer.outward + answer.inward):
        yield "\n" + paint.open("?") + paint.faint(" undetermined: `licet why` says what it hangs on") + "\n"


def _table(head: Sequence[str], hops: Sequence[Hop], names: Names, width: int, paint: Paint) -> str:
    groups: dict[tuple[int, str, str, bool], list[str]] = {}
    for hop in hops:
        groups.setdefault((hop.distance, hop.via, str(hop.ports), hop.certain), []).append(hop.id)
    rows: list[list[Cell]] = [
        [[f"{distance}{'' if certain else ' ?'}"], names.fold(ids), ports.split(", "), [names.short(via)]]
        for (distance, via, ports, certain), ids in groups.items()
    ]
    return "".join(f"{line}\n" for line in grid(head, rows, width, paint)) if rows else ""


def _count(hops: Sequence[Hop]) -> str:
    """Such as `6 workloads in 2 hops and addresses outside`."""
    workloads = [hop for hop in hops if hop.type is EndpointType.WORKLOAD]
    parts = []
    if workloads:
        farthest = max(hop.distance for hop in workloads)
        parts.append(f"{counted(len(workloads), 'workload')} in {counted(farthest, 'hop')}")
    if any(hop.type is EndpointType.ADDRESSES for hop in hops):
        parts.append("addresses outside")
    if any(hop.type in (EndpointType.INGRESS, EndpointType.GATEWAY) for hop in hops):
        parts.append("what serves ingresses and routes")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"


def _verb(hops: Sequence[Hop]) -> str:
    return "reaches" if len(hops) < 2 else "reach"


def render_json(answer: Blast, profile: str, findings: list[Finding]) -> Iterator[str]:
    """One JSON document, a hop an endpoint."""
    ports = Ports()

    def hops(listed: Sequence[Hop]) -> list[JsonHop]:
        return [
            JsonHop(hop.id, hop.type.value, hop.distance, hop.via, ports.ranges(hop.ports), hop.certain)
            for hop in listed
        ]

    yield encode(JsonBlast(answer.workload, profile, hops(answer.outward), hops(answer.inward), findings))
