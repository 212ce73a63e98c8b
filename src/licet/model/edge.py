"""Who can reach whom, as a value: endpoints, edges between groups of them, and what the answer hangs on."""

from __future__ import annotations

import enum

import msgspec

from licet.model.key import Key
from licet.model.ports import PortSet


class EndpointType(enum.Enum):
    """What one side of a connection is."""

    WORKLOAD = "workload"
    ADDRESSES = "addresses"
    INGRESS = "ingress"
    GATEWAY = "gateway"


class Endpoint(msgspec.Struct, frozen=True):
    """One side of a connection. `key` is set for workloads and gateways; `id` is unique within one map."""

    id: str
    type: EndpointType
    key: Key | None = None


class Edge(msgspec.Struct, frozen=True):
    """Every endpoint of `src` may reach every endpoint of `dst` on every one of `ports`.

    `assumptions` is empty for what is certain; otherwise the connection is possible, not certain, and hangs on them.
    """

    src: tuple[str, ...]
    dst: tuple[str, ...]
    ports: PortSet
    assumptions: tuple[str, ...] = ()


class ReachMap(msgspec.Struct, frozen=True):
    """The whole answer. What is in neither `edges` nor `undetermined` is denied.

    `assumptions` are sentences that hold for the whole map; those that single edges hang on stand at the edges.
    Edges of one map may overlap, never contradict; their order is fixed by the input.
    """

    profile: str
    endpoints: tuple[Endpoint, ...]
    edges: tuple[Edge, ...]
    undetermined: tuple[Edge, ...]
    assumptions: tuple[str, ...] = ()
