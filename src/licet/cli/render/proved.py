"""Whether agreed equals permitted, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from licet.app.report import Spans
from licet.cli.render.chain import JsonCause, json_cause
from licet.cli.render.json import JsonPorts
from licet.contracts.agreement import end_text
from licet.diag.render.json import Finding, encode
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.proof.proof import Difference, Proof

SCHEMA = "licet.dev/proof/v1"


class JsonDifference(msgspec.Struct, frozen=True):
    """`count` pairs that differ for one cause, and one of them as the witness."""

    fault: str
    src: str
    dst: str
    protocol: str
    port: int
    ports: list[JsonPorts]
    count: int
    cause: JsonCause | None
    assumptions: tuple[str, ...]


class JsonOpen(msgspec.Struct, frozen=True):
    """Traffic with addresses outside that the target could not refuse."""

    workload: str
    direction: str
    reason: str


class JsonUnjudged(msgspec.Struct, frozen=True):
    """An agreement that ports and addresses cannot tell."""

    src: str
    dst: str
    reason: str


class JsonProof(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer."""

    holds: bool
    profile: str
    workloads: int
    agreed: int
    permitted: int
    missing: list[JsonDifference]
    excess: list[JsonDifference]
    unproved: list[JsonDifference]
    open: list[JsonOpen]
    unjudged: list[JsonUnjudged]
    assumptions: tuple[str, ...]
    findings: list[Finding]


def render(proof: Proof, *, paint: Paint) -> Iterator[str]:
    """The verdict in one line, then what it rests on."""
    yield verdict(proof, paint) + "\n"
    for assumption in proof.assumptions if proof.workloads else ():
        yield f"  {paint.open('rests on')}: {visible(assumption)}\n"


def verdict(proof: Proof, paint: Paint) -> str:
    """Whether it is proved, in one line."""
    if not proof.workloads:
        return paint.strong("nothing to prove: no workload with a contract is in mode `Enforce`")
    edges = f"{counted(proof.agreed, 'edge')} agreed, {proof.permitted:,} permitted"
    mark = paint.good("proved") if proof.holds else paint.bad("not proved")
    said = f"{edges}, {_differences(proof)} ({counted(proof.workloads, 'workload')}, profile `{proof.profile}`)"
    return f"{mark}: {paint.strong(said)}"


def _differences(proof: Proof) -> str:
    told = [("missing", proof.missing), ("in excess", proof.excess), ("not certain", proof.unproved)]
    counts = [f"{sum(one.count for one in found):,} {word}" for word, found in told if found]
    return ", ".join(counts) or "no difference"


def render_json(proof: Proof, spans: Spans, findings: list[Finding]) -> str:
    """One JSON document."""

    def listed(found: Sequence[Difference]) -> list[JsonDifference]:
        return [_difference(one, spans) for one in found]

    return encode(
        JsonProof(
            holds=proof.holds,
            profile=proof.profile,
            workloads=proof.workloads,
            agreed=proof.agreed,
            permitted=proof.permitted,
            missing=listed(proof.missing),
            excess=listed(proof.excess),
            unproved=listed(proof.unproved),
            open=[JsonOpen(str(one.key), one.direction.value, one.reason) for one in proof.open],
            unjudged=[
                JsonUnjudged(end_text(one.agreement.src), end_text(one.agreement.dst), one.reason)
                for one in proof.unjudged
            ],
            assumptions=proof.assumptions,
            findings=findings,
        )
    )


def _difference(one: Difference, spans: Spans) -> JsonDifference:
    witness = one.witness
    return JsonDifference(
        fault=one.fault.value,
        src=witness.src,
        dst=witness.dst,
        protocol=witness.protocol.name,
        port=witness.port,
        ports=[JsonPorts(r.protocol.name, r.first, r.last) for r in one.ports.ranges()],
        count=one.count,
        cause=json_cause(one.cause, spans) if one.cause is not None else None,
        assumptions=one.assumptions,
    )
