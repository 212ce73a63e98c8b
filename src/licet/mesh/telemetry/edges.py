"""Flows counted by edge since the start, in bounded memory whoever calls from wherever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network

import msgspec

from licet.flows.record import Endpoint, Flow, Phase, Verdict

OTHER = "other"
"""What stands for sources, destinations and edges that there is no room for."""
UNKNOWN = "unknown"
_NETWORK_V4, _NETWORK_V6 = 24, 64
_MOST_OPEN = 1 << 16


class Edge(msgspec.Struct, frozen=True, order=True, gc=False):
    """Who calls whom. Ends are ids of workloads (`shop/cart[Deployment]`), else SPIFFE IDs, names or networks.

    `kind` is `http`, `grpc`, or the transport in lower case.
    """

    source: str
    destination: str
    port: int
    kind: str


class Counts(msgspec.Struct):
    """Requests or connections by what became of them; the rule that decided last, and when that was."""

    forwarded: int = 0
    refused: int = 0
    would_refuse: int = 0
    failed: int = 0
    rule: str = ""
    last: datetime | None = None

    def add(self, flow: Flow) -> None:
        """Count one flow more."""
        match flow.verdict:
            case Verdict.FORWARDED:
                self.forwarded += flow.count
            case Verdict.REFUSED:
                self.refused += flow.count
            case Verdict.WOULD_REFUSE:
                self.would_refuse += flow.count
            case Verdict.FAILED:
                self.failed += flow.count
            case None:
                return
        self.last = flow.start
        if flow.decision is not None:
            self.rule = flow.decision.rule

    def join(self, other: Counts) -> None:
        """Count all of another's, which is later, as well."""
        self.forwarded += other.forwarded
        self.refused += other.refused
        self.would_refuse += other.would_refuse
        self.failed += other.failed
        self.rule, self.last = other.rule or self.rule, other.last or self.last


class Edges:
    """Counts of `most` edges, and of `strangers` more from or to somewhere unknown; what comes then is `other`."""

    def __init__(self, most: int = 8192, strangers: int = 1024) -> None:
        self._most, self._strangers = most, strangers
        self._totals: dict[Edge, Counts] = {}
        self._strange: dict[Edge, Counts] = {}
        self._open: dict[str, tuple[Edge, str]] = {}
        """By key: the edge, and the sidecar that reported it last."""
        self.counted: Counter[str] = Counter()
        """`flows`; `other`, those that stand under another edge than their own; `unseen`, open ones without room."""

    def add(self, flow: Flow) -> None:
        """Count a flow."""
        if not flow.count or flow.verdict is None:
            return
        edge = _edge(flow)
        self.counted["flows"] += flow.count
        place, table = self._place(edge)
        table.setdefault(place, Counts()).add(flow)

    def follow(self, flow: Flow) -> None:
        """Note what is under way; to be told of every report, those of one sidecar in the order of their making."""
        if not flow.keys:
            return
        if flow.phase is Phase.ENDED:
            for key in flow.keys:
                self._open.pop(key, None)
            return
        key = flow.keys[0]
        if key not in self._open and len(self._open) >= _MOST_OPEN:
            self.counted["unseen"] += 1
        elif key not in self._open or flow.source.identity:
            # A connection begins before its caller has shown who it is: who knows is believed.
            self._open[key] = (self._place(_edge(flow))[0], flow.reporter.node)

    def totals(self) -> Mapping[Edge, Counts]:
        """All that was counted since the start, by edge in order."""
        return dict(sorted((self._totals | self._strange).items()))

    def open(self) -> Mapping[Edge, int]:
        """How many requests and connections are under way, by edge."""
        return Counter(edge for edge, _ in self._open.values())

    def forget(self, node: str) -> None:
        """Count as open no more what this sidecar reported, which is gone and tells no end."""
        self._open = {key: held for key, held in self._open.items() if held[1] != node}

    def _place(self, edge: Edge) -> tuple[Edge, dict[Edge, Counts]]:
        """Strangers have a table of their own, so that they take no room from those who are known."""
        known = edge.source.endswith("]") and edge.destination.endswith("]")
        table, most = (self._totals, self._most) if known else (self._strange, self._strangers)
        if edge in table or len(table) < most:
            return edge, table
        self.counted["other"] += 1
        if not edge.source.endswith("]") and edge.destination.endswith("]"):
            by_destination = Edge(OTHER, edge.destination, edge.port, edge.kind)
            if by_destination in self._totals or len(self._totals) < self._most:
                return by_destination, self._totals
        return Edge(OTHER, OTHER, 0, OTHER), self._totals


def _edge(flow: Flow) -> Edge:
    kind = flow.transport.value.lower()
    if flow.request is not None:
        kind = "grpc" if flow.request.service else "http"
    return Edge(_name(flow.source), _name(flow.destination), flow.destination.port or 0, kind)


def _name(end: Endpoint) -> str:
    if end.workload is not None:
        return str(end.workload)
    return end.identity or end.name or _network(end.address) or UNKNOWN


def _network(address: str) -> str:
    """The network that an address is in; addresses alone are too many."""
    try:
        return str(ip_network(f"{address}/{_NETWORK_V6 if ':' in address else _NETWORK_V4}", strict=False))
    except ValueError:
        return ""
