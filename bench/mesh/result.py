"""What a benchmark of the mesh found, as values that are printed and kept."""

from __future__ import annotations

from dataclasses import dataclass, field

AIM_JUDGED = 1.05
"""Processor time and median latency of mutual TLS and a policy, over mutual TLS alone."""
AIM_PUSHED = 0.250
"""From a change of one contract to the last of 200 acknowledgements, in seconds, for 99 of 100 changes."""
PUSHED = 200
"""Sidecars that are held to the aim."""


@dataclass(frozen=True, slots=True)
class Judging:
    """Calls through one listener: seconds of processor time of each, medians over the rounds.

    `ratio` is over the same listener without a policy, in the same round; `low` and `high` are its quartiles.
    `slower` is the same ratio of the median call by the clock; `p50` and `p99` are seconds.
    """

    protocol: str
    what: str
    principals: int
    calls: int
    cpu: float
    ratio: float
    low: float
    high: float
    slower: float
    p50: float
    p99: float
    aimed: bool


@dataclass(frozen=True, slots=True)
class Pushing:
    """Changes of a kind: seconds until the last acknowledgement, how many sidecars each reached, the server's CPU."""

    change: str
    way: str
    sidecars: int
    reached: int
    times: int
    p50: float
    p99: float
    worst: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Arriving:
    """So many sidecars that come at once: seconds until all hold everything, the server's CPU, how late its loop was.

    `revoked` is what a revocation took that came when half of them were served, `memory` bytes of the server for each.
    """

    way: str
    sidecars: int
    seconds: float
    cpu: float
    late: float
    revoked: float
    memory: float


@dataclass(frozen=True, slots=True)
class Sizing:
    """Bytes that an Envoy has allocated whose one port so many may call."""

    speaks: str
    callers: int
    memory: int


@dataclass
class Meshes:
    """Everything about the mesh that one run measured; `skipped` says why that is nothing, `failure` why not all."""

    judging: list[Judging] = field(default_factory=list)
    sizing: list[Sizing] = field(default_factory=list)
    pushing: list[Pushing] = field(default_factory=list)
    arriving: list[Arriving] = field(default_factory=list)
    skipped: str = ""
    failure: str = ""
