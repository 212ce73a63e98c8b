"""A git repository: what stands in its revisions, brought to disk without a checkout."""

from __future__ import annotations

import difflib
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

import msgspec

from licet.sources import command, limits, names
from licet.sources.errors import SourceError
from licet.sources.folder import KUSTOMIZATIONS, MANIFESTS

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"


class Entry(msgspec.Struct, frozen=True):
    """A file of a revision; `path` counts from the top of the repository."""

    mode: str
    object: str
    size: int
    path: str


class Repository:
    """The repository around the current folder; `top` is its root and `prefix` leads from there to the folder."""

    def __init__(self, version: str) -> None:
        self._git = shutil.which("git") or ""
        neither = f"`{version}` is neither a path nor a revision"
        if not self._git:
            raise SourceError(f"{neither}: `git` is not installed", "name a path, or install git")
        try:
            told = self._run("rev-parse", "--show-toplevel", "--show-prefix").decode("utf-8", "surrogateescape")
        except command.CommandError as error:
            reason = str(error).removeprefix("fatal: ")
            raise SourceError(f"{neither}: {reason}", "name a path, or run this inside a git repository") from error
        self.top, self.prefix, *_ = told.split("\n")

    def _run(self, *arguments: str, stdin: BinaryIO | None = None, into: BinaryIO | None = None) -> bytes:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "XDG_CONFIG_HOME") if name in os.environ},
            "LANG": "C",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
        }
        return command.run([self._git, *arguments], environment=environment, stdin=stdin, into=into)

    def locate(self, version: str) -> tuple[str, str]:
        """The revision that is meant, and the path from the top of the repository; empty for the top itself."""
        revision, colon, path = _split(version)
        if not colon or path.startswith(("./", "../")) or path in (".", ".."):
            path = self.prefix + path
        path = posixpath.normpath(path).lstrip("/") if path else ""
        path = "" if path == "." else path
        if path.split("/")[0] == "..":
            raise SourceError(f"`{version}` leads out of the repository", "name a path inside it")
        return revision, path

    def tree(self, revision: str, version: str) -> str:
        """The object of a revision's root."""
        if found := self._object(f"{revision}^{{tree}}") if revision else None:
            return found
        references = self._run("for-each-ref", "--format=%(refname:short)").decode("utf-8", "replace").split()
        close = names.nearest(version) or next(iter(difflib.get_close_matches(revision, references, n=1)), None)
        advice = f"did you mean `{close}`?" if close else "name a path, a branch, a tag or a commit"
        message = f"`{version}` is neither a path nor a git revision"
        if self._run("rev-parse", "--is-shallow-repository").strip() == b"true":
            message += ", or this clone does not hold it: it is shallow"
            advice = f"{advice.removesuffix('?')}, or bring the rest with `git fetch --unshallow`"
        raise SourceError(message, advice)

    def _object(self, name: str) -> str | None:
        if name.startswith("-") or "\0" in name or "\n" in name:
            return None
        try:
            return self._run("rev-parse", "--verify", "--quiet", "--end-of-options", name).decode("ascii").strip()
        except command.CommandError:
            return None

    def holds(self, tree: str, path: str) -> bool:
        """Whether there is something at a path of a revision; "" is its top."""
        return not path or self._object(f"{tree}:{path}") is not None

    def data(self, tree: str, path: str) -> bytes | None:
        """A file of a revision; None where there is none."""
        found = self._object(f"{tree}:{path}")
        return None if found is None else self._run("cat-file", "blob", found)

    def gone(self, tree: str) -> list[str]:
        """The folders and manifests of a revision that are not on disk any more; nothing below such a folder."""
        names = self._run("ls-tree", "-r", "-t", "-z", "--full-tree", tree).split(b"\0")
        found: list[str] = []
        for line in filter(None, names):
            head, _, name = line.partition(b"\t")
            path = os.fsdecode(name)
            if os.path.lexists(os.path.join(self.top, path)) or path.startswith(tuple(f"{one}/" for one in found[-1:])):
                continue
            if b" tree " in head or path.endswith(MANIFESTS):
                found.append(path)
        return found

    def bring(self, tree: str, path: str, folder: str, prefix: str) -> list[str]:
        """Writes what is needed to read `path` below `folder`; submodules and links that lead outside come back.

        A kustomization may build on any folder of its repository, so that one needs them all.
        """
        place = self._object(f"{tree}:{path}") if path else tree
        if place is None:
            raise SourceError(f"`{path}` is not in `{prefix[:-1]}`", f"see `git ls-tree --name-only {prefix[:-1]}`")
        if self._run("cat-file", "-t", place).strip() == b"blob":
            path = posixpath.dirname(path)
            place = self._object(f"{tree}:{path}") or tree
        entries = list(self._entries(place, path))
        if any(posixpath.dirname(entry.path) == path and _is_kustomization(entry.path) for entry in entries):
            inside = {entry.path for entry in entries}
            others = (entry for entry in self._entries(tree, "") if entry.path not in inside)
            entries += (entry for entry in others if entry.size <= limits.INPUT)
        if sum(entry.size for entry in entries if entry.size <= limits.FILE) > limits.TOTAL:
            raise SourceError(
                f"`{prefix}{path}` holds more than {limits.size(limits.TOTAL)}", "name a smaller folder: `REV:PATH`"
            )
        self._write([entry for entry in entries if entry.mode != _SUBMODULE], folder)
        submodules = [entry.path for entry in entries if entry.mode == _SUBMODULE]
        return submodules + _without_escapes(folder, [entry.path for entry in entries if entry.mode == _LINK])

    def _entries(self, tree: str, path: str) -> Iterator[Entry]:
        """The files below a tree that stands at `path`; names that no checkout may have are left out."""
        for line in self._run("ls-tree", "-r", "-l", "-z", "--full-tree", tree).split(b"\0"):
            if not line:
                continue
            head, _, name = line.partition(b"\t")
            mode, _, object_, size = head.decode("ascii").split()
            parts = os.fsdecode(name).split("/")
            if not {"", ".", "..", ".git"}.intersection(parts):
                yield Entry(mode, object_, 0 if size == "-" else int(size), posixpath.join(path, *parts))

    def _write(self, entries: Sequence[Entry], folder: str) -> None:
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as objects:
            fitting = [entry.object for entry in entries if entry.size <= limits.FILE]
            wanted.write("".join(f"{object_}\n" for object_ in fitting).encode("ascii"))
            wanted.seek(0)
            self._run("cat-file", "--batch", stdin=wanted, into=objects)
            objects.seek(0)
            _place(entries, objects, folder)


