"""From manifests to the same with sidecars, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from licet.app.drafts import check_folder
from licet.app.identity.place import now
from licet.app.load import Loaded
from licet.app.replacement import Put, replace
from licet.contracts.agree import agree
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Path, Place
from licet.diag.text import Text
from licet.manifest.decode import PodTemplateKind
from licet.manifest.documents import Document, read
from licet.manifest.edit import Unplaced
from licet.manifest.rewrite import anew, rewritten, spelling
from licet.mesh.inject import findings
from licet.mesh.inject.inject import Changed, LostError, inject, injected, restore
from licet.mesh.inject.injection import Injection
from licet.mesh.inject.obstacle import obstacle
from licet.model.key import Key
from licet.sources import SourceError

_TEMPLATE: Path = ("spec", "template")
_TEMPLATES: Mapping[tuple[str, str], Path] = {
    ("", "Pod"): (),
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
    **{("apps", kind): _TEMPLATE for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")},
    ("", "ReplicationController"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("argoproj.io", "Rollout"): _TEMPLATE,
}
"""Where in a kind that a sidecar can be put into its pod template stands; a pod is its own."""


class Sidecars(msgspec.Struct, frozen=True):
    """The texts that hold objects, by source: as they were and as they are to be; the workloads that have been changed.

    `diagnostics` are of those that were not, or not in the way they should.
    """

    before: Mapping[str, Text]
    after: Mapping[str, bytes]
    workloads: tuple[Key, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def changed(self) -> list[str]:
        """The sources of texts that differ."""
        return [source for source, data in self.after.items() if data != self.before[source].data]


def injecting(
    loaded: Loaded, injection: Injection, chosen: Callable[[Key], bool], templates: Sequence[PodTemplateKind]
) -> Sidecars:
    """The texts with a sidecar in every workload that is chosen; one that is there already is replaced."""

    def change(editor: _Editor, key: Key, place: Place) -> Diagnostic | None:
        if injected(editor.template()):
            editor.change(restore(editor.template()))
        if problem := obstacle(editor.template()["spec"], injection):
            return findings.refused(place, str(key), problem)
        editor.change(inject(editor.template(), key, injection, editor.spell))
        return None

    return _over(loaded, chosen, templates, change)


def uninjecting(loaded: Loaded, templates: Sequence[PodTemplateKind]) -> Sidecars:
    """The texts without the sidecars that were put in, as they were before where nobody has changed them since."""

    def change(editor: _Editor, _key: Key, _place: Place) -> Diagnostic | None:
        editor.change(restore(editor.template()))
        return None

    return _over(loaded, lambda _: True, templates, change, only_injected=True)


class _Editor:
    """The text of one document, changed step by step."""

    def __init__(self, data: bytes, origin: Origin, path: Path) -> None:
        self.before = data
        self.data = data
        self.anew = ""
        self._origin = origin
        self._path = path

    @property
    def origin(self) -> Origin:
        """Where the object stands now."""
        grown = len(self.data) - len(self.before)
        return Origin(self._origin.source, self._origin.offset, self._origin.length + grown, self._origin.path)

    def value(self) -> dict[str, Any]:
        """The object as it is now."""
        end = self.origin.offset + self.origin.length
        found, _ = read([Text(self._origin.source, self.data[self.origin.offset : end])])
        return next(one.value for one in found if one.origin.path == self._origin.path)

    def template(self) -> dict[str, Any]:
        """Its pod template."""
        value: Any = self.value()
        for step in self._path:
            value = value[step]
        assert isinstance(value, dict)
        return value

    def spell(self, path: Path) -> str:
        """How a key of the template and its value are written. Raises Unplaced."""
        return spelling(self.data, self.origin, (*self._path, *path))

    def change(self, changed: Changed) -> None:
        """Make the template another. Raises Unplaced."""
        spelled = {(*self._path, *path): text for path, text in changed.spelled.items()}
        value = _with(self.value(), self._path, changed.template)
        self.data = rewritten(self.data, self.origin, value, spelled)

    def write_anew(self, why: str) -> None:
        """Begin again, from a text that is written anew and means the same."""
        self.anew = why
        self.data = self.before
        self.data = anew(self.data, self.origin)


def _over(
    loaded: Loaded,
    chosen: Callable[[Key], bool],
    templates: Sequence[PodTemplateKind],
    change: Callable[[_Editor, Key, Place], Diagnostic | None],
    *,
    only_injected: bool = False,
) -> Sidecars:
    """From the end of each text on, so that what is still to be changed stays where it was."""
    objects = loaded.objects()
    own = {(one.group, one.kind): one.path for one in templates}
    after = {source: loaded.texts[source].data for source in dict.fromkeys(one.origin.source for one in objects)}
    documents = {one.origin: one for one in objects}
    met: list[Key] = []
    told: list[Diagnostic] = []
    grown: dict[tuple[str, int], int] = {}
    for key, origin in _workloads(loaded, documents, chosen):
        place = Place(origin)
        path = own.get((key.group, key.kind), _TEMPLATES.get((key.group, key.kind)))
        if path is None or not _has_pods(documents[origin].value, path):
            if not only_injected:
                told.append(findings.refused(place, str(key), "has no pod template that a sidecar can be put into"))
            continue
        where = (origin.source, origin.offset)
        now = Origin(origin.source, origin.offset, origin.length + grown.get(where, 0), origin.path)
        editor = _Editor(after[origin.source], now, path)
        if only_injected and not injected(editor.template()):
            continue
        if (problem := _made(change, editor, key, place)) is not None:
            told.append(problem)
            continue
        if editor.anew:
            told.append(findings.written_anew(place, str(key), editor.anew))
        grown[where] = grown.get(where, 0) + len(editor.data) - len(editor.before)
        after[origin.source] = editor.data
        met.append(key)
    before = {source: loaded.texts[source] for source in after}
    return Sidecars(before, after, tuple(sorted(met)), tuple(reversed(told)))


def _made(
    change: Callable[[_Editor, Key, Place], Diagnostic | None], editor: _Editor, key: Key, place: Place
) -> Diagnostic | None:
    """What stands in the way of a change; where that is the text alone, it is made in one that is written anew."""
    try:
        try:
            return change(editor, key, place)
        except Unplaced as why:
            editor.write_anew(str(why))
            return change(editor, key, place)
    except LostError as error:
        return findings.refused(place, str(key), error.message)


def _workloads(
    loaded: Loaded, documents: Mapping[Origin, Document], chosen: Callable[[Key], bool]
) -> Iterable[tuple[Key, Origin]]:
    """Those that are chosen and stand in a text, the last one of each text first."""
    found = {
        each.origin: each.key for each in loaded.cluster.workloads if each.origin in documents and chosen(each.key)
    }
    yield from sorted(((key, origin) for origin, key in found.items()), key=lambda each: -each[1].offset)


def _has_pods(value: Any, path: Path) -> bool:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    spec = value.get("spec") if isinstance(value, dict) else None
    return isinstance(spec, dict) and bool(spec.get("containers"))


def _with(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    return {**value, path[0]: _with(value[path[0]], path[1:], new)}


def names(sources: Iterable[str]) -> dict[str, str]:
    """Where each source is written below a folder: as it stood below the folder that all have in common."""
    files = {source: os.path.abspath(source) if os.path.exists(source) else _rendered(source) for source in sources}
    folders = {os.path.dirname(path) for path in files.values()}
    root = os.path.commonpath(folders) if folders else ""
    return {source: os.path.relpath(path, root) for source, path in files.items()}


def _rendered(source: str) -> str:
    """A name for what stands in no file."""
    plain = source.rpartition(": ")[2].strip("<>").strip("/.") or "rendered"
    name = os.path.basename(plain).replace(" ", "-")
    return os.path.abspath(name if name.endswith((".yaml", ".yml", ".json")) else f"{name}.yaml")


def stream(data: Iterable[bytes]) -> Iterator[str]:
    """All texts as one."""
    for at, piece in enumerate(data):
        text = piece.decode("utf-8-sig")
        if at and not text.startswith("---"):
            yield "---\n"
        yield text if text.endswith("\n") else f"{text}\n"


def bound(loaded: Loaded) -> Callable[[Key], bool]:
    """Whether a workload is one that a contract binds."""
    agreements = agree(loaded.contracts, loaded.cluster, now())
    return lambda key: key in agreements.isolated


def written(made: Sidecars, out: str | None) -> None:
    """Write every text below the folder `out`, or those that have changed in their own place: all of them, or none.

    Raises SourceError where a text has no place of its own, and OSError.
    """
    if out is not None:
        check_folder(out)
        below = names(made.after)
        replace([Put(os.path.join(out, below[source]), data) for source, data in made.after.items()])
        return
    for source in made.changed:
        if not os.path.isfile(source):
            raise SourceError(f"`{source}` is no file that could be changed", "write to a folder, with `--out`")
    replace([Put(os.path.realpath(source), made.after[source], durable=True) for source in made.changed])
