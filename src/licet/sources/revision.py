"""Manifests as they stood in a git revision."""

from __future__ import annotations

import difflib
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

import msgspec

from licet.sources import command, findings, limits, names
from licet.sources.errors import SourceError
from licet.sources.exclusion import Exclusion
from licet.sources.fetch import Wanted, fetch, gather
from licet.sources.folder import KUSTOMIZATIONS, Found
from licet.sources.intake import Fetched, Intake

_LINK: Final = "120000"


class Entry(msgspec.Struct, frozen=True):
    """A file of a revision; `path` counts from the top of the repository."""

    mode: str
    object: str
    size: int
    path: str


def fetch_version(
    version: str,
    *,
    exclude: Sequence[str] = (),
    root: str = ".",
    namespace: str = "default",
    stdin: BinaryIO | None = None,
) -> Fetched:
    """What stands at a path or in a git revision, as `fetch` gives it.

    `version` is any path that `fetch` takes, or `REV` (the current folder in that revision) or `REV:PATH` (from the
    top of the repository, or from the current folder where PATH begins with `./`, as git reads it). A path that
    exists wins. Raises `SourceError` where it is none of these.
    """
    if version == "-" or os.path.exists(version):
        return fetch([version], exclude=exclude, root=root, namespace=namespace, stdin=stdin)
    repository = _Repository(version)
    revision, path = repository.locate(version)
    tree = repository.tree(revision, version)
    intake = Intake()
    with tempfile.TemporaryDirectory(prefix="licet-", ignore_cleanup_errors=True) as folder:
        folder = os.path.realpath(folder)
        prefix = f"{revision}:"
        try:
            for left_out in repository.bring(tree, path, folder, prefix):
                intake.tell(findings.outside_tree(names.inside(prefix, left_out)))
        except (command.CommandError, OSError) as error:
            raise SourceError(
                f"git does not give the files of `{version}`: {str(error).replace(folder, prefix)}",
                "try `git fsck`, or `git fetch --refetch` where the clone is partial",
            ) from error
        below = os.path.relpath(os.path.realpath(root), os.path.realpath(repository.top))
        wanted = Wanted(Exclusion(exclude, os.path.join(folder, below)), namespace)
        gather(intake, Found(os.path.join(folder, path) if path else folder, prefix + path), wanted)
        fetched = intake.fetched()
        told = [findings.renamed(diagnostic, folder, prefix) for diagnostic in fetched.diagnostics]
    return msgspec.structs.replace(fetched, diagnostics=told)


class _Repository:
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
        raise SourceError(f"`{version}` is neither a path nor a git revision", advice)

    def _object(self, name: str) -> str | None:
        if name.startswith("-") or "\0" in name or "\n" in name:
            return None
        try:
            return self._run("rev-parse", "--verify", "--quiet", "--end-of-options", name).decode("ascii").strip()
        except command.CommandError:
            return None

    def bring(self, tree: str, path: str, folder: str, prefix: str) -> list[str]:
        """Writes what is needed to read `path` below `folder`; the paths of links that lead outside come back.

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
        if sum(entry.size for entry in entries) > limits.TOTAL:
            raise SourceError(
                f"`{prefix}{path}` holds more than {limits.size(limits.TOTAL)}", "name a smaller folder: `REV:PATH`"
            )
        self._write([entry for entry in entries if entry.size <= limits.FILE], folder)
        return _without_escapes(folder, [entry.path for entry in entries if entry.mode == _LINK])

    def _entries(self, tree: str, path: str) -> Iterator[Entry]:
        """The files below a tree that stands at `path`; submodules and names that no checkout may have are left out."""
        for line in self._run("ls-tree", "-r", "-l", "-z", "--full-tree", tree).split(b"\0"):
            if not line:
                continue
            head, _, name = line.partition(b"\t")
            mode, kind, object_, size = head.decode("ascii").split()
            names_ = os.fsdecode(name).split("/")
            if kind == "blob" and not {"", ".", "..", ".git"}.intersection(names_):
                yield Entry(mode, object_, int(size), posixpath.join(path, *names_))

    def _write(self, entries: Sequence[Entry], folder: str) -> None:
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as objects:
            wanted.write("".join(f"{entry.object}\n" for entry in entries).encode("ascii"))
            wanted.seek(0)
            self._run("cat-file", "--batch", stdin=wanted, into=objects)
            objects.seek(0)
            _place(entries, objects, folder)


def _place(entries: Sequence[Entry], objects: BinaryIO, folder: str) -> None:
    """Writes the files, and the links last, so that nothing is written through a link."""
    links = []
    for entry in entries:
        data = _next(objects, entry)
        target = os.path.join(folder, entry.path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if entry.mode == _LINK:
            links.append((os.fsdecode(data), target))
        else:
            with open(target, "xb") as stream:
                stream.write(data)
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
