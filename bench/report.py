"""Results as tables for people and as JSON for comparisons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.process import MIB
from bench.result import AIM_P99, AIM_PEAK, AIM_RATIO, AIM_TOGETHER, Chain, Latency, Measured, Peer, Results

LARGE = 10_000
"""Documents from which on a case is held to the aims."""
AIM_ROWS = 100
AIM_CONTRACTS = 1_000
"""Contracts that are held to AIM_TOGETHER; beyond them growth is."""
AIM_TIMES = {("nca", "bare-200"): 100, ("netpol-analyzer", "plain-1000"): 10}
BEGIN, END = "<!-- numbers -->", "<!-- end of numbers -->"

_COSTS = ("ratio", "of CPU", "whole", "PyYAML", "peak")
_STAGES = ("parse", "build", "answer", "JSON", "table")
CASE_HEAD = ("case", *_COSTS, *_STAGES, "edges", "in")
COMMANDS = ("check", "compile", "prove", "compile CNP")
CHAIN_HEAD = ("contracts", *COMMANDS[:3], "together", "growth", COMMANDS[3], "PyYAML", "of CPU", "peak", "in")
LATENCY_HEAD = ("change", "p50", "p99", "worst", "rows", "changes", "checked")
PEER_HEAD = ("tool", "case", "times faster", "tool", "licet", "tool's peak", "answers")


def case_row(one: Measured) -> tuple[str, ...]:
    """Ratio first; the stages as the command goes through them."""
    source = f"{one.size / 1e6:.1f} MB, {one.documents:,} documents, {one.files:,} files"
    if one.failure and not one.stages:
        return (one.case, "-", "-", one.failure, _seconds(one.baseline), *["-"] * 7, source)
    stages = one.stages
    return (
        one.case,
        f"{one.ratio:.2f}" if not one.failure else "failed",
        f"{one.cpu_ratio:.2f}",
        _seconds(one.whole),
        _seconds(one.baseline),
        f"{one.peak / MIB:.0f} MiB",
        _seconds(stages["fetch"] + stages["parse"]),
        _seconds(stages["decode"] + stages["build"]),
        _seconds(stages["answer"]),
        _seconds(stages["json"]),
        _seconds(stages["table"]),
        f"{one.counts['edges'] + one.counts['undetermined']:,}",
        source,
    )


def chain_rows(chains: Sequence[Chain]) -> Iterator[tuple[str, ...]]:
    """A platform a row, each beside the one before it: growth 1 is linear."""
    for one, before in zip(chains, (None, *chains), strict=False):
        source = f"{one.size / 1e6:.1f} MB, {one.documents:,} documents, {one.files:,} files"
        if one.failure:
            yield (f"{one.workloads:,}", one.failure, *["-"] * (len(CHAIN_HEAD) - 3), source)
            continue
        times = [_seconds(one.commands[name].wall) for name in COMMANDS]
        growth = "-" if before is None or before.failure else f"{one.growth(before):.2f}"
        yield (
            f"{one.workloads:,}",
            *times[:3],
            _seconds(one.together.wall),
            growth,
            times[3],
            _seconds(one.baseline.wall),
            f"{one.together.cpu / one.baseline.cpu:.2f}",
            f"{max(cost.peak for cost in one.commands.values()) / MIB:.0f} MiB",
            source,
        )


def latency_row(one: Latency) -> tuple[str, ...]:
    """One kind of change."""
    return (
        one.change,
        _milliseconds(one.p50),
        _milliseconds(one.p99),
        _milliseconds(one.worst),
        f"{one.rows:,}",
        f"{one.samples:,}",
        f"{one.checked:,}",
    )


def peer_row(one: Peer) -> tuple[str, ...]:
    """One tool on one case."""
    if one.failure:
        return (one.tool, one.case, "-", "-", _seconds(one.licet_seconds) if one.licet_seconds else "-", "-", one.alike)
    seconds = _seconds(one.tool_seconds), _seconds(one.licet_seconds)
    return (one.tool, one.case, f"{one.times:.0f}", *seconds, f"{one.tool_peak / MIB:.0f} MiB", one.alike)


def aims(results: Results) -> list[str]:
    """How large cases, changes and other tools stand against the aims, in sentences."""
    lines = [_case_aim(one) for one in results.cases if one.failure or one.documents >= LARGE]
    lines += _chain_aims(results.chains)
    lines += [
        f"{one.change}: p99 {_milliseconds(one.p99)} ({verdict(one.p99 < AIM_P99)} {_milliseconds(AIM_P99)})"
        for one in results.latencies
        if one.rows <= AIM_ROWS
    ]
    for peer in results.peers:
        aim = AIM_TIMES.get((peer.tool.split()[0], peer.case))
        if peer.failure:
            lines.append(f"{peer.tool} on {peer.case}: {peer.failure}")
        elif aim:
            met = verdict(peer.times >= aim)
            lines.append(f"{peer.tool} on {peer.case}: {peer.times:.0f} times faster ({met} {aim})")
    return lines + results.failures


def _case_aim(one: Measured) -> str:
    if one.failure:
        return f"{one.case}: {one.failure}"
    return (
        f"{one.case}: {one.ratio:.3f} of PyYAML's time ({verdict(one.ratio <= AIM_RATIO)} {AIM_RATIO}), "
        f"{one.peak / MIB:.0f} MiB ({verdict(one.peak < AIM_PEAK)} {AIM_PEAK // MIB} MiB)"
    )


def _chain_aims(chains: Sequence[Chain]) -> Iterator[str]:
    yield from (f"{one.workloads:,} contracts: {one.failure}" for one in chains if one.failure)
    done = [one for one in chains if not one.failure]
    for one, before in zip(done, (None, *done), strict=False):
        if one.workloads == AIM_CONTRACTS:
            seconds = one.together.wall
            aim = f"{verdict(seconds < AIM_TOGETHER)} {_seconds(AIM_TOGETHER)}"
            yield f"{one.workloads:,} contracts: check, compile and prove together {_seconds(seconds)} ({aim})"
        elif before is not None and before.workloads >= AIM_CONTRACTS:
            growth = one.growth(before)
            sizes = f"from {before.workloads:,} to {one.workloads:,} contracts"
            yield f"{sizes}: {growth:.2f} of linear growth ({verdict(growth <= 1)} 1)"


def verdict(met: bool) -> str:
    """How an aim stands, to be followed by the aim."""
    return "aim met:" if met else "aim missed:"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns side by side, the first to the left and the others to the right, as Markdown."""
    rows = [tuple(head), *map(tuple, rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "| " + " | ".join(_pad(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True))) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def keep(path: Path, results: Results) -> None:
    """Write everything as JSON, seconds and bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(results), indent=1) + "\n")


def insert(path: Path, text: str) -> None:
    """Put the text where the file keeps its numbers. Raises ValueError where it has no such place."""
    whole = path.read_text()
    before, begun, rest = whole.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"`{path}` has no lines `{BEGIN}` and `{END}`")
    path.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}")


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.0f} ms"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.2f} ms"
