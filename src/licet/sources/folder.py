"""Walking a folder: which files may hold manifests, and what needs a tool to be read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.sources import findings, names
from licet.sources.exclusion import Exclusion

CHART: Final = "Chart.yaml"
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MANIFESTS: Final = (".yaml", ".yml", ".json")
_SKIPPED: Final = "node_modules"
_Identity: TypeAlias = tuple[int, int]


class Found(msgspec.Struct, frozen=True, gc=False):
    """A path, the name it goes by, and whether a symbolic link below the walked folder led there."""

    path: str
    source: str
    linked: bool = False


class Walk(msgspec.Struct, frozen=True):
    """What a folder holds, each list sorted by name, with what links led to last.

    `kustomizations` and `charts` are folders; a kustomization file is not among `files`, nor is anything below a
    chart.
    """

    files: list[Found]
    kustomizations: list[Found]
    charts: list[Found]
    diagnostics: list[Diagnostic]


class _Folder(msgspec.Struct, frozen=True):
    path: str
    source: str
    above: tuple[_Identity, ...]
    linked: bool = False


def walk(path: str, source: str, exclusion: Exclusion) -> Walk:
    """Everything below a folder that may be a manifest, hidden names and `node_modules` left out.

    Symbolic links are followed after everything else, so that a file keeps its own name where it has one inside the
    folder; no folder is entered twice, and a link to a folder above it not at all.
    """
    walking = _Walking(path, exclusion)
    walking.enter(_Folder(path, source, _above(path)))
    found = walking.found
    for entries in (found.files, found.kustomizations, found.charts):
        entries.sort(key=lambda entry: (entry.linked, entry.source))
    return found


def _above(path: str) -> tuple[_Identity, ...]:
    """The folders that a folder stands in, up to the root of the file system."""
    above = []
    folder = os.path.realpath(path)
    while folder != (folder := os.path.dirname(folder)):
        status = os.stat(folder)
        above.append((status.st_dev, status.st_ino))
    return tuple(above)


class _Walking:
    def __init__(self, root: str, exclusion: Exclusion) -> None:
        self._root = root
        self.found = Walk([], [], [], [])
        self._exclusion = exclusion
        self._entered: set[_Identity] = set()

    def enter(self, root: _Folder) -> None:
        folders, links = [root], list[_Folder]()
        while folders or links:
            if folders:
                below, linked = self._scan(folders.pop())
                folders += below
                links += linked
                continue
            links.sort(key=lambda link: link.source, reverse=True)
            folders += self._follow(links.pop())

    def _scan(self, folder: _Folder) -> tuple[list[_Folder], list[_Folder]]:
        """One folder: its files are noted, its folders and links come back."""
        below, links = list[_Folder](), list[_Folder]()
        try:
            status = os.stat(folder.path)
            identity = (status.st_dev, status.st_ino)
            if identity in self._entered:
                return below, links
            self._entered.add(identity)
            entries = list(self._wanted(folder.path))
        except OSError as error:
            self.found.diagnostics.append(findings.unreadable(folder.source, error))
            return below, links
        if folder.path != self._root and any(entry.name == CHART for entry in entries):
            self.found.charts.append(Found(folder.path, folder.source, folder.linked))
            return below, links
        above = (*folder.above, identity)
        for entry in entries:
            name = entry.name
            if entry.is_symlink():
                links.append(_Folder(entry.path, names.inside(folder.source, name), above, linked=True))
            elif entry.is_dir(follow_symlinks=False):
                below.append(_Folder(entry.path, names.inside(folder.source, name), above, folder.linked))
            elif name in KUSTOMIZATIONS:
                self.found.kustomizations.append(Found(folder.path, folder.source, folder.linked))
            elif name.lower().endswith(MANIFESTS) and entry.is_file(follow_symlinks=False):
                self.found.files.append(Found(entry.path, names.inside(folder.source, name), folder.linked))
        return below, links

    def _wanted(self, path: str) -> Iterator[os.DirEntry[str]]:
        exclusion = self._exclusion
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == _SKIPPED:
                    continue
                if exclusion and exclusion.covers(entry.path, folder=entry.is_dir()):
                    continue
                yield entry

    def _follow(self, link: _Folder) -> list[_Folder]:
        """A symbolic link: a file is noted, a folder comes back unless it leads into itself."""
        try:
            status = os.stat(link.path)
        except OSError as error:
            self.found.diagnostics.append(_unfollowed(link.source, error))
            return []
        name = os.path.basename(link.path)
        if stat.S_ISDIR(status.st_mode):
            if (status.st_dev, status.st_ino) in link.above:
                self.found.diagnostics.append(findings.loop(link.source))
                return []
            return [link]
        if stat.S_ISREG(status.st_mode) and name in KUSTOMIZATIONS:
            folder = os.path.dirname(link.path)
            source = link.source.removesuffix(name).rstrip("/") or "."
            self.found.kustomizations.append(Found(folder, source, linked=True))
        elif stat.S_ISREG(status.st_mode) and name.lower().endswith(MANIFESTS):
            self.found.files.append(Found(link.path, link.source, linked=True))
        return []


def _unfollowed(source: str, error: OSError) -> Diagnostic:
    if error.errno == errno.ELOOP:
        return findings.loop(source)
    if error.errno == errno.ENOENT:
        return findings.broken_link(source)
    return findings.unreadable(source, error)
