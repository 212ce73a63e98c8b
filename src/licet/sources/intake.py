"""What has been read so far: texts, findings, and how much more may come."""

from __future__ import annotations

import io
import os
import stat
from typing import BinaryIO

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.text import Text
from licet.sources import findings, limits

_HEAD = 64 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Fetched(msgspec.Struct, frozen=True):
    """Texts in the order of the paths, sorted by name inside a folder (links last); each file once.

    `named` holds the sources that the user named one by one or that a tool rendered. Any other source was met in a
    folder, where a file without a Kubernetes object in it is nothing to complain about.
    """

    texts: list[Text]
    diagnostics: list[Diagnostic]
    named: frozenset[str] = frozenset()


class Intake:
    """Collects texts within the limits. A file that was met before, under whatever name, is not read again.

    `answers` counts what was met: texts, findings, and files that had been read before.
    """

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.diagnostics: list[Diagnostic] = []
        self.named: set[str] = set()
        self.answers = 0
        self._seen: set[tuple[int, int]] = set()
        self._left = limits.TOTAL

    def fetched(self) -> Fetched:
        """All of it, as a value."""
        return Fetched(self.texts, self.diagnostics, frozenset(self.named))

    def tell(self, diagnostic: Diagnostic) -> None:
        """Adds a finding."""
        self.answers += 1
        self.diagnostics.append(diagnostic)

    def take(self, source: str, data: bytes) -> None:
        """Adds bytes that were read or rendered elsewhere, under a name that the user knows."""
        if len(data) > self._left:
            self.tell(findings.too_much(source))
            return
        self.named.add(source)
        self._add(source, data)

    def _add(self, source: str, data: bytes) -> None:
        self.answers += 1
        self._left -= len(data)
        self.texts.append(Text(source, data))

    def stream(self, source: str, stream: BinaryIO) -> bool:
        """Reads a stream to its end, or to the limit; False where there was nothing in it."""
        data = _to_end(stream)
        if data is None:
            self.tell(findings.too_large(source))
        elif _is_binary(data[:_HEAD]):
            self.tell(findings.binary(source))
        else:
            self.take(source, data)
        return data is None or bool(data.strip())

    def file(self, path: str, source: str, *, met: bool = False) -> None:
        """Reads one file; `met` says that it was found in a folder rather than named by the user."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = self._read(descriptor, source)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.tell(findings.unreadable(source, error))
            return
        if data is None or (met and _is_other_json(source, data)):
            return
        if not met:
            self.named.add(source)
        self._add(source, data)

    def _read(self, descriptor: int, source: str) -> bytes | None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                self.stream(source, stream)
            return None
        if (status.st_dev, status.st_ino) in self._seen:
            self.answers += 1
            return None
        self._seen.add((status.st_dev, status.st_ino))
        if status.st_size > limits.FILE:
            self.tell(findings.too_large(source))
            return None
        if status.st_size > self._left:
            self.tell(findings.too_much(source))
            return None
        head = os.pread(descriptor, _HEAD, 0)
        if _is_binary(head):
            self.tell(findings.binary(source))
            return None
        if len(head) < _HEAD:
            return head
        with os.fdopen(os.dup(descriptor), "rb", buffering=0) as stream:
            return stream.read(limits.FILE)


def _to_end(stream: BinaryIO) -> bytes | None:
    """What a stream holds, or None where that is more than a file may."""
    held = io.BytesIO()
    while chunk := stream.read(limits.MIB):
        held.write(chunk)
        if held.tell() > limits.FILE:
            return None
    return held.getvalue()


def _is_binary(head: bytes) -> bool:
    return b"\0" in head and not head.startswith(_UTF16)


def _is_other_json(source: str, data: bytes) -> bool:
    """Whether a JSON file is surely no manifest: neither key that every Kubernetes object has occurs in it."""
    return (
        source[-5:].lower() == ".json"
        and b'"apiVersion"' not in data
        and b'"kind"' not in data
        and not data.startswith(_UTF16)
    )
