"""A small platform with contracts and policies that are exactly right for it, read from text and so easily spoilt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from licet.contracts import decode as contracts
from licet.contracts.agree import agree
from licet.contracts.agreement import Agreements
from licet.diag.diagnostic import Severity
from licet.diag.text import Text
from licet.manifest import documents, platform
from licet.manifest.decode import decode
from licet.model.cluster import Cluster
from licet.model.platform import UNKNOWN_PLATFORM

CORRECT = (Path(__file__).parent / "correct.yaml").read_text(encoding="utf-8")
TODAY = datetime(2026, 11, 21, tzinfo=UTC)


class Estate(msgspec.Struct, frozen=True):
    """What one text holds."""

    agreements: Agreements
    cluster: Cluster
    texts: Mapping[str, Text]


def estate(text: str = CORRECT) -> Estate:
    """Read it; nothing in it may be wrong."""
    source = Text("estate.yaml", text.encode())
    read, wrong = documents.read([source])
    ours = [document for document in read if document.api_version.startswith("licet.dev/")]
    facts, not_facts = platform.decode([document for document in ours if platform.is_platform(document)])
    others = [document for document in read if document not in ours]
    known = facts or UNKNOWN_PLATFORM
    decoded = decode(others, namespace="default", cluster=known.cluster, platform=known)
    declared, faults = contracts.decode(ours, namespace="default", cluster=known.cluster, mode=known.mode)
    assert not [*wrong, *not_facts, *faults, *(one for one in decoded.diagnostics if one.severity is Severity.ERROR)]
    return Estate(agree(declared, decoded.cluster, TODAY), decoded.cluster, {source.source: source})


def changed(old: str, new: str, *, of: str = "", text: str = CORRECT) -> str:
    """The text with one change, in the policy of that name where one is given; the change must fit once."""
    if not of:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        return text.replace(old, new)
    pieces = text.split("---\n")
    at = [i for i, piece in enumerate(pieces) if "kind: NetworkPolicy\n" in piece and f"name: {of}," in piece]
    pieces[at[0]] = changed(old, new, text=pieces[at[0]])
    return "---\n".join(pieces)
