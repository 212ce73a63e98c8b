"""Contracts against manifests against policies, in one run: what stands in the way of a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from licet.app.compilation import compile_agreed
from licet.app.load import Loaded
from licet.app.report import Spans, report
from licet.checks import suppression
from licet.checks.baseline import Baseline, compare
from licet.checks.doubled import of_policies
from licet.checks.ownership import Guards, changed_consent, unguarded
from licet.checks.unanswered import unanswered
from licet.checks.undeclared import Undeclared, undeclared
from licet.contracts import disagreement
from licet.contracts.agree import agree
from licet.contracts.agreement import Agreements, end_text
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.report import Report
from licet.discover.evidence import evidence
from licet.manifest.documents import Document
from licet.model.profile import Profile
from licet.proof import findings as proof_findings
from licet.proof.proof import Proof
from licet.proof.prove import prove

_TARGET = "networkpolicy"
"""What contracts are compiled to where no policy is there to be judged."""
_OPEN = (disagreement.NO_CONSENT, disagreement.NOT_SERVED, disagreement.EXPIRED)
"""What does not meet for want of the other side, and is no reason not to declare one's own."""


class Before(msgspec.Struct, frozen=True):
    """What this is a change of, and who guarded what there."""

    loaded: Loaded
    guards: Guards | None


class Change(msgspec.Struct, frozen=True):
    """Edges that are newly agreed, and those that are no longer, one line each."""

    more: tuple[str, ...]
    less: tuple[str, ...]


class Gate(msgspec.Struct, frozen=True):
    """What was found, and what of it was set aside.

    `sifted` is what suppressions leave, `report` what the baseline leaves of that. `undeclared` are the calls of the
    report without a declaration; `sound` says whether everything was read and resolved, so that one may be added.
    `change` is what became of the agreements since the base; None where there is none.
    """

    report: Report
    agreements: Agreements
    proof: Proof | None
    undeclared: tuple[Undeclared, ...]
    sound: bool
    sifted: tuple[Diagnostic, ...]
    suppressed: int
    known: int
    gone: int
    change: Change | None = None


def gate(
    loaded: Loaded,
    profile: Profile,
    at: datetime,
    *,
    namespace: str,
    guards: Guards | None = None,
    baseline: Baseline | None = None,
    before: Before | None = None,
) -> Gate:
    """Judge what was loaded at a time.

    `guards` are the rules of who owns which file; None outside of a repository.
    """
    read = loaded.objects()
    agreements = agree(loaded.contracts, loaded.cluster, at)
    seen = evidence(read, loaded.cluster, namespace=namespace)
    calls = undeclared(seen, agreements, loaded.cluster)
    proof, proved = _proof(loaded, agreements, profile)
    told: dict[Diagnostic, None] = dict.fromkeys(
        (
            *loaded.diagnostics,
            *agreements.diagnostics,
            *(one.finding for one in calls),
            *unanswered(seen, agreements, loaded.cluster, read),
            *proved,
            *of_policies(loaded.cluster, profile, read),
            *unguarded(loaded.contracts.contracts, guards),
            *_consented(before, loaded, guards),
        )
    )
    found = report(told, loaded.texts)
    placed = dict(zip(told, found.findings, strict=True))
    sifted = _sifted(found, loaded, read, at)
    left = (*sifted.kept, *sifted.wrong)
    compared = compare(left, baseline or Baseline())
    new = set(compared.new)
    return Gate(
        Report(compared.new, found.texts),
        agreements,
        proof,
        tuple(one for one in calls if placed[one.finding] in new),
        not any(map(_is_unsound, (*loaded.diagnostics, *agreements.diagnostics))),
        left,
        sifted.suppressed,
        compared.known,
        compared.gone,
        None if before is None else _change(agree(before.loaded.contracts, before.loaded.cluster, at), agreements),
    )


def _is_unsound(found: Diagnostic) -> bool:
    """Whether something could not be read or resolved; half an agreement, or one that is over, is neither."""
    return found.severity is Severity.ERROR and found.code not in _OPEN


def _consented(before: Before | None, loaded: Loaded, guards: Guards | None) -> Iterable[Diagnostic]:
    if before is None:
        return ()
    return changed_consent(before.loaded.contracts.contracts, loaded.contracts.contracts, before.guards, guards)


def _change(before: Agreements, after: Agreements) -> Change:
    old, new = _edges(before), _edges(after)
    return Change(tuple(edge for edge in new if edge not in old), tuple(edge for edge in old if edge not in new))


def _edges(agreements: Agreements) -> dict[str, None]:
    return {f"{end_text(one.src)} -> {end_text(one.dst)}, {one.ports}": None for one in agreements.agreements}


def _proof(loaded: Loaded, agreements: Agreements, profile: Profile) -> tuple[Proof | None, Iterable[Diagnostic]]:
    """Of the policies that are there; where there are none, of those that the contracts are compiled to."""
    if not agreements.isolated:
        return None, ()
    if loaded.cluster.network_policies or loaded.cluster.cluster_policies:
        proof = prove(agreements, loaded.cluster, profile)
        return proof, proof_findings.findings(proof)
    made = compile_agreed(loaded, agreements, _TARGET, profile)
    return made.proof, made.diagnostics


def _sifted(found: Report, loaded: Loaded, read: Sequence[Document], at: datetime) -> suppression.Sifted:
    """The findings without those that people have decided to live with."""
    by_comment, wrong = suppression.commented(loaded.texts.values())
    marked = [(document, place) for document in read if (place := suppression.annotation_place(document)) is not None]
    spans = Spans(loaded.texts)
    by_annotation, more = suppression.annotated(
        [document for document, _ in marked], loaded.texts.values(), [spans.of(place) for _, place in marked]
    )
    sifted = suppression.sift(found.findings, [*by_comment, *by_annotation], at.date())
    return msgspec.structs.replace(sifted, wrong=(*wrong, *more, *sifted.wrong))
