"""From contracts to policies: agreed, compiled, written as text, read back, and proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from licet.app.load import Loaded
from licet.app.report import Spans
from licet.compile import objects
from licet.compile.compiled import Compiled, Remark, Written
from licet.compile.targets import TARGETS
from licet.contracts.agree import agree
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Origin
from licet.diag.render.visible import visible
from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.decode import decode
from licet.manifest.write import yaml
from licet.model.cluster import Cluster
from licet.model.profile import Profile
from licet.proof import findings as proof_findings
from licet.proof.proof import Proof
from licet.proof.prove import prove

_SIGN = f"# {objects.TITLE}".encode()


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
    loaded: Loaded, target: str, at: datetime, profile: Profile, *, widen: bool, headed: bool = True
) -> Compilation:
    """The policies of one target for what is agreed at a time.

    `headed` is whether files begin with the lines of the contracts behind them, for which each of those is looked at.
    """
    agreements = agree(loaded.contracts, loaded.cluster, at)
    compiled = TARGETS[target](agreements, loaded.cluster, widen, profile)
    found = (*agreements.diagnostics, *compiled.diagnostics)
    if any(one.severity is Severity.ERROR for one in (*loaded.diagnostics, *found)):
        return Compilation(compiled, {}, None, found)
    heads = _heads(compiled.written, loaded) if headed else {}
    files = {one.file: Text(one.file, (heads.get(one.file, "") + yaml(one.value)).encode()) for one in compiled.written}
    cluster = _with(loaded, target, files.values())
    proof = prove(agreements, cluster, profile, compiled.unclosed)
    told = [one for one in proof_findings.findings(proof) if one.code != proof_findings.UNJUDGED]
    return Compilation(compiled, files, proof, (*found, *told))


def is_own(data: bytes, target: str) -> bool:
    """Whether all of a file was compiled for this target, and is free to be replaced therefore."""
    label = f"\n    {objects.TARGET}: {target}\n".encode()
    return all(piece.startswith(_SIGN) and label in piece for piece in data.split(b"\n---\n"))


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


def _with(loaded: Loaded, target: str, texts: Iterable[Text]) -> Cluster:
    """The cluster as it will be: with the new policies, and without those that this target wrote before."""
    read, _ = documents.read(texts)
    new = decode(read).cluster

    def stays(origin: Origin) -> bool:
        text = loaded.texts.get(origin.source)
        return text is None or not is_own(text.data, target)

    old = loaded.cluster
    return msgspec.structs.replace(
        old,
        network_policies=(*(one for one in old.network_policies if stays(one.origin)), *new.network_policies),
        cluster_policies=(*(one for one in old.cluster_policies if stays(one.origin)), *new.cluster_policies),
    )
