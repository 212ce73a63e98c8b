"""What a policy costs: the same listener with it and without, on one Envoy, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.mesh.result import Judging
from bench.mesh.served import Before, Load, Variant, before
from licet.mesh.intent import Speaks

_ALONE, _AGAIN = "mutual TLS alone", "the same again"
_SIZES = (1, 100, 1_000, 5_000)
VARIANTS = (
    Variant(_ALONE),
    Variant(_AGAIN),
    *(Variant(f"{size:,} principals", size) for size in _SIZES),
    Variant("1,000 principals, by path", 1_000, paths=True),
    Variant("1,000 principals, logged", 1_000, logged=True),
    Variant("mutual TLS alone, logged", logged=True),
    Variant("1,000 principals in a list", 1_000, listed=True),
)
_SCHEDULED = 2


class Protocol(msgspec.Struct, frozen=True):
    """How it is called, how many calls at once, and how many in a turn."""

    name: str
    speaks: Speaks
    text: str
    together: int
    calls: int


PROTOCOLS = (
    Protocol("h1", Speaks.HTTP, "HTTP/1.1, 16 connections", 16, 600),
    Protocol("h2", Speaks.HTTP, "HTTP/2, 16 streams", 16, 600),
    Protocol("tcp", Speaks.TCP, "TCP, a connection each", 8, 60),
)


def measure(home: Path, rounds: int) -> Iterator[Judging]:
    """Every protocol, in so many rounds. One listener stands twice without a policy: that is how exact it is."""
    for speaks in Speaks:
        variants = [each for each in VARIANTS if speaks is Speaks.HTTP or not each.paths]
        with before(home / speaks.value, variants, speaks) as running:
            for protocol in PROTOCOLS:
                if protocol.speaks is speaks:
                    yield from _in_turns(running, protocol, variants, rounds)


def _in_turns(running: Before, protocol: Protocol, variants: list[Variant], rounds: int) -> Iterator[Judging]:
    taken: dict[str, list[tuple[float, Load]]] = {variant.name: [] for variant in variants}
    for variant in variants:
        running.lay(variant, protocol.name, protocol.together, protocol.calls)
    for turn in range(rounds):
        at = turn % len(variants)
        for variant in (*variants[at:], *variants[:at]):
            taken[variant.name].append(_turn(running, variant, protocol))
    yield from (_judged(protocol, variant, taken) for variant in variants)


def _turn(running: Before, variant: Variant, protocol: Protocol) -> tuple[float, Load]:
    began = _cpu(running.pid)
    load = running.lay(variant, protocol.name, protocol.together, protocol.calls)
    return (_cpu(running.pid) - began) / load.done, load


def _judged(protocol: Protocol, variant: Variant, taken: dict[str, list[tuple[float, Load]]]) -> Judging:
    own, alone, again = taken[variant.name], taken[_ALONE], taken[_AGAIN]
    if variant.name in (_ALONE, _AGAIN):
        least = [cpu for cpu, _ in alone]
        median = [load.p50 for _, load in alone]
    else:
        least = [(one[0] + other[0]) / 2 for one, other in zip(alone, again, strict=True)]
        median = [(one[1].p50 + other[1].p50) / 2 for one, other in zip(alone, again, strict=True)]
    ratios = [cpu / bare for (cpu, _), bare in zip(own, least, strict=True)]
    low, ratio, high = _quartiles(ratios)
    return Judging(
        protocol.text,
        variant.name,
        variant.principals,
        sum(load.done for _, load in own),
        statistics.median(cpu for cpu, _ in own),
        ratio,
        low,
        high,
        statistics.median(load.p50 / bare for (_, load), bare in zip(own, median, strict=True)),
        statistics.median(load.p50 for _, load in own),
        statistics.median(load.p99 for _, load in own),
        aimed=bool(variant.principals) and not (variant.listed or variant.logged),
    )


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _cpu(pid: int) -> float:
    """Seconds of processor time of another process, of all its threads, user and system."""
    return time.clock_gettime((~pid << 3) | _SCHEDULED)
