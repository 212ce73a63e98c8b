"""From the paths that the user gives to texts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from licet.sources import chart, findings, kustomization, names, standard_input
from licet.sources.errors import NothingThereError, SourceError
from licet.sources.exclusion import Exclusion
from licet.sources.folder import CHART, KUSTOMIZATIONS, Found, walk
from licet.sources.intake import Fetched, Intake


class Wanted(msgspec.Struct, frozen=True):
    """How to read: what to leave out of folders, and the namespace that charts are rendered for."""

    exclusion: Exclusion
    namespace: str


def fetch(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    root: str = ".",
    namespace: str = "default",
    stdin: BinaryIO | None = None,
) -> Fetched:
    """The texts below the paths, and what went wrong on the way.

    A path is a file, a folder, a kustomization, a chart, a chart's archive or `-`; no path at all means the current
    folder. `exclude` holds globs as `Exclusion` reads them, relative to `root`; what the user names is read even so.
    Raises `SourceError` where a path does not exist or holds nothing to read.
    """
    intake = Intake()
    wanted = Wanted(Exclusion(exclude, root), namespace)
    for path in paths or ["."]:
        if path == "-":
            standard_input.take(intake, stdin)
        else:
            gather(intake, Found(path, names.shown(path)), wanted)
    return intake.fetched()


def gather(intake: Intake, found: Found, wanted: Wanted) -> None:
    """Takes in one path, whatever it is; raises `SourceError` where it is nothing."""
    if not os.path.exists(found.path):
        close = names.nearest(found.path)
        advice = f"did you mean `{close}`?" if close else "name a file, a folder, a chart or `-`"
        raise SourceError(f"`{found.source}` does not exist", advice)
    if os.path.isdir(found.path):
        _folder(intake, found, wanted)
    elif os.path.basename(found.path) in (CHART, *KUSTOMIZATIONS):
        folder = os.path.dirname(found.path) or "."
        _folder(intake, Found(folder, found.source.rpartition("/")[0] or "."), wanted)
    elif found.path.lower().endswith(chart.ARCHIVES):
        chart.render(intake, found, wanted.namespace)
    else:
        intake.file(found.path, found.source)


def _folder(intake: Intake, found: Found, wanted: Wanted) -> None:
    before = intake.answers
    if os.path.isfile(os.path.join(found.path, CHART)):
        chart.render(intake, found, wanted.namespace)
    elif kustomization.file_of(found.path) is None or not kustomization.render(intake, found):
        _walked(intake, found, wanted)
    if before == intake.answers:
        raise NothingThereError(
            f"`{found.source}` holds no manifests",
            "name a folder with .yaml, .yml or .json files, or pipe them into `-`",
        )


def _walked(intake: Intake, found: Found, wanted: Wanted) -> None:
    met = walk(found.path, found.source, wanted.exclusion)
    for diagnostic in met.diagnostics:
        intake.tell(diagnostic)
    used = {entry: _uses(intake, entry) for entry in met.kustomizations}
    resources = frozenset[str]().union(*(uses.resources for uses in used.values()))
    inputs = frozenset[str]().union(*(uses.inputs for uses in used.values())) - resources
    left_out = []
    for file in met.files:
        if inputs and os.path.normpath(file.path) in inputs:
            left_out.append(file.source)
        else:
            intake.file(file.path, file.source, met=True)
    for entry, uses in used.items():
        if uses.remote and entry.path != found.path:
            own = names.inside(entry.source, kustomization.file_of(entry.path) or KUSTOMIZATIONS[0])
            intake.tell(findings.remote_bases(own, entry.source, uses.remote))
    changed = [entry for entry, uses in used.items() if uses.changes and entry.path != found.path]
    if changed:
        changed.sort(key=lambda entry: os.path.normpath(entry.path) in resources)
        intake.tell(findings.not_rendered([entry.source for entry in changed]))
    if left_out:
        intake.tell(findings.left_out(left_out))
    for entry in met.charts:
        chart.render(intake, entry, wanted.namespace)


def _uses(intake: Intake, found: Found) -> kustomization.Uses:
    try:
        return kustomization.uses(found.path)
    except kustomization.KustomizationError as error:
        source = names.inside(found.source, kustomization.file_of(found.path) or KUSTOMIZATIONS[0])
        intake.tell(findings.broken_kustomization(source, str(error), error.line, error.column))
        return kustomization.Uses()
