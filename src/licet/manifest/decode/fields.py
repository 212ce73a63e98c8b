"""From untyped JSON to the wire types, with a finding for whatever does not fit."""

from __future__ import annotations

import difflib
import re
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Path
from licet.manifest.decode import findings
from licet.manifest.written import Written
from licet.model.key import Key

T = TypeVar("T")

_MOST_UNKNOWN_FIELDS = 32
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]|(\[\.\.\.\])")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_MISMATCH = re.compile(r"Expected `(.*)`, got `(.*)`")
_WORDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


class OwnerReference(msgspec.Struct, gc=False):
    """One entry of `metadata.ownerReferences`."""

    apiVersion: str = ""
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Meta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """metav1.ObjectMeta, whole, so that a misspelt field shows."""

    name: str | None = None
    namespace: str | None = None
    labels: dict[str, str | None] | None = None
    ownerReferences: list[OwnerReference | None] | None = None
    generateName: str | None = None
    annotations: Any = None
    clusterName: Any = None
    creationTimestamp: Any = None
    deletionGracePeriodSeconds: Any = None
    deletionTimestamp: Any = None
    finalizers: Any = None
    generation: Any = None
    initializers: Any = None
    managedFields: Any = None
    resourceVersion: Any = None
    selfLink: Any = None
    uid: Any = None


class Reader:
    """Reads one object after the other; findings gather in `diagnostics`.

    `refused` tells whether the object at hand has a fault for which the API server would not take it, `partial`
    whether it is a workload without what every workload has, such as a patch;
    `dropped` holds the paths below which unknown fields were dropped. `references` leads from
    workloads to those whose pod template they borrow.
    """

    __slots__ = ("diagnostics", "dropped", "kind", "origin", "partial", "references", "refused")

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.dropped: set[Path] = set()
        self.references: dict[Key, Key] = {}
        self.origin = Origin("")
        self.kind = ""
        self.refused = False
        self.partial = False

    def read(self, value: object, wire: type[T], origin: Origin, kind: str) -> T | None:
        """The value as the wire type, unknown fields dropped; None after a finding where a type is wrong."""
        self.origin, self.kind = origin, kind
        self.refused = self.partial = False
        if self.dropped:
            self.dropped = set()
        if type(value) is Written:
            try:
                return msgspec.json.decode(value.text, type=wire)
            except msgspec.ValidationError:
                value = value.value
        try:
            return msgspec.convert(value, wire)
        except (msgspec.ValidationError, UnicodeError) as problem:
            return self._mend(value, wire, problem, ())

    def read_part(self, value: object, wire: type[T], base: Path) -> T | None:
        """Like `read`, for what stands at `base` of the object at hand."""
        try:
            return msgspec.convert(value, wire)
        except (msgspec.ValidationError, UnicodeError) as problem:
            return self._mend(value, wire, problem, base)

    def report(self, finding: Diagnostic) -> None:
        """Keep a finding."""
        self.diagnostics.append(finding)

    def refuse(self, path: Path, problem: str, help: str, *, key: bool = False) -> None:
        """Keep a finding for which the object at hand is left out."""
        self.refused = True
        self.diagnostics.append(findings.refused(self.origin, self.kind, path, problem, help, key=key))

    def tolerate(self, path: Path, problem: str, help: str, meaning: str) -> None:
        """Keep a finding of what the API server would not take although its meaning is plain."""
        self.diagnostics.append(findings.read_anyway(self.origin, self.kind, path, problem, help, meaning))

    def _mend(self, value: object, wire: type[T], problem: Exception, base: Path) -> T | None:
        """Drop one unknown field after the other until the value fits or does not fit for another reason.

        A field that is null is as good as none: Go leaves its zero value, and in custom resources it is pruned.
        """
        for _ in range(_MOST_UNKNOWN_FIELDS):
            text, path = _split(str(problem)) if isinstance(problem, msgspec.ValidationError) else ("", ())
            unknown = _UNKNOWN.fullmatch(text)
            mismatch = _MISMATCH.fullmatch(text)
            path = _concrete(value, path)
            if unknown is not None:
                field = unknown[1]
                self._drop(wire, base, path, field)
                value = _without(value, path, field)
            elif mismatch is not None and mismatch[2] == "null" and path and isinstance(path[-1], str):
                value = _without(value, path[:-1], path[-1])
            else:
                break
            try:
                return msgspec.convert(value, wire)
            except (msgspec.ValidationError, UnicodeError) as next_problem:
                problem = next_problem
        self._explain(value, problem, base)
        return None

    def _drop(self, wire: type[object], base: Path, path: Path, field: str) -> None:
        self.dropped.add((*base, *path))
        known = _fields(wire, path)
        close = difflib.get_close_matches(field.lower(), known, 1, 0.7)
        meant = known[close[0]] if close else None
        self.report(findings.unknown_field(self.origin, self.kind, (*base, *path), field, meant))

    def _explain(self, value: object, problem: Exception, base: Path) -> None:
        if not isinstance(problem, msgspec.ValidationError):
            self.refuse(base, "holds text that is not Unicode", "write it in UTF-8")
            return
        text, path = _split(str(problem))
        path = (*base, *_concrete(value, path))
        if missing := _MISSING.fullmatch(text):
            self.refuse((*path, missing[1]), "is missing", "the field is required")
        elif mismatch := _MISMATCH.fullmatch(text):
            self.report(findings.wrong_type(self.origin, self.kind, path, _words(mismatch[2]), _words(mismatch[1])))
        elif unknown := _UNKNOWN.fullmatch(text):
            help = f"see the reference of {self.kind}"
            self.refuse((*path, unknown[1]), "is one unknown field too many", help, key=True)
        else:
            self.report(findings.wrong_type(self.origin, self.kind, path, "not what fits", "something else"))


