"""From a platform to drafted contracts in a folder, and from newer manifests to what those contracts lack."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec

from licet.app.additions import Whereabouts, amended
from licet.app.load import Loaded
from licet.app.replacement import Put, replace
from licet.contracts import wire
from licet.contracts.contract import Contract
from licet.contracts.decode import is_contract
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Path, Place
from licet.discover import findings, lines, variables
from licet.discover.draft import Draft, drafts
from licet.discover.evidence import config_maps, evidence, workloads
from licet.discover.names import Names
from licet.discover.owner import Owner, owner
from licet.discover.update import Addition, update
from licet.manifest.documents import Document
from licet.manifest.group import VERSION
from licet.model.key import Key
from licet.model.workload import Workload
from licet.sources import SourceError


class Planned(msgspec.Struct, frozen=True):
    """A file as it is to be, by its path; `new` where there is none yet."""

    path: str
    data: bytes
    new: bool


class Plan(msgspec.Struct, frozen=True):
    """What is to be written, and what is to be told. `kept` counts the contracts that need no change."""

    files: tuple[Planned, ...]
    diagnostics: tuple[Diagnostic, ...]
    kept: int


def plan(loaded: Loaded, out: str, *, namespace: str) -> Plan:
    """What has to be written below the folder `out` so that its contracts hold all that the manifests show."""
    return _Planner(loaded, loaded.objects(), out, namespace).plan()


def write(files: Sequence[Planned]) -> None:
    """Write every file whole: all of them, or none. Raises OSError, nothing changed.

    Links are followed, as they were when it was settled that the files are below the folder of drafts.
    """
    replace([Put(os.path.realpath(file.path), file.data, durable=not file.new) for file in files])


class _Planner:
    """One run: what is there, and what has come together so far."""

    def __init__(self, loaded: Loaded, documents: Sequence[Document], out: str, namespace: str) -> None:
        self.loaded, self.documents, self.out, self.namespace = loaded, documents, out, namespace
        self.whereabouts = Whereabouts(loaded.texts)
        self.by_origin = {document.origin: document for document in documents}
        self.workloads = {w.owner: w for w in reversed(loaded.cluster.workloads) if w.owner is not None}
        self.workloads |= {workload.key: workload for workload in loaded.cluster.workloads}
        self.told: list[Diagnostic] = []
        self.files: list[Planned] = []
        self.kept = 0
        self.changes: dict[str, list[tuple[Origin, Addition]]] = {}

    def plan(self) -> Plan:
        found = evidence(self.documents, self.loaded.cluster, namespace=self.namespace)
        if not self.loaded.contracts.contracts:
            self.whereabouts.locate(one.place for one in found)
        hidden = self._hidden()
        made = drafts(self.loaded.cluster, found)
        for workload in self.loaded.cluster.workloads:
            if workload.host_network:
                self.told.append(findings.on_nodes(Place(workload.origin, ("metadata", "name")), str(workload.key)))
        names = self._names(made)
        targets: dict[str, list[Contract]] = {}
        for declared in self.loaded.contracts.contracts:
            targets.setdefault(declared.target.name, []).append(declared)
        for draft in made:
            contract = next((c for c in targets.get(draft.key.name, ()) if c.target.matches(draft.key)), None)
            if contract is not None:
                self._update(contract, draft)
            else:
                self._new(draft, names[draft.key])
                if not draft.calls:
                    where = Place(self._workload(draft.key).origin, ("metadata", "name"))
                    self.told.append(findings.unknown(where, str(draft.key), hidden.get(draft.key, ())))
        for source, changes in self.changes.items():
            self._edit(source, changes)
        return Plan(tuple(self.files), tuple(self.told), self.kept)

    def _new(self, draft: Draft, name: str) -> None:
        if not _can_be_named(draft.key, name):
            self.told.append(findings.nameless(Place(self._workload(draft.key).origin), str(draft.key)))
            return
        path = os.path.join(self.out, draft.key.namespace, f"{name}.yaml")
        faulty = self._faulty(draft.key)
        if faulty is not None or os.path.lexists(path) or not _is_below(path, self.out):
            where = Place(self._workload(draft.key).origin, ("metadata", "name"))
            self.told.append(findings.taken(where, str(draft.key), faulty or path))
            return
        text = lines.contract(draft, name, self._owner(draft.key), self.whereabouts.of)
        self.files.append(Planned(path, text.encode(), new=True))

    def _faulty(self, key: Key) -> str | None:
        """The file of a contract for the workload that was left out for its faults."""
        told = self._targets.get((key.namespace, key.name), ())
        return next((source for kind, source in told if kind in (None, key.kind)), None)

    @cached_property
    def _targets(self) -> Mapping[tuple[str, str], list[tuple[object, str]]]:
        """By namespace and name what contracts are about, the faulty ones too: its kind, and the contract's file."""
        found: dict[tuple[str, str], list[tuple[object, str]]] = {}
        for document in self.documents:
            if document.kind != wire.CONTRACT or not is_contract(document):
                continue
            target: object = document.value.get("spec")
            target = target.get("targetRef") if isinstance(target, dict) else None
            meta = document.value.get("metadata")
            home = meta.get("namespace") if isinstance(meta, dict) else None
            if isinstance(target, dict):
                about = str(home or self.namespace), str(target.get("name"))
                found.setdefault(about, []).append((target.get("kind"), document.origin.source))
        return found

    def _update(self, contract: Contract, draft: Draft) -> None:
        document = self.by_origin.get(contract.origin)
        silent = frozenset[int]() if document is None else _silent(document)
        found = update(contract, draft, self._workload(draft.key), silent, self.whereabouts.of)
        self.told += found.diagnostics
        if not found.additions:
            self.kept += 1
        source = contract.origin.source
        for addition in found.additions:
            if document is None or contract.annotated or not self._within(source):
                shown = f"{contract.key.namespace}/{contract.key.name}"
                where = Place(contract.origin, ("spec",))
                self.told.append(findings.elsewhere(where, addition.what, shown))
            else:
                self.changes.setdefault(source, []).append((contract.origin, addition))

    def _edit(self, source: str, changes: list[tuple[Origin, Addition]]) -> None:
        before = self.loaded.texts[source].data
        data, refused = amended(before, changes)
        self.told += refused
        if data != before:
            self.files.append(Planned(source, data, new=False))

    def _within(self, source: str) -> bool:
        """Whether a source is a file below the folder of drafts."""
        return os.path.isfile(source) and _is_below(source, self.out)

    def _workload(self, key: Key) -> Workload:
        """The workload, or the first of the pods that stand apart from their absent owner."""
        return self.workloads[key]

    def _owner(self, key: Key) -> Owner | None:
        document = self.by_origin.get(self._workload(key).origin)
        places: list[tuple[Document, Path]] = []
        if document is not None:
            places = [(document, ("metadata",)), (document, ("spec", "template", "metadata"))]
        home = self.loaded.cluster.namespaces[key.namespace].origin
        if home is not None and home in self.by_origin:
            places.append((self.by_origin[home], ("metadata",)))
        return owner(places)

    def _hidden(self) -> dict[Key, tuple[str, ...]]:
        """Per workload the Secrets that fill variables of its containers."""
        names, maps = Names(self.loaded.cluster), config_maps(self.documents, self.namespace)
        found: dict[Key, tuple[str, ...]] = {}
        for pods in workloads(self.documents, self.loaded.cluster):
            secrets = (
                f"`{name}` of `{secret}`"
                for container, path in pods.containers()
                for name, secret in variables.variables(pods, container, path, maps, names).hidden.items()
            )
            found[pods.key] = tuple(dict.fromkeys(secrets))
        return found

    def _names(self, made: Sequence[Draft]) -> Mapping[Key, str]:
        """A name for each contract: the workload's, and its kind where two share it or a contract has it already."""
        used = Counter((c.key.namespace, c.key.name) for c in self.loaded.contracts.contracts)
        used.update((draft.key.namespace, draft.key.name) for draft in made)
        keys = [draft.key for draft in made]
        return {k: k.name if used[k.namespace, k.name] == 1 else f"{k.name}-{k.kind.lower()}" for k in keys}


def _is_below(path: str, folder: str) -> bool:
    """Whether a path leads below a folder, links followed."""
    top = os.path.realpath(folder)
    return os.path.commonpath([top, os.path.realpath(path)]) == top


def _silent(document: Document) -> frozenset[int]:
    value: object = document.value.get("spec")
    serves = value.get("serves") if isinstance(value, dict) else None
    entries = serves if isinstance(serves, list) else ()
    return frozenset(at for at, entry in enumerate(entries) if isinstance(entry, dict) and "callers" not in entry)


def _can_be_named(key: Key, name: str) -> bool:
    value = {
        "apiVersion": VERSION,
        "kind": wire.CONTRACT,
        "metadata": {"name": name, "namespace": key.namespace},
        "spec": {"targetRef": {"kind": key.kind, "name": key.name, "group": key.group}},
    }
    try:
        msgspec.convert(value, wire.Contract)
    except msgspec.ValidationError:
        return False
    return True


def check_folder(out: str) -> None:
    """Raises SourceError where contracts cannot be written below the folder."""
    if not out or (os.path.lexists(out) and not os.path.isdir(out)):
        raise SourceError(f"`{out}` is no folder", "name another with `--out`")
