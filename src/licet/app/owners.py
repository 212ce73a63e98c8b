"""The CODEOWNERS file of the repository around what was loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from licet.checks.ownership import Guards
from licet.sources import SourceError
from licet.sources.repository import Repository

_PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where GitHub and GitLab look, in GitHub's order."""


def guards(sources: Iterable[str], handles: Mapping[str, str]) -> Guards | None:
    """Who owns which of the sources; None outside of a repository. Raises SourceError for a file that is no text."""
    top = _top(os.getcwd())
    if top is None:
        return None
    paths = {
        source: os.path.relpath(os.path.realpath(source), top).replace(os.sep, "/")
        for source in sources
        if os.path.isfile(source)
    }
    inside = {source: path for source, path in paths.items() if not path.startswith("../")}
    for place in _PLACES:
        file = os.path.join(top, place)
        if os.path.isfile(file):
            try:
                with open(file, encoding="utf-8") as stream:
                    return Guards(place, stream.read(), inside, handles)
            except ValueError as error:
                raise SourceError(f"`{place}` is no text in UTF-8", "write it anew") from error
    return Guards("", "", inside, handles)


def guards_of(version: str, sources: Iterable[str], handles: Mapping[str, str]) -> Guards | None:
    """Who owned which of the sources in a git revision; None where the version is none, but a path."""
    if os.path.exists(version):
        return None
    repository = Repository(version)
    revision, _ = repository.locate(version)
    tree = repository.tree(revision, version)
    prefix = f"{revision}:"
    inside = {source: source.removeprefix(prefix) for source in sources if source.startswith(prefix)}
    for place in _PLACES:
        data = repository.data(tree, place)
        if data is not None:
            return Guards(place, data.decode("utf-8", "replace"), inside, handles)
    return Guards("", "", inside, handles)


def refuse_inner(version: str, sources: Iterable[str]) -> None:
    """Raises SourceError where one of the files is in a repository inside this one, whose revisions are others."""
    top = _top(os.getcwd())
    if top is None or os.path.exists(version):
        return
    folders = {os.path.dirname(os.path.realpath(source)): source for source in sources if os.path.isfile(source)}
    for folder, source in folders.items():
        inner = _top(folder)
        if inner is not None and inner.startswith(top.rstrip(os.sep) + os.sep):
            name = os.path.relpath(inner)
            raise SourceError(
                f"`{source}` is in the submodule `{name}`, whose files `{version}` does not hold",
                f"run this with `--base` inside `{name}`, and leave it out here",
            )


def target(found: Guards) -> str:
    """The file that is to be written, as a path."""
    top = _top(os.getcwd()) or "."
    return os.path.join(top, found.file or _PLACES[0])


def _top(folder: str) -> str | None:
    """The top of the git repository around a folder."""
    folder = os.path.realpath(folder)
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder
