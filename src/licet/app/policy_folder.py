"""The folder that policies are compiled into: all of them change, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from licet.app.compilation import is_own
from licet.diag.text import Text
from licet.manifest import documents
from licet.sources import SourceError

_UNFINISHED = ".licet-unfinished"


class Change(msgspec.Struct, frozen=True):
    """One file that differs from what is to be there; None where there is no file, or is to be none."""

    file: str
    before: bytes | None
    after: bytes | None


def changes(folder: str, files: Mapping[str, Text], target: str) -> list[Change]:
    """What has to change in a folder, sorted by file. Raises SourceError where somebody else's file is in the way."""
    root = Path(folder)
    if not folder or (root.exists() and not root.is_dir()):
        raise SourceError(f"`{folder}` is no folder", "name a folder for `--out`")
    found: list[Change] = []
    for file, text in files.items():
        if not (root / file).parent.resolve().is_relative_to(root.resolve()):
            raise SourceError(f"`{root / file}` leads out of `{folder}` by a link", "take the link away")
        before = _data(root / file)
        if before is not None and not is_own(before, target):
            raise SourceError(f"`{root / file}` was not compiled by licet", "move it away, or name another folder")
        if before != text.data:
            found.append(Change(file, before, text.data))
    for path in sorted(root.rglob(f"*.{target}.yaml")):
        file = path.relative_to(root).as_posix()
        data = _data(path)
        if file not in files and data is not None and is_own(data, target):
            found.append(Change(file, data, None))
    return sorted(found, key=lambda change: change.file)


def changes_among(texts: Mapping[str, Text], files: Mapping[str, Text], target: str) -> list[Change]:
    """What differs from the objects that were compiled for this target before and are among the texts read."""
    before = {_name(piece): piece for text in texts.values() for piece in _pieces(text, target)}
    found: list[Change] = []
    for file, text in files.items():
        old = before.pop(_name(text.data), None)
        if old != text.data:
            found.append(Change(file, old, text.data))
    gone = [Change("/".join(filter(None, name)), piece, None) for name, piece in before.items()]
    return sorted([*found, *gone], key=lambda change: change.file)


def _pieces(text: Text, target: str) -> list[bytes]:
    return [piece for piece in text.data.split(b"---\n") if is_own(piece, target)]


def _name(piece: bytes) -> tuple[str, str]:
    """Namespace and name of a compiled object."""
    [document] = documents.read([Text("", piece)])[0]
    metadata = document.value["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def apply(folder: str, found: list[Change]) -> None:
    """Make the changes: every new text is on the disk before the first file is replaced."""
    root = Path(folder)
    ready: list[tuple[Path, Path]] = []
    try:
        for change in found:
            if change.after is not None:
                path = root / change.file
                path.parent.mkdir(parents=True, exist_ok=True)
                fresh = path.with_name(f"{path.name}.{os.getpid()}{_UNFINISHED}")
                ready.append((fresh, path))
                fresh.write_bytes(change.after)
        for fresh, path in ready:
            os.replace(fresh, path)
    finally:
        for fresh, _ in ready:
            fresh.unlink(missing_ok=True)
    for change in found:
        if change.after is None:
            (root / change.file).unlink()


def _data(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise SourceError(f"`{path}` is a folder", "move it away, or name another one for `--out`") from None
