"""What identities cost, as tables and against the aims."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report import table, verdict
from bench.result import AIM_ISSUED, AIM_SERVED, Fetching, Identities, Issuing, Rotating, Watching

AIM_WATCHERS = 1_000
"""Watchers that are held to the aim."""

ISSUING_HEAD = ("issuing", "ratio", "a second of a core", "a second", "CPU", "bare", "sign and verify", "issued")
FETCHING_HEAD = ("fetching", "ratio", "a second of a core", "a second", "CPU", "bare CPU", "bare, a second", "fetched")
ROTATING_HEAD = ("change", "identities", "watchers", "last", "median", "bare", "CPU", "bare CPU", "ratio")
WATCHING_HEAD = ("identities", "watchers", "ratio", "a watcher", "bare")


def sections(found: Identities) -> Iterator[str]:
    """A table for each thing that was measured."""
    if found.skipped:
        yield f"Identities: not measured, {found.skipped}\n"
    if found.issuing:
        yield "Issuing identities, each request verified and each certificate recorded on the disk\n"
        yield table(ISSUING_HEAD, map(_issuing, found.issuing)) + "\n"
    if found.fetching:
        yield "Fetching an SVID from the Workload API\n"
        yield table(FETCHING_HEAD, map(_fetching, found.fetching)) + "\n"
    if found.rotating:
        yield "From a change until every watcher has been served\n"
        yield table(ROTATING_HEAD, map(_rotating, found.rotating)) + "\n"
    if found.watching:
        yield "Memory of the server for each watcher that waits\n"
        yield table(WATCHING_HEAD, map(_watching, found.watching)) + "\n"


def aims(found: Identities) -> Iterator[str]:
    """How what was measured stands against the aims, in sentences."""
    for issuing in found.issuing:
        if issuing.skipped:
            yield f"{issuing.way}: not measured, {issuing.skipped}"
        elif issuing.aimed:
            met = verdict(issuing.rate >= AIM_ISSUED)
            yield f"{issuing.way}: {issuing.rate:,.0f} issued a second of a core ({met} {AIM_ISSUED:,})"
    for rotating in found.rotating:
        if rotating.watchers >= AIM_WATCHERS:
            met = f"{verdict(rotating.last <= AIM_SERVED)} {AIM_SERVED:.2f} s"
            yield f"{rotating.what}, {_people(rotating)}: all served after {rotating.last:.2f} s ({met})"
    if found.failure:
        yield found.failure


def _issuing(one: Issuing) -> tuple[str, ...]:
    if one.skipped:
        return (one.way, *["-"] * (len(ISSUING_HEAD) - 1))
    times = map(_micro, (one.cpu, one.bare, one.least))
    return (one.way, f"{one.ratio:.2f}", f"{one.rate:,.0f}", f"{1 / one.wall:,.0f}", *times, f"{one.issued:,}")


def _fetching(one: Fetching) -> tuple[str, ...]:
    return (
        one.way,
        f"{one.ratio:.2f}",
        f"{1 / one.cpu:,.0f}",
        f"{1 / one.wall:,.0f}",
        _micro(one.cpu),
        _micro(one.bare_cpu),
        f"{1 / one.bare_wall:,.0f}",
        f"{one.fetched:,}",
    )


def _rotating(one: Rotating) -> tuple[str, ...]:
    seconds = (one.last, one.median, one.bare, one.cpu, one.bare_cpu)
    return (one.what, f"{one.identities:,}", f"{one.watchers:,}", *(f"{s:.2f} s" for s in seconds), f"{one.ratio:.1f}")


def _watching(one: Watching) -> tuple[str, ...]:
    sizes = (f"{size / 1024:.0f} KiB" for size in (one.memory, one.bare))
    return (f"{one.identities:,}", f"{one.watchers:,}", f"{one.ratio:.2f}", *sizes)


def _people(one: Rotating) -> str:
    return f"{one.watchers:,} watchers of {one.identities:,} {'identity' if one.identities == 1 else 'identities'}"


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"
