"""Documents become one cluster: every object read, each once, everything else accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Path
from licet.manifest.decode import findings
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.kinds import FORMER_GROUPS, READ, Kind, misplaced
from licet.manifest.decode.leftovers import Leftovers
from licet.manifest.decode.namespaces import undeclared
from licet.manifest.decode.owners import borrow, owner_of, unite
from licet.manifest.decode.selectors import Selectors
from licet.manifest.decode.workloads import Anything, Controller, Pod, at_path, has_ended
from licet.manifest.written import Written
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import UNKNOWN_PLATFORM, Platform

if TYPE_CHECKING:
    from licet.manifest.documents import Document

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


class PodTemplateKind(msgspec.Struct, frozen=True):
    """A kind of the user's own that runs pods, and where in it the pod template stands."""

    group: str
    kind: str
    path: Path = ("spec", "template")


class Decoded(msgspec.Struct, frozen=True):
    """What the documents hold, and what is wrong with them."""

    cluster: Cluster
    diagnostics: list[Diagnostic]


def decode(
    documents: Iterable[Document],
    *,
    namespace: str = "default",
    cluster: str = "",
    templates: Sequence[PodTemplateKind] = (),
    platform: Platform = UNKNOWN_PLATFORM,
) -> Decoded:
    """Read objects into the model. Never raises for what documents hold: every fault is a finding.

    An object that the API server would refuse is left out. `namespace` is that of objects which name none;
    of an object that is given twice the later one holds.
    """
    decoder = _Decoder(namespace, cluster, templates)
    for document in documents:
        decoder.take(document)
    return Decoded(decoder.cluster(platform), decoder.reader.diagnostics)


