"""What was compiled before: how it is known, and for which of it a run answers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import msgspec

from licet.app.load import Loaded
from licet.compile import objects
from licet.compile.names import PREFIX
from licet.diag.text import Text
from licet.manifest import documents

_SIGN = f"# {objects.TITLE}".encode()
_BETWEEN = b"---\n"
_BEHIND = re.compile(rb"[^\n]*\n# [^\n]*  \(([^\n]*):\d+\)\n")
"""The contract that isolates, as the second line of a compiled text names it."""


def is_own(data: bytes, target: str) -> bool:
    """Whether all of a file was compiled for this target, and is free to be replaced therefore."""
    label = f"\n    {objects.TARGET}: {target}\n".encode()
    return all(piece.startswith(_SIGN) and label in piece for piece in data.split(b"\n" + _BETWEEN))


def pieces(data: bytes, target: str) -> Iterator[bytes]:
    """The objects of a text that were compiled for this target."""
    return (piece for piece in data.split(_BETWEEN) if is_own(piece, target))


def name(piece: bytes) -> tuple[str, str]:
    """Namespace and name of a compiled object; the namespace is empty where the object has none."""
    [document] = documents.read([Text("", piece)])[0]
    metadata = document.value["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Charge(msgspec.Struct, frozen=True):
    """What a run answers for: whatever follows from contracts that it read, or would have read were they still there.

    `namespaces` are those that it read a contract of, `sources` the files that it read, `folders` what it was pointed
    at.
    """

    namespaces: frozenset[str]
    sources: frozenset[str]
    folders: tuple[str, ...]

    def holds(self, data: bytes) -> bool:
        """Whether the run answers for all objects of a compiled text, so that without a contract they are to go."""
        return all(self._holds(piece) for piece in data.split(_BETWEEN))

    def _holds(self, piece: bytes) -> bool:
        namespace, called = name(piece)
        home = namespace or called.removeprefix(f"{PREFIX}-").partition(".")[0]
        behind = _BEHIND.match(piece)
        return home in self.namespaces and behind is not None and self._reads(os.fsdecode(behind[1]))

    def _reads(self, source: str) -> bool:
        where = os.path.abspath(source)
        return source in self.sources or any(os.path.commonpath([one, where]) == one for one in self.folders)


def charge(loaded: Loaded, paths: Sequence[str]) -> Charge:
    """What a run over these paths answers for."""
    declared = loaded.contracts
    homes = [one.target.namespace or one.key.namespace for one in declared.contracts]
    return Charge(
        frozenset((*homes, *(one.namespace for one in declared.namespaces))),
        frozenset(loaded.texts),
        tuple(os.path.abspath(path) for path in paths or (".",) if path != "-"),
    )
