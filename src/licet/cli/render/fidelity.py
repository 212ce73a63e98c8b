"""How faithfully agreements were compiled, and what was written."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from licet.app.compilation import Compilation
from licet.app.policy_folder import Change
from licet.cli.render.grid import STACKED_BELOW, grid
from licet.cli.render.json import JsonPorts
from licet.cli.render.proved import verdict
from licet.compile.compiled import Fidelity, Level
from licet.contracts.agreement import EdgeKind, end_text
from licet.diag.render.json import Finding, encode
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.proof.proof import Proof

SCHEMA = "licet.dev/compile/v1"
_HEAD = ("EDGES", *(level.value.upper() for level in Level))
_NOT_EXACT = ("FROM", "TO", "PORTS", "LEVEL", "REASON")


class JsonFidelity(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one agreement came out."""

    kind: str
    src: str
    dst: str
    ports: list[JsonPorts]
    level: str
    reason: str = ""


class JsonUnclosed(msgspec.Struct, frozen=True):
    """What of a workload's traffic the target cannot refuse."""

    workload: str
    direction: str
    reason: str


class JsonProof(msgspec.Struct, frozen=True):
    """Whether what is permitted is what was agreed, and how many differences there are."""

    holds: bool
    workloads: int
    agreed: int
    permitted: int
    missing: int
    excess: int
    unproved: int
    assumptions: tuple[str, ...]


class JsonChange(msgspec.Struct, frozen=True):
    """One file that differs: `added`, `changed` or `removed`."""

    file: str
    change: str


class JsonCompile(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer; `objects` are empty where they are written into a folder."""

    target: str
    profile: str
    fidelity: list[JsonFidelity]
    unclosed: list[JsonUnclosed]
    proof: JsonProof | None
    changes: list[JsonChange]
    objects: list[dict[str, Any]]
    findings: list[Finding]


def render(done: Compilation, found: Sequence[Change], *, width: int, paint: Paint) -> Iterator[str]:
    """A row a kind of edge, a row an edge that is not exact, then the proof and what changed."""
    counts = Counter((one.agreement.kind, one.level) for one in done.compiled.fidelity)
    rows = [
        [[kind.value], *([str(counts[kind, level] or "")] for level in Level)]
        for kind in EdgeKind
        if any(counts[kind, level] for level in Level)
    ]
    if rows:
        yield _block(grid(_HEAD, rows, width, paint) if width >= STACKED_BELOW else _listed(rows))
    inexact = [one for one in done.compiled.fidelity if one.level is not Level.EXACT]
    if inexact:
        yield "\n" + _block(grid(_NOT_EXACT, [_row(one) for one in inexact], width, paint))
    yield "\n" if rows else ""
    if done.proof is None:
        yield paint.bad("nothing is written: the contracts or the manifests have errors") + "\n"
        return
    yield verdict(done.proof, paint) + "\n"
    added, changed, removed = (
        sum(_kind(change) == kind for change in found) for kind in ("added", "changed", "removed")
    )
    same = len(done.files) - added - changed
    numbers = [(added, "new"), (changed, "changed"), (removed, "removed"), (same, "unchanged")]
    told = ", ".join(f"{number:,} {word}" for number, word in numbers if number) or "no file"
    yield f"{counted(len(done.files), 'object')}: {told}\n"
    yield _block(f"removed {visible(change.file)}" for change in found if _kind(change) == "removed")


def _listed(rows: Sequence[Sequence[Sequence[str]]]) -> Iterator[str]:
    """The counts on a terminal that has no room for columns."""
    for [kind], *numbers in rows:
        yield kind
        yield from (f"  {number} {level.value}" for [number], level in zip(numbers, Level, strict=True) if number)


def _row(one: Fidelity) -> list[list[str]]:
    agreement = one.agreement
    ends = [[visible(end_text(end))] for end in (agreement.src, agreement.dst)]
    return [*ends, str(agreement.ports).split(", "), [one.level.value], [visible(one.reason)]]


def render_json(
    done: Compilation, found: Sequence[Change], profile: str, findings: list[Finding], *, objects: bool
) -> str:
    """The answer for other programs."""
    return encode(
        JsonCompile(
            done.compiled.target,
            profile,
            [_json(one) for one in done.compiled.fidelity],
            [JsonUnclosed(str(one.key), one.direction.value, one.reason) for one in done.compiled.unclosed],
            _json_proof(done.proof) if done.proof is not None else None,
            [JsonChange(change.file, _kind(change)) for change in found],
            [one.value for one in done.compiled.written] if objects and done.files else [],
            findings,
        )
    )


def _json(one: Fidelity) -> JsonFidelity:
    agreement = one.agreement
    ports = [JsonPorts(run.protocol.name, run.first, run.last) for run in agreement.ports.ranges()]
    src, dst = end_text(agreement.src), end_text(agreement.dst)
    return JsonFidelity(agreement.kind.value, src, dst, ports, one.level.value, one.reason)


def _json_proof(proof: Proof) -> JsonProof:
    return JsonProof(
        proof.holds,
        proof.workloads,
        proof.agreed,
        proof.permitted,
        len(proof.missing),
        len(proof.excess),
        len(proof.unproved),
        proof.assumptions,
    )


def render_changes(found: Sequence[Change]) -> Iterator[str]:
    """Unified differences, file by file, against what is there."""
    for change in found:
        before, after = (
            (data or b"").decode(errors="replace").splitlines(keepends=True) for data in (change.before, change.after)
        )
        old, new = (
            name if data is not None else "/dev/null"
            for name, data in ((f"a/{change.file}", change.before), (f"b/{change.file}", change.after))
        )
        yield from difflib.unified_diff(before, after, old, new)


def _kind(change: Change) -> str:
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "changed"


def _block(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
