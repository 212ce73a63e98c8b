"""Results as tables for people and as JSON for comparisons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.process import MIB
from bench.result import AIM_PEAK, AIM_RATIO, Latency, Machine, Measured, Peer

CASE_HEAD = ("case", "ratio", "whole", "PyYAML", "peak", "parse", "build", "answer", "JSON", "table", "edges", "in")
LATENCY_HEAD = ("change", "p50", "p99", "worst", "rows", "changes", "checked")
PEER_HEAD = ("tool", "case", "times faster", "tool", "licet", "tool's peak", "answers")


def case_row(one: Measured) -> tuple[str, ...]:
    """Ratio first; the stages as the command goes through them."""
    source = f"{one.size / 1e6:.1f} MB, {one.documents:,} documents, {one.files:,} files"
    if one.failure and not one.stages:
        return (one.case, "-", one.failure, _seconds(one.baseline), *["-"] * 7, source)
    stages = one.stages
    return (
        one.case,
        f"{one.ratio:.2f}" if not one.failure else "failed",
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
        return (one.tool, one.case, "-", one.failure, _seconds(one.licet_seconds), "-", one.alike)
    seconds = _seconds(one.tool_seconds), _seconds(one.licet_seconds)
    return (one.tool, one.case, f"{one.times:.0f}", *seconds, f"{one.tool_peak / MIB:.0f} MiB", one.alike)


def aims(measured: Sequence[Measured]) -> list[str]:
    """How each large case stands against the aims, in sentences."""
    lines = []
    for one in measured:
        if one.failure:
            lines.append(f"{one.case}: {one.failure}")
        elif one.documents >= 10_000:
            fast = "within" if one.ratio <= AIM_RATIO else "over"
            small = "within" if one.peak < AIM_PEAK else "over"
            lines.append(
                f"{one.case}: {one.ratio:.2f} of the baseline, {fast} the aim of {AIM_RATIO}; "
                f"{one.peak / MIB:.0f} MiB, {small} the aim of {AIM_PEAK // MIB} MiB"
            )
    return lines


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


def keep(
    path: Path, machine: Machine, cases: Sequence[Measured], latencies: Sequence[Latency], peers: Sequence[Peer]
) -> None:
    """Write everything as JSON, seconds and bytes."""
    document = {
        "machine": asdict(machine),
        "cases": [asdict(one) for one in cases],
        "reanswer": [asdict(one) for one in latencies],
        "peers": [asdict(one) for one in peers],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.0f} ms"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.2f} ms"
