"""From paths to a cluster, and everything that was found wrong on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import msgspec

from licet.contracts.contract import Contracts
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Place, Span
from licet.diag.text import Text
from licet.manifest import documents, findings, group, platform
from licet.manifest.decode import decode
from licet.manifest.documents import Document
from licet.manifest.written import Written
from licet.model.cluster import Cluster
from licet.model.platform import UNKNOWN_PLATFORM, Platform
from licet.sources import SourceError, fetch
from licet.sources.errors import NothingThereError
from licet.sources.intake import Fetched
from licet.sources.repository import Repository
from licet.sources.revision import fetch_version
from licet.sources.settings import Settings

_OTHERS = (findings.NOT_AN_OBJECT, findings.NOT_KUBERNETES)
"""What is wrong with a file that holds no Kubernetes object, and was perhaps never meant to."""

_OURS = f"{group.GROUP}/"
"""What the versions of our own kinds begin with, and the names of our annotations."""

Tell = Callable[[str], None]
"""Is told what begins, in two or three words, for people who wait."""


class Loaded(msgspec.Struct, frozen=True):
    """A cluster, what its services declare, what is wrong with its manifests, and their texts by source name.

    `kept` are the objects of those texts where the caller was to need them again.
    """

    cluster: Cluster
    contracts: Contracts
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, Text]
    kept: tuple[Document, ...] | None = None

    def objects(self) -> Sequence[Document]:
        """Every object of the texts: as kept, else read once more."""
        return documents.read(self.texts.values())[0] if self.kept is None else self.kept


class Setting(msgspec.Struct, frozen=True):
    """What decides how manifests are read: the project's settings, where the command line did not say otherwise."""

    settings: Settings
    namespace: str = "default"
    platform: str | None = None


def load(paths: Sequence[str], setting: Setting, tell: Tell, *, keep: bool = False) -> Loaded:
    """What the paths hold; `keep` its objects too, which takes memory. Raises SourceError where there is nothing."""
    tell("reading")
    own = setting.settings
    found = fetch(paths, exclude=own.exclude, root=own.root, namespace=setting.namespace)
    return _cluster(found, setting, tell, keep=keep)


def load_version(version: str, setting: Setting, tell: Tell, paths: Sequence[str] = ()) -> Loaded:
    """What a path or a git revision holds, of a revision only what stands at `paths`. Raises SourceError for neither.

    A path that the revision does not have may be what others were moved to: what has gone since is read for it. One
    that the revision has without manifests holds nothing.
    """
    tell(f"reading {version}")
    own = setting.settings
    found = Fetched([], [])
    for one in _versions(version, paths):
        try:
            more = fetch_version(one, exclude=own.exclude, root=own.root, namespace=setting.namespace)
        except NothingThereError:
            if one == version:
                raise
            continue
        met = {text.source for text in found.texts}
        fresh = [text for text in more.texts if text.source not in met]
        found = Fetched([*found.texts, *fresh], [*found.diagnostics, *more.diagnostics], found.named | more.named)
    return _cluster(found, setting, tell)


def _versions(version: str, paths: Sequence[str]) -> list[str]:
    if not paths or ":" in version or version == "-" or os.path.exists(version):
        return [version]
    repository = Repository(version)
    tree = repository.tree(version, version)
    below = [f"{version}:./{os.path.relpath(path)}" for path in paths if path != "-"]
    there = [one for one in below if repository.holds(tree, repository.locate(one)[1])]
    return there if len(there) == len(below) else [*there, *(f"{version}:{path}" for path in repository.gone(tree))]


def _cluster(fetched: Fetched, setting: Setting, tell: Tell, *, keep: bool = False) -> Loaded:
    tell("parsing")
    read, wrong = documents.read(fetched.texts)
    ours = [document for document in read if document.api_version.startswith(_OURS) or document.kind in group.KINDS]
    ours = [document for document in ours if group.is_ours(document)]
    given, given_texts, given_wrong = _given(setting.platform)
    met, met_wrong = platform.decode([document for document in ours if platform.is_platform(document)])
    facts = given or met or UNKNOWN_PLATFORM
    own = {id(document) for document in ours}
    tell("understanding")
    decoded = decode(
        [document for document in read if id(document) not in own] if ours else read,
        namespace=setting.namespace,
        cluster=facts.cluster,
        templates=setting.settings.templates,
        platform=facts,
    )
    declared, faults = _declared(read, ours, setting.namespace, facts)
    told = _worth_telling(wrong, read, fetched)
    return Loaded(
        decoded.cluster,
        declared,
        (*fetched.diagnostics, *told, *given_wrong, *met_wrong, *decoded.diagnostics, *faults),
        {text.source: text for text in (*fetched.texts, *given_texts)},
        tuple(read) if keep and not given_texts else None,
    )


def _declared(
    read: list[Document], ours: list[Document], namespace: str, facts: Platform
) -> tuple[Contracts, list[Diagnostic]]:
    """What services declare; what reads it is loaded where there may be any of it."""
    declared, faults = Contracts(), list[Diagnostic]()
    if ours or facts.mode:
        from licet.contracts import decode as contracts

        declared, faults = contracts.decode(ours, namespace=namespace, cluster=facts.cluster, mode=facts.mode)
    if noting := [document for document in read if _may_bear_ours(document)]:
        from licet.contracts.annotation import annotated

        noted, wrong = annotated(noting, namespace=namespace, cluster=facts.cluster)
        declared = msgspec.structs.replace(declared, contracts=(*declared.contracts, *noted))
        faults = [*faults, *wrong]
    return declared, faults


def _may_bear_ours(document: Document) -> bool:
    return not isinstance(document.content, Written) or _OURS in document.content.text


def _worth_telling(wrong: list[Diagnostic], read: list[Document], fetched: Fetched) -> list[Diagnostic]:
    """Without complaints about files that were only met in a folder and are some other program's."""
    ours = fetched.named.union(document.origin.source for document in read)
    return [d for d in wrong if d.code not in _OTHERS or d.where is None or _source(d.where) in ours]


def _source(where: Place | Span) -> str:
    return where.origin.source if isinstance(where, Place) else where.source


def _given(file: str | None) -> tuple[Platform | None, list[Text], list[Diagnostic]]:
    """The Platform in the file that the user names."""
    if file is None:
        return None, [], []
    fetched = fetch([file])
    read, wrong = documents.read(fetched.texts)
    found, found_wrong = platform.decode([document for document in read if platform.is_platform(document)])
    if found is None and not any(d.severity is Severity.ERROR for d in (*wrong, *fetched.diagnostics, *found_wrong)):
        raise SourceError(
            f"`{file}` holds no Platform", f"begin it with `apiVersion: {group.VERSION}` and `kind: {platform.KIND}`"
        )
    return found, fetched.texts, [*fetched.diagnostics, *wrong, *found_wrong]
