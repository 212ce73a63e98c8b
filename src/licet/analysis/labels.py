"""An inverted index: which items does a selector match, in a few operations on bit sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set

from licet.analysis import bits
from licet.model.selector import Operator, Requirement, Selector


class LabelIndex:
    """Items by label.

    An item is (position, labels, keys whose values are not known, those of these keys that it surely has). Of an
    `opaque` item no key is known but those in its labels and those that it surely has.
    """

    def __init__(
        self,
        items: Iterable[tuple[int, Mapping[str, str], Set[str], Set[str]]],
        width: int,
        opaque: int,
        reasons: tuple[Callable[[str], str], str],
    ) -> None:
        """`reasons` word why a match is not sure: for an unknown key, and for an opaque item."""
        self._opaque = opaque
        self._key_reason, self._opaque_reason = reasons
        everyone: list[int] = []
        values: dict[str, dict[str, list[int]]] = {}
        unknown: dict[str, list[int]] = {}
        certain: dict[str, list[int]] = {}
        for at, labels, missing, there in items:
            everyone.append(at)
            for key, value in labels.items():
                values.setdefault(key, {}).setdefault(value, []).append(at)
            for key in missing:
                if key not in labels:
                    unknown.setdefault(key, []).append(at)
            for key in there:
                if key not in labels:
                    certain.setdefault(key, []).append(at)
        self._everyone = bits.of(everyone, width)
        self._values = {k: {v: bits.of(at, width) for v, at in by.items()} for k, by in values.items()}
        self._keys = {k: bits.of((i for at in by.values() for i in at), width) for k, by in values.items()}
        self._certain = {k: bits.of(at, width) for k, at in certain.items()}
        self._unknown = {k: bits.of(at, width) for k, at in unknown.items()}
        self._selected: dict[Selector, tuple[int, dict[str, int]]] = {}

    def select(self, selector: Selector) -> tuple[int, dict[str, int]]:
        """(surely matched, possibly matched by the reason for which it is not sure)."""
        found = self._selected.get(selector)
        if found is None:
            found = self._selected[selector] = self._select(selector)
        return found

    def _select(self, selector: Selector) -> tuple[int, dict[str, int]]:
        sure = possible = self._everyone
        doubts: dict[str, int] = {}
        for requirement in selector.requirements:
            key = requirement.key
            hidden = self._opaque and self._opaque & ~self._keys.get(key, 0)
            unset = self._unknown.get(key, 0)
            yes = self._holds(requirement)
            if requirement.operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST):
                there = self._certain.get(key, 0)
                hidden &= ~there
                unset &= ~there
            if not hidden and not unset:
                sure &= yes
                possible &= yes
                continue
            unset &= ~hidden
            yes &= ~(hidden | unset)
            sure &= yes
            possible &= yes | hidden | unset
            if unset:
                doubts[self._key_reason(key)] = unset
            if hidden:
                doubts[self._opaque_reason] = doubts.get(self._opaque_reason, 0) | hidden
        gap = possible ^ sure
        if not gap:
            return sure, {}
        return sure, {reason: part for reason, where in doubts.items() if (part := where & gap)}

    def _there(self, key: str) -> int:
        return self._keys.get(key, 0) | self._certain.get(key, 0)

    def _holds(self, requirement: Requirement) -> int:
        by_value = self._values.get(requirement.key, {})
        match requirement.operator:
            case Operator.EXISTS:
                return self._there(requirement.key)
            case Operator.DOES_NOT_EXIST:
                return self._everyone & ~self._there(requirement.key)
            case Operator.IN | Operator.NOT_IN:
                hit = 0
                for value in requirement.values:
                    hit |= by_value.get(value, 0)
                return hit if requirement.operator is Operator.IN else self._everyone & ~hit
