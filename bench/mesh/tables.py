"""What the mesh costs, as tables and against the aims."""

from __future__ import annotations

from collections.abc import Iterator

from bench.mesh.result import AIM_JUDGED, AIM_PUSHED, PUSHED, Arriving, Judging, Meshes, Pushing, Sizing
from bench.report import table, verdict

JUDGING_HEAD = ("through mutual TLS", "listener", "of CPU", "quartiles", "of p50", "CPU", "p50", "p99", "calls")
PUSHING_HEAD = ("change", "sidecars", "over", "reached", "p50", "p99", "worst", "CPU", "times")
ARRIVING_HEAD = ("sidecars at once", "over", "all served", "CPU", "loop late", "revocation meanwhile", "memory of each")
SIZING_HEAD = ("callers of one port", "HTTP", "TCP")


def sections(found: Meshes) -> Iterator[str]:
    """A table for each thing that was measured."""
    if found.skipped:
        yield f"The mesh: not measured, {found.skipped}\n"
    if found.judging:
        yield "A policy beside the same listener without one, on one Envoy, in turns\n"
        yield table(JUDGING_HEAD, map(_judging, found.judging)) + "\n"
    if found.sizing:
        yield "What an Envoy has allocated\n"
        yield table(SIZING_HEAD, _sizes(found.sizing)) + "\n"
    if found.pushing:
        yield "From a change to the last acknowledgement\n"
        yield table(PUSHING_HEAD, map(_pushing, found.pushing)) + "\n"
    if found.arriving:
        yield "Sidecars that come all at once\n"
        yield table(ARRIVING_HEAD, map(_arriving, found.arriving)) + "\n"


def aims(found: Meshes) -> Iterator[str]:
    """How what was measured stands against the aims, in sentences."""
    for one in found.judging:
        if one.aimed:
            met = verdict(one.ratio <= AIM_JUDGED and one.slower <= AIM_JUDGED)
            said = f"{one.ratio:.3f} of the CPU and {one.slower:.3f} of the median time of mutual TLS alone"
            yield f"{one.what}, {one.protocol}: {said} ({met} {AIM_JUDGED})"
    for pushed in found.pushing:
        if pushed.sidecars == PUSHED:
            met = f"{verdict(pushed.p99 < AIM_PUSHED)} {AIM_PUSHED * 1000:.0f} ms"
            where = f"{pushed.sidecars} sidecars over {pushed.way}"
            yield f"{pushed.change}, {where}: p99 {_milli(pushed.p99)} to the last of {pushed.reached} ({met})"
    if found.failure:
        yield found.failure


def _judging(one: Judging) -> tuple[str, ...]:
    return (
        one.protocol,
        one.what,
        f"{one.ratio:.3f}",
        f"{one.low:.2f} to {one.high:.2f}",
        f"{one.slower:.3f}",
        f"{one.cpu * 1e6:,.1f} µs",
        _milli(one.p50),
        _milli(one.p99),
        f"{one.calls:,}",
    )


def _pushing(one: Pushing) -> tuple[str, ...]:
    times = map(_milli, (one.p50, one.p99, one.worst, one.cpu))
    return (one.change, f"{one.sidecars:,}", one.way, f"{one.reached:,}", *times, f"{one.times:,}")


def _arriving(one: Arriving) -> tuple[str, ...]:
    seconds = (f"{each:.2f} s" for each in (one.seconds, one.cpu, one.late, one.revoked))
    return (f"{one.sidecars:,}", one.way, *seconds, f"{one.memory / 1024:.0f} KiB")


def _sizes(found: list[Sizing]) -> Iterator[tuple[str, ...]]:
    by_callers: dict[int, dict[str, int]] = {}
    for one in found:
        by_callers.setdefault(one.callers, {})[one.speaks] = one.memory
    for callers, held in by_callers.items():
        yield (f"{callers:,}", *(f"{held[each] / (1 << 20):.1f} MiB" for each in ("http", "tcp") if each in held))


def _milli(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
