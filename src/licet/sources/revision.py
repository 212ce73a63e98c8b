"""Manifests as they stood in a git revision."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from licet.sources import command, findings, names
from licet.sources.errors import SourceError
from licet.sources.exclusion import Exclusion
from licet.sources.fetch import Wanted, fetch, gather
from licet.sources.folder import Found
from licet.sources.intake import Fetched, Intake
from licet.sources.repository import Repository


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
    repository = Repository(version)
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
