"""From contracts to policies: agreed, compiled, written as text, read back, and proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from licet.app.earlier import Charge, is_own
from licet.app.load import Loaded
from licet.app.report import Spans
from licet.compile.compiled import Compiled, Remark, Written
from licet.compile.targets import TARGETS
from licet.contracts.agree import agree
from licet.contracts.agreement import Agreements
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.render.visible import visible
from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.decode import decode
from licet.manifest.write import yaml
from licet.model.cluster import Cluster
from licet.model.policy import ClusterPolicy, NetworkPolicy
from licet.model.profile import Profile
from licet.proof import findings as proof_findings
from licet.proof.proof import Proof
from licet.proof.prove import prove
from licet.sources import SourceError


class Compilation(msgspec.Struct, frozen=True):
    """What came of the contracts.

    `files` are texts by file, in a fixed order; they are empty, and nothing is proved, where a finding about the
    contracts or the manifests is an error. `diagnostics` are those of agreeing and compiling, then the proof's.
    """

    compiled: Compiled
    files: Mapping[str, Text]
    proof: Proof | None
    diagnostics: tuple[Diagnostic, ...]


def compilation(
    loaded: Loaded, target: str, at: datetime, profile: Profile, *, widen: bool, charge: Charge
) -> Compilation:
    """The policies of one target for what is agreed at a time, as files that say which lines they come from.

    Of what was compiled before and is compiled no more, the proof leaves out what `charge` holds. Raises SourceError
    where there is no contract, and none that could not be read.
    """
    is_broken = any(one.severity is Severity.ERROR for one in loaded.diagnostics)
    if not (loaded.contracts.contracts or loaded.contracts.namespaces or is_broken):
        raise SourceError("no contract to compile", "`licet init` drafts them")
    agreements = agree(loaded.contracts, loaded.cluster, at)
    return compile_agreed(loaded, agreements, target, profile, widen=widen, charge=charge, headed=True)


def compile_agreed(
    loaded: Loaded,
    agreements: Agreements,
    target: str,
    profile: Profile,
    *,
    widen: bool = False,
    charge: Charge | None = None,
    headed: bool = False,
) -> Compilation:
    """The policies of one target for what is agreed.

    `headed` is whether files begin with the lines of the contracts behind them, for which each of those is looked at.
    Without a `charge` the proof leaves out all that was compiled before.
    """
    compiled = TARGETS[target](agreements, loaded.cluster, widen, profile)
    found = (*agreements.diagnostics, *compiled.diagnostics)
    if any(one.severity is Severity.ERROR for one in (*loaded.diagnostics, *found)):
        return Compilation(compiled, {}, None, found)
    heads = _heads(compiled.written, loaded) if headed else {}
    files = {one.file: Text(one.file, (heads.get(one.file, "") + yaml(one.value)).encode()) for one in compiled.written}
    cluster = _with(loaded, target, files.values(), charge)
    proof = prove(agreements, cluster, profile, compiled.unclosed)
    told = [one for one in proof_findings.findings(proof) if one.code != proof_findings.UNJUDGED]
    return Compilation(compiled, files, proof, (*found, *told))


def stream(texts: Iterable[Text]) -> str:
    """All objects as one text."""
    return "---\n".join(text.data.decode() for text in texts)


def _heads(written: Iterable[Written], loaded: Loaded) -> Mapping[str, str]:
    """The comment at the top of each file."""
    spans = Spans(loaded.texts)
    spans.find(place for one in written for remark in one.header for place in remark.places)
    return {one.file: "".join(f"# {line}\n" for line in _lines(one.header, spans)) for one in written}


def _lines(header: Sequence[Remark], spans: Spans) -> Iterator[str]:
    for remark in header:
        found = [f"{span.source}:{span.line}" for place in remark.places if (span := spans.of(place)) is not None]
        behind = f"  ({', '.join(dict.fromkeys(found))})" if found else ""
        yield visible(f"{remark.text}{behind}")


def _with(loaded: Loaded, target: str, texts: Iterable[Text], charge: Charge | None) -> Cluster:
    """The cluster as it will be: with the new policies, and without those that they replace or that are to go."""
    read, _ = documents.read(texts)
    new = decode(read).cluster
    written = {one.key for one in new.network_policies} | {one.key for one in new.cluster_policies}
    gone: dict[str, bool] = {}

    def stays(one: NetworkPolicy | ClusterPolicy) -> bool:
        text = loaded.texts.get(one.origin.source)
        if text is None or not is_own(text.data, target):
            return True
        if one.key in written or charge is None:
            return False
        if text.source not in gone:
            gone[text.source] = charge.holds(text.data)
        return not gone[text.source]

    old = loaded.cluster
    return msgspec.structs.replace(
        old,
        network_policies=(*filter(stays, old.network_policies), *new.network_policies),
        cluster_policies=(*filter(stays, old.cluster_policies), *new.cluster_policies),
    )
