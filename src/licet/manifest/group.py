"""The group of Licet's own kinds, and what was meant to be of it."""

from __future__ import annotations

import difflib

from licet.manifest.documents import Document

GROUP = "licet.dev"
VERSION = f"{GROUP}/v1alpha1"
KINDS = frozenset({"Assertions", "Contract", "NamespaceContract", "Platform"})

_LIKE = 0.88
"""How much a misspelt group resembles ours: `lecet.dev`, `licet-dev`, but not `ticket.dev`."""


def is_ours(document: Document) -> bool:
    """Whether the document is of our group, or is one of our kinds and only misses the group.

    Other groups have kinds of such names too; those are theirs.
    """
    if document.api_version.startswith(f"{GROUP}/"):
        return True
    return document.kind in KINDS and _is_meant(document.api_version)


def _is_meant(version: str) -> bool:
    group, slash, _ = version.strip().lower().partition("/")
    if not slash or group.partition(".")[0] == GROUP.partition(".")[0]:
        return True
    return difflib.SequenceMatcher(None, group, GROUP).ratio() >= _LIKE