def _split(text: str) -> tuple[str, Path]:
    """Message and path of a validation error; a value of a mapping is the step `...`."""
    message, mark, place = text.rpartition(" - at ")
    if not mark:
        return text, ()
    place = place[place.index("$") + 1 :].rstrip("`")
    return message, tuple(m[1] or ("..." if m[3] else int(m[2])) for m in _STEP.finditer(place))


def _concrete(value: object, path: Path) -> Path:
    """The path with every `...` replaced by the key of the first value that is neither text nor null."""
    steps: list[str | int] = []
    for step in path:
        if step == "..." and isinstance(value, dict):
            step = next((k for k, v in value.items() if not isinstance(v, str | None)), "...")
        steps.append(step)
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
    return tuple(steps)


def _without(value: object, path: Path, field: str) -> object:
    """A copy of the value without one field; what is shared by aliases elsewhere stays whole."""
    if isinstance(value, dict):
        if not path:
            return {k: v for k, v in value.items() if k != field}
        return {**value, path[0]: _without(value.get(path[0]), path[1:], field)}
    if isinstance(value, list) and path and isinstance(path[0], int):
        return [_without(item, path[1:], field) if i == path[0] else item for i, item in enumerate(value)]
    return value


def _fields(wire: type, path: Path) -> dict[str, str]:
    """The fields that a wire type has at a path, keyed by their lower-case names."""
    node: inspect.Type | None = inspect.type_info(wire)
    for step in path:
        node = next((t for t in _options(node) if isinstance(t, inspect.StructType | inspect.ListType)), None)
        if isinstance(node, inspect.ListType):
            node = node.item_type
        elif isinstance(node, inspect.StructType):
            node = next((f.type for f in node.fields if f.encode_name == step), None)
        if node is None:
            return {}
    return {
        field.encode_name.lower(): field.encode_name
        for option in _options(node)
        if isinstance(option, inspect.StructType)
        for field in option.fields
    }


def _options(node: inspect.Type | None) -> tuple[inspect.Type, ...]:
    if isinstance(node, inspect.Metadata):
        node = node.type
    if node is None:
        return ()
    return node.types if isinstance(node, inspect.UnionType) else (node,)


def _words(types: str) -> str:
    names = [name for name in types.split(" | ") if name != "null"] or ["null"]
    return " or ".join(_WORDS.get(name, f"a {name}") for name in names)
