"""Builds the Go judge beside this file and talks to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import pytest

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.spiffeid import TrustDomain

SOURCE = Path(__file__).parent
BINARY = SOURCE.parents[3] / ".tools" / "federation-judge"


def build() -> Path:
    """The program, built from the pinned modules; skips the test where there is no Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("the judge is a Go program, and `go` is not installed")
    BINARY.parent.mkdir(exist_ok=True)
    fresh = BINARY.with_name(f"federation-judge.{os.getpid()}")
    subprocess.run(
        [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(fresh), "."],
        cwd=SOURCE,
        env=os.environ | {"GOFLAGS": "-mod=readonly"},
        check=True,
    )
    fresh.replace(BINARY)
    return BINARY


class Answer(msgspec.Struct):
    """What the judge says: why not, or what it found."""

    error: str
    valid: list[bool] | None
    x509: list[bytes] | None
    jwt: dict[str, bytes] | None
    sequence: int
    refresh_hint: int
    marshaled: bytes | None
    url: str

    def bundle(self, trust_domain: TrustDomain) -> Bundle:
        """The bundle that it found, with its keys in order of their names."""
        assert self.error == ""
        keys = tuple(JwtKey(kid, key) for kid, key in sorted((self.jwt or {}).items()))
        return Bundle(trust_domain, tuple(self.x509 or ()), keys, self.sequence, self.refresh_hint)


class Judge:
    """A running judge. What it serves is served until it ends."""

    def __init__(self, binary: Path) -> None:
        self._process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(timeout=60) == 0 or error is not None, "the judge failed"

    def ids(self, texts: Sequence[str]) -> list[bool]:
        """Which of these are SPIFFE IDs."""
        return self.ask("ids", ids=texts).valid or []

    def ask(self, what: str, **given: object) -> Answer:
        """The answer to one question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode({"ask": what, **given}) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Answer)
