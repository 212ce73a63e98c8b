"""Label selectors and labels, checked as the API server checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from licet.diag.place import Path
from licet.manifest.decode import findings
from licet.manifest.decode.fields import Reader
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_OPERATORS = {operator.value: operator for operator in Operator}


class Expression(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """metav1.LabelSelectorRequirement."""

    key: str | None = None
    operator: str | None = None
    values: list[str | None] | None = None


class LabelSelector(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """metav1.LabelSelector."""

    matchLabels: dict[str, str | None] | None = None
    matchExpressions: list[Expression | None] | None = None


class Selectors:
    """Turns selectors and labels of the wire into those of the model; equal ones are made once."""

    __slots__ = ("_made", "_reader", "_sound_keys", "_sound_values")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._made: dict[tuple[tuple[str, str | None], ...], Selector] = {}
        self._sound_keys: set[str] = set()
        self._sound_values: set[str] = set()

    def selector(self, wire: LabelSelector | None, path: Path) -> Selector:
        """The selector at `path`; an absent one and an empty one select everything."""
        if wire is None:
            return EVERYTHING
        labels = wire.matchLabels
        if wire.matchExpressions:
            return self._general(wire, path)
        if not labels:
            return EVERYTHING
        return self._made.get(tuple(labels.items())) or self.exactly(labels, (*path, "matchLabels"))

    def known(self, wire: LabelSelector | None) -> Selector | None:
        """The selector where it takes no look: one that was made before, or that selects everything."""
        if wire is None:
            return EVERYTHING
        if wire.matchExpressions:
            return None
        labels = wire.matchLabels
        return self._made.get(tuple(labels.items())) if labels else EVERYTHING

    def exactly(self, labels: dict[str, str | None], path: Path) -> Selector:
        """The selector that asks for each of these labels."""
        pairs = tuple(labels.items())
        made = self._made.get(pairs)
        if made is None:
            faults = len(self._reader.diagnostics)
            sound = self.labels(labels, path)
            made = Selector.of([Requirement(key, Operator.IN, (value,)) for key, value in sound.items()])
            if faults == len(self._reader.diagnostics):
                self._made[pairs] = made
        return made

    def labels(self, labels: Mapping[str, str | None] | None, path: Path) -> dict[str, str]:
        """Checked labels; a null value is the empty string, as the API server decodes it."""
        if not labels:
            return {}
        keys, values = self._sound_keys, self._sound_values
        sound: dict[str, str] = {}
        for key, value in labels.items():
            if key not in keys:
                self._check_key(key, (*path, key), at_key=True)
            if value not in values:
                self._check_value(value, (*path, key))
            sound[key] = value or ""
        return sound

    def _general(self, wire: LabelSelector, path: Path) -> Selector:
        asked: list[Requirement] = []
        if wire.matchLabels:
            asked.extend(self.exactly(wire.matchLabels, (*path, "matchLabels")).requirements)
        for i, expression in enumerate(wire.matchExpressions or ()):
            requirement = self._requirement(expression or Expression(), (*path, "matchExpressions", i))
            if requirement is not None:
                asked.append(requirement)
        return Selector.of(asked)

    def _requirement(self, wire: Expression, path: Path) -> Requirement | None:
        operator = _OPERATORS.get(wire.operator or "")
        if operator is None:
            self._reader.refuse(
                (*path, "operator"),
                f"is `{wire.operator}`" if wire.operator else "is missing",
                "use In, NotIn, Exists or DoesNotExist",
            )
            return None
        key = wire.key or ""
        if key not in self._sound_keys:
            self._check_key(key, (*path, "key"))
        if operator in (Operator.IN, Operator.NOT_IN):
            if not wire.values:
                self._reader.refuse((*path, "values"), f"must not be empty for {operator.value}", "name the values")
        elif wire.values:
            self._reader.refuse((*path, "values"), f"must be empty for {operator.value}", "take them out, or use In")
        for i, value in enumerate(wire.values or ()):
            if value not in self._sound_values:
                self._check_value(value, (*path, "values", i))
        return Requirement(key, operator, tuple(sorted({value or "" for value in wire.values or ()})))

    def _check_key(self, key: str, path: Path, *, at_key: bool = False) -> None:
        prefix, slash, name = key.rpartition("/")
        if slash and not (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix)):
            problem = f"has `{prefix}` before the slash, which is not a DNS subdomain"
        elif not _NAME.fullmatch(name):
            problem = f"is not a label key: `{key}`"
        else:
            self._sound_keys.add(key)
            return
        self._reader.refuse(
            path, problem, "an optional DNS prefix and `/`, then at most 63 letters, digits, `-`, `_`, `.`", key=at_key
        )

    def _check_value(self, value: str | None, path: Path) -> None:
        if value is None:
            self._reader.report(findings.null_label(self._reader.origin, path))
        elif _VALUE.fullmatch(value):
            self._sound_values.add(value)
        else:
            self._reader.refuse(
                path,
                f"is not a label value: `{value}`",
                "at most 63 letters, digits, `-`, `_`, `.`, beginning and ending with a letter or digit",
            )
