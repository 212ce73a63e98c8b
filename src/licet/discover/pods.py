"""Where a workload's document holds what its containers are told: variables, arguments and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from licet.diag.place import Path, Place
from licet.manifest.documents import Document
from licet.model.key import Key

_DEEPEST = 8


class Told(msgspec.Struct, frozen=True):
    """A text that a container is given, and the field that it stands in."""

    text: str
    place: Place


class ConfigMap(msgspec.Struct, frozen=True):
    """A ConfigMap's entries."""

    namespace: str
    name: str
    entries: Mapping[str, Told]


class Pods(msgspec.Struct, frozen=True):
    """A workload and its pod template."""

    key: Key
    document: Document
    template: Mapping[str, Any]
    path: Path

    @property
    def spec(self) -> Mapping[str, Any]:
        """The PodSpec."""
        return mapping(self.template.get("spec"))

    def place(self, *path: str | int) -> Place:
        """The place of a field of the template."""
        return Place(self.document.origin, (*self.path, *path))

    def annotations(self) -> Mapping[str, Any]:
        """What the pods are annotated with."""
        return mapping(mapping(self.template.get("metadata")).get("annotations"))

    def containers(self) -> Iterator[tuple[Mapping[str, Any], Path]]:
        """Each container, init containers first as they run first, and its path in the template."""
        for kind in ("initContainers", "containers"):
            for at, container in enumerate(items(self.spec.get(kind))):
                if isinstance(container, dict):
                    yield container, ("spec", kind, at)


def pods_of(document: Document, key: Key) -> Pods | None:
    """The workload's pod template, wherever its kind keeps it; None where it has none of its own."""
    layer: list[tuple[Mapping[str, Any], Path]] = [(document.value, ())]
    for _ in range(_DEEPEST):
        below: list[tuple[Mapping[str, Any], Path]] = []
        for value, path in layer:
            if isinstance(mapping(value.get("spec")).get("containers"), list):
                return Pods(key, document, value, path)
            below += [(part, (*path, name)) for name, part in value.items() if isinstance(part, dict)]
        layer = below
    return None


def config_map(document: Document, namespace: str) -> ConfigMap | None:
    """The ConfigMap that a document is, if it is one."""
    if (document.kind, document.api_version) != ("ConfigMap", "v1"):
        return None
    value = document.value
    meta = mapping(value.get("metadata"))
    entries = {
        name: Told(text, Place(document.origin, ("data", name)))
        for name, text in mapping(value.get("data")).items()
        if isinstance(text, str)
    }
    return ConfigMap(meta.get("namespace") or namespace, str(meta.get("name")), entries)


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    """The value where it is text, else nothing."""
    return value if isinstance(value, str) else ""
