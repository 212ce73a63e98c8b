"""What is not read: counted by kind, told once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin
from licet.manifest.decode import findings
from licet.manifest.decode.kinds import BUILT_IN, SILENT, UNREAD, misspelt

if TYPE_CHECKING:
    from licet.manifest.documents import Document


class Leftovers:
    """Objects left out, each kind with its count and the first object's place."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, bool], tuple[Origin, int]] = {}
        self._meant: dict[tuple[str, str], str | None] = {}
        self._finished: tuple[Origin, int] | None = None

    def unknown(self, group: str, kind: str, document: Document) -> None:
        """An object of a kind that is not read."""
        if (group in SILENT and (group, kind) not in UNREAD) or (
            group in BUILT_IN and self._misspelt(group, kind) is None
        ):
            return
        entry = (group, kind, _has_template(document.value))
        first, count = self._kinds.get(entry, (document.origin, 0))
        self._kinds[entry] = (first, count + 1)

    def _misspelt(self, group: str, kind: str) -> str | None:
        if (group, kind) not in self._meant:
            self._meant[group, kind] = misspelt(group, kind)
        return self._meant[group, kind]

    def finished(self, origin: Origin) -> None:
        """A pod that has ended."""
        first, count = self._finished or (origin, 0)
        self._finished = (first, count + 1)

    def findings(self) -> Iterator[Diagnostic]:
        """One finding for each kind of leftover, in the order in which they came."""
        for (group, kind, template), (origin, count) in self._kinds.items():
            effect = UNREAD.get((group, kind))
            meant = self._meant.get((group, kind))
            if meant is not None:
                yield findings.misspelt_kind(origin, group, kind, count, meant)
            elif effect is not None:
                yield findings.unread_policy(origin, group, kind, count, effect)
            elif template:
                yield findings.unknown_template(origin, group, kind, count)
            else:
                yield findings.unknown_kind(origin, group, kind, count)
        if self._finished is not None:
            yield findings.finished_pods(*self._finished)


def _has_template(value: object) -> bool:
    for step in ("spec", "template", "spec", "containers"):
        if not isinstance(value, dict):
            return False
        value = value.get(step)
    return isinstance(value, list)