def _place(entries: Sequence[Entry], objects: BinaryIO, folder: str) -> None:
    """Writes the files, and the links last, so that nothing is written through a link.

    A file over the limit becomes a hole of its size: whoever reads the folder then says that it is too large.
    """
    links = []
    for entry in entries:
        target = os.path.join(folder, entry.path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if entry.mode == _LINK:
            links.append((os.fsdecode(_next(objects, entry)), target))
            continue
        with open(target, "xb") as stream:
            if entry.size > limits.FILE:
                stream.truncate(entry.size)
            else:
                stream.write(_next(objects, entry))
    for source, target in links:
        os.symlink(source, target)


def _split(version: str) -> tuple[str, str, str]:
    """Parts at the first colon outside braces: `HEAD@{1 day ago}` and `HEAD^{/fix: it}` may hold colons themselves."""
    depth = 0
    for index, character in enumerate(version):
        depth += (character == "{") - (character == "}")
        if character == ":" and depth == 0:
            return version[:index], ":", version[index + 1 :]
    return version, "", ""


def _is_kustomization(path: str) -> bool:
    return posixpath.basename(path) in KUSTOMIZATIONS


def _next(objects: BinaryIO, entry: Entry) -> bytes:
    """The next object of what `git cat-file --batch` wrote."""
    head = objects.readline().split()
    if len(head) != 3:
        raise command.CommandError(f"`{entry.path}` is not in this clone")
    data = objects.read(int(head[2]))
    objects.read(1)
    return data


def _without_escapes(folder: str, links: Iterable[str]) -> list[str]:
    """Removes the links that lead out of the folder; their paths come back."""
    removed = []
    for link in links:
        target = os.path.join(folder, link)
        real = os.path.realpath(target)
        if real != folder and not real.startswith(folder + os.sep):
            os.unlink(target)
            removed.append(link)
    return removed