class _Decoder:
    """The state of one run: what was read so far, by kind and key."""

    def __init__(self, namespace: str, cluster: str, templates: Sequence[PodTemplateKind]) -> None:
        self.reader = Reader()
        self._selectors = Selectors(self.reader)
        self._namespace = namespace
        self._cluster = cluster
        self._templates = {(template.group, template.kind): template.path for template in templates}
        self._kinds: dict[tuple[str, str], tuple[str, Kind | None, Path | None]] = {}
        self._read: dict[str, dict[Key, Any]] = {}
        self._sound_namespaces = {namespace}
        self._generated: dict[Key, int] = {}
        self._owners: dict[Key, Key] = {}
        self._idle: set[Key] = set()
        self._partial: set[Key] = set()
        self._leftovers = Leftovers()

    def take(self, document: Document) -> None:
        """Read one object."""
        content, origin = document.content, document.origin
        if isinstance(content, Written):
            api_version, name = content.api_version, content.kind
        else:
            api_version, name = content["apiVersion"], content["kind"]
        group, kind, path = self._kinds.get((api_version, name)) or self._find(api_version, name, origin)
        if kind is None:
            if path is None:
                self._leftovers.unknown(group, name, document)
            else:
                self._take_template(document.value, origin, group, name, path)
            return
        wire = self.reader.read(content, kind.wire, origin, name)
        if wire is None:
            return
        key = self._key(wire.metadata, group, name, kind.namespaced)
        if key is None:
            return
        if kind.name == "Pod" and has_ended(wire):
            self._leftovers.finished(origin)
            return
        made = kind.make(wire, key, self.reader, self._selectors)
        if self.reader.refused:
            return
        if isinstance(made, list):
            for part in made:
                self._keep(kind.into, part.key, part)
        else:
            kept = self._keep(kind.into, key, made)
            if kind.into == "workloads" and kept is not None:
                self._note_owner(kept, wire)

    def cluster(self, platform: Platform) -> Cluster:
        """Everything read so far, as one value."""
        self.reader.diagnostics.extend(self._leftovers.findings())
        read = {into: tuple(objects.values()) for into, objects in self._read.items()}
        declared = {namespace.name: namespace for namespace in read.pop("namespaces", ())}
        used = dict.fromkeys(key.namespace for objects in self._read.values() for key in objects)
        namespaces = declared | {name: undeclared(name) for name in used if name and name not in declared}
        if self.reader.references:
            borrow(self._read["workloads"], self.reader)
            read["workloads"] = tuple(self._read["workloads"].values())
        if self._owners:
            read["workloads"] = unite(self._read["workloads"], self._owners, self._idle, self.reader)
        return Cluster(namespaces=namespaces, platform=platform, **read)

    def _find(self, api_version: str, name: str, origin: Origin) -> tuple[str, Kind | None, Path | None]:
        written, slash, version = api_version.rpartition("/")
        group = FORMER_GROUPS.get((written, name), written)
        kind = READ.get((group, name))
        if kind is None and (meant := misplaced(group, name)) is not None:
            self.reader.report(findings.wrong_group(origin, api_version, name, meant))
            group, kind = meant, READ[meant, name]
        path = self._templates.get((written, name))
        if path is not None:
            kind = None
        elif kind is not None and kind.versions and version not in kind.versions:
            known = [f"{group}{slash}{v}" for v in kind.versions]
            self.reader.report(findings.unknown_version(origin, api_version, name, known))
        found = (group, kind, path)
        self._kinds[api_version, name] = found
        return found

    def _key(self, meta: Meta | None, group: str, kind: str, namespaced: bool) -> Key | None:
        name = meta.name if meta is not None else None
        if meta is None or not name:
            if meta is None or not meta.generateName:
                self.reader.refuse(("metadata", "name"), "is missing", "give the object a name")
                return None
            name = f"{meta.generateName}*"
        elif not _NAME.fullmatch(name) or ".." in name:
            self._bad_name(("metadata", "name"), name)
        if not namespaced:
            return Key(self._cluster, group, kind, "", name)
        namespace = meta.namespace or self._namespace
        if namespace not in self._sound_namespaces:
            if _NAME.fullmatch(namespace):
                self._sound_namespaces.add(namespace)
            else:
                self._bad_name(("metadata", "namespace"), namespace)
        return Key(self._cluster, group, kind, namespace, name)

    def _bad_name(self, path: Path, name: str) -> None:
        if "/" in name or not name.isprintable():
            self.reader.refuse(path, f"is not a name: {name!r}", "use a-z, 0-9, `-` and `.`")
        else:
            problem, meaning = f"is not a name: `{name}`", "it is read under that name"
            self.reader.tolerate(path, problem, "use a-z, 0-9, `-` and `.`", meaning)

    def _keep(self, into: str, key: Key, made: Any) -> Key | None:
        """Take an object in; returns the key under which it is kept, None where it is not."""
        objects = self._read.get(into)
        if objects is None:
            objects = self._read[into] = {}
        if key in objects:
            if key.name.endswith("*"):
                key, made = self._another(key, made)
            elif self.reader.partial and key not in self._partial:
                self.reader.report(findings.patch(key, objects[key].origin, self.reader.origin))
                return None
            else:
                earlier = objects.pop(key)
                alike = msgspec.structs.replace(earlier, origin=made.origin) == made
                self.reader.report(findings.duplicate(key, earlier.origin, made.origin, alike=alike))
                self._owners.pop(key, None)
                self._idle.discard(key)
        if self.reader.partial:
            self._partial.add(key)
        objects[key] = made
        return key

    def _another(self, key: Key, made: Any) -> tuple[Key, Any]:
        """Objects with `generateName` get a name each, and so never take another's place."""
        self._generated[key] = number = self._generated.get(key, 1) + 1
        numbered = msgspec.structs.replace(key, name=f"{key.name}{number}")
        return numbered, msgspec.structs.replace(made, key=numbered)

    def _note_owner(self, key: Key, wire: Pod | Controller) -> None:
        if wire.metadata is None or not wire.metadata.ownerReferences:
            return
        owner = owner_of(wire.metadata.ownerReferences, key.namespace, self._cluster)
        if owner is not None and owner != key:
            self._owners[key] = owner
            if isinstance(wire, Controller) and wire.spec is not None and wire.spec.replicas == 0:
                self._idle.add(key)

    def _take_template(self, value: dict[str, Any], origin: Origin, group: str, name: str, path: Path) -> None:
        wire = self.reader.read(value, Anything, origin, name)
        key = self._key(wire.metadata, group, name, True) if wire is not None else None
        if key is None:
            return
        made = at_path(key, path, value, self.reader, self._selectors)
        if made is not None and not self.reader.refused:
            self._keep("workloads", key, made)
