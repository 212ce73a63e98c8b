"""Kustomizations: what they name, and rendering them with the user's own tool."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from licet.manifest import exact
from licet.sources import command, findings, limits, names
from licet.sources.folder import KUSTOMIZATIONS, Found
from licet.sources.intake import Intake

_PLAIN = frozenset(
    {
        *("apiVersion", "kind", "metadata", "buildMetadata", "sortOptions", "crds", "openapi", "validators"),
        *("resources", "bases", "configMapGenerator", "secretGenerator", "generatorOptions"),
    }
)
_REMOTE = re.compile(r"://|^git@|^gh:|^github\.com[/:]|\.git(?:/|\?|$)|\?(?:ref|version)=")
"""What kustomize fetches, a whole manifest or a folder of a repository, by its own notation."""


class Uses(msgspec.Struct, frozen=True):
    """The local paths that a kustomization names: what it deploys, and what it only works with.

    `remote` are bases that are no local paths.
    `changes` says that it does more than put its resources side by side with ConfigMaps and Secrets of its own.
    """

    resources: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    remote: tuple[str, ...] = ()
    changes: bool = True


class KustomizationError(Exception):
    """A kustomization file cannot be read; the message is the reason, line and column count from 1."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.line = line
        self.column = column


def file_of(folder: str) -> str | None:
    """The name of the kustomization file that stands in a folder, if one does."""
    return next((name for name in KUSTOMIZATIONS if os.path.isfile(os.path.join(folder, name))), None)


def render(intake: Intake, found: Found) -> bool:
    """Takes in what a kustomization deploys; where it cannot be rendered says so and returns False.

    Nothing is fetched: remote bases fail, as do exec plugins and charts, which kustomize allows only when asked.
    """
    file = names.inside(found.source, file_of(found.path) or KUSTOMIZATIONS[0])
    if kustomize := shutil.which("kustomize"):
        arguments = [kustomize, "build"]
    elif kubectl := shutil.which("kubectl"):
        arguments = [kubectl, "kustomize"]
    else:
        intake.tell(findings.kustomize_missing(file, found.source))
        return False
    try:
        with command.offline() as environment:
            data = command.run([*arguments, os.path.abspath(found.path)], environment=environment)
    except command.CommandError as error:
        intake.tell(findings.kustomize_failed(file, found.source, str(error)))
        return False
    intake.take(f"rendered by kustomize: {found.source}", data)
    return True


def uses(folder: str) -> Uses:
    """What the kustomization of a folder names, as paths below the same root as `folder`."""
    name = file_of(folder)
    try:
        with open(os.path.join(folder, name or KUSTOMIZATIONS[0]), "rb") as stream:
            data = stream.read(limits.KUSTOMIZATION + 1)
    except OSError as error:
        raise KustomizationError((error.strerror or "").lower()) from error
    if len(data) > limits.KUSTOMIZATION:
        raise KustomizationError(f"it is larger than {limits.size(limits.KUSTOMIZATION)}")
    try:
        value = exact.build(data).value
    except exact.Broken as error:
        last = data.rstrip().count(b"\n")
        line, column = (error.line, error.column) if error.line <= last else (last, 0)
        raise KustomizationError(error.problem, line + 1, column + 1) from error
    if not isinstance(value, dict):
        raise KustomizationError("it is not a mapping")
    return Uses(
        frozenset(_paths(folder, _resources(value))),
        frozenset(_paths(folder, _inputs(value))),
        tuple(entry for entry in _resources(value) if isinstance(entry, str) and _REMOTE.search(entry)),
        not _PLAIN.issuperset(value),
    )


def _paths(folder: str, entries: Iterable[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str) and "\n" not in entry and not _REMOTE.search(entry):
            yield os.path.normpath(os.path.join(folder, entry))


def _resources(value: dict[str, Any]) -> Iterator[Any]:
    for key in ("resources", "bases", "components"):
        yield from _list(value.get(key))


def _inputs(value: dict[str, Any]) -> Iterator[Any]:
    """Patches, transformers, generator inputs and the like: files that are no objects of the cluster."""
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements"):
        for entry in _list(value.get(key)):
            yield entry.get("path") if isinstance(entry, dict) else entry
    for key in ("configurations", "crds", "generators", "transformers", "validators"):
        yield from _list(value.get(key))
    if isinstance(schema := value.get("openapi"), dict):
        yield schema.get("path")
    for key in ("configMapGenerator", "secretGenerator"):
        for entry in _list(value.get(key)):
            if isinstance(entry, dict):
                yield from _generated(entry)
    for entry in _list(value.get("helmCharts")):
        if isinstance(entry, dict):
            yield entry.get("valuesFile")
            yield from _list(entry.get("additionalValuesFiles"))


def _generated(entry: dict[str, Any]) -> Iterator[Any]:
    yield entry.get("env")
    yield from _list(entry.get("envs"))
    for file in _list(entry.get("files")):
        yield file.partition("=")[2] or file if isinstance(file, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
