"""The folder that policies are compiled into: all of them change, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from licet.app.earlier import Charge, is_own, name, pieces
from licet.app.replacement import Put, replace
from licet.compile import findings
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Span
from licet.diag.text import Text
from licet.sources import SourceError


class Change(msgspec.Struct, frozen=True):
    """One file that differs from what is to be there; None where there is no file, or is to be none."""

    file: str
    before: bytes | None
    after: bytes | None


class Changes(msgspec.Struct, frozen=True):
    """What has to change, sorted by file; `told` is of files compiled before that are not this run's to remove."""

    changes: tuple[Change, ...] = ()
    told: tuple[Diagnostic, ...] = ()


def changes(folder: str, files: Mapping[str, Text], target: str, charge: Charge, *, proved: bool) -> Changes:
    """What has to change in a folder. Raises SourceError where somebody else's file is in the way.

    A file is removed where the run answers for it, and where all is proved: removing one opens what it closed.
    """
    root = Path(folder)
    if not folder or (root.exists() and not root.is_dir()):
        raise SourceError(f"`{folder}` is no folder", "name a folder for `--out`")
    found: list[Change] = []
    for file, text in files.items():
        if not (root / file).resolve().is_relative_to(root.resolve()):
            raise SourceError(f"`{root / file}` leads out of `{folder}` by a link", "take the link away")
        before = _data(root / file)
        if before is not None and not is_own(before, target):
            raise SourceError(f"`{root / file}` was not compiled by licet", "move it away, or name another folder")
        if before != text.data:
            found.append(Change(file, before, text.data))
    kept: list[str] = []
    for file, data in _earlier(root, target):
        if file in files:
            continue
        if proved and charge.holds(data):
            found.append(Change(file, data, None))
        else:
            kept.append(str(root / file))
    told = (findings.stays(Span(kept[0], 1, 1, 1, 1), kept, proved=proved),) if kept else ()
    return Changes(tuple(sorted(found, key=lambda change: change.file)), told)


def _earlier(root: Path, target: str) -> Iterator[tuple[str, bytes]]:
    """The files of a folder that were compiled for a target and stand where they would be written, sorted."""
    ending = f".{target}.yaml"
    for path in sorted((*root.glob(f"*{ending}"), *root.glob(f"*/*{ending}"))):
        file = path.relative_to(root).as_posix()
        data = _data(path)
        if data is not None and is_own(data, target) and _place(data, ending) == file:
            yield file, data


def _place(data: bytes, ending: str) -> str:
    """Where a compiled object is written."""
    namespace, called = name(data.split(b"---\n")[0])
    return f"{namespace}/{called}{ending}" if namespace else f"{called}{ending}"


def changes_among(texts: Mapping[str, Text], files: Mapping[str, Text], target: str, charge: Charge) -> Changes:
    """What differs from the objects that were compiled for this target before and are among the texts read."""
    before = {name(piece): piece for text in texts.values() for piece in pieces(text.data, target)}
    found: list[Change] = []
    for file, text in files.items():
        old = before.pop(name(text.data), None)
        if old != text.data:
            found.append(Change(file, old, text.data))
    for called, piece in before.items():
        if charge.holds(piece):
            found.append(Change("/".join(filter(None, called)), piece, None))
    return Changes(tuple(sorted(found, key=lambda change: change.file)))


def apply(folder: str, found: Changes) -> None:
    """Make the changes. Raises OSError, nothing changed."""
    replace([Put(str(Path(folder) / change.file), change.after) for change in found.changes])


def _data(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise SourceError(f"`{path}` is a folder", "move it away, or name another one for `--out`") from None
