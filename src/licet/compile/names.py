"""Names of generated objects: after the workload, and never two alike."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from licet.model.key import Key

PREFIX = "licet"
_LONGEST = 200
"""Of the 253 that a DNS-1123 subdomain may have: files are named after objects, and 255 bytes end a file's name."""
_DIGITS = 8


def policy_names(keys: Iterable[Key], *, cluster_scoped: bool) -> dict[Key, str]:
    """A name for the policy of each workload: `licet-checkout`, with the kind where that alone is taken.

    Where no namespace tells the objects apart it stands in the name: `licet-shop.checkout`. A namespace has no dot in
    it, so that the first dot ends it.
    """
    keys = list(keys)
    spelled = {key: _name(key, cluster_scoped) for key in keys}
    alike = _taken(spelled)
    spelled = {key: f"{name}-{key.kind.lower()}" if _at(key, name) in alike else name for key, name in spelled.items()}
    alike = _taken(spelled)
    return {
        key: _short(key, name) if len(name) > _LONGEST or _at(key, name) in alike else name
        for key, name in spelled.items()
    }


def _name(key: Key, cluster_scoped: bool) -> str:
    return f"{PREFIX}-{key.namespace}.{key.name}" if cluster_scoped else f"{PREFIX}-{key.name}"


def _at(key: Key, name: str) -> tuple[str, str]:
    return key.namespace, name


def _taken(spelled: dict[Key, str]) -> set[tuple[str, str]]:
    counted = Counter(_at(key, name) for key, name in spelled.items())
    return {name for name, count in counted.items() if count > 1}


def _short(key: Key, name: str) -> str:
    digest = hashlib.sha256(str(key).encode()).hexdigest()[:_DIGITS]
    return f"{name[: _LONGEST - _DIGITS - 1].rstrip('-.')}-{digest}"
