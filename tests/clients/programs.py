"""The three stock clients, ready to run: go-spiffe, the `spiffe` crates of Rust, and PyPI's `spiffe`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from tests.built import go_program, rust_program

_HERE = Path(__file__).parent


class Program(msgspec.Struct, frozen=True):
    """A program by the words that start it."""

    argv: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The executable as the kernel names it, which is what a selector `unix:path:` compares with."""
        return Path(self.argv[0]).resolve()

    def copied(self, place: Path) -> Program:
        """The same program at another path, so that it may have another identity."""
        shutil.copy2(self.path, place)
        return Program((str(place), *self.argv[1:]))


def go_client() -> Program:
    """`go-client`, built; skips the test where it cannot be."""
    return Program((str(go_program(_HERE / "go", "go-client")),))


def rust_client() -> Program:
    """`rust-client`, built; skips the test where it cannot be."""
    return Program((str(rust_program(_HERE / "rust", "rust-client")),))


def python_client() -> Program:
    """The client in Python, which has no TLS of its own: it only fetches, watches and validates."""
    pytest.importorskip("spiffe")
    return Program((sys.executable, str(_HERE / "python_client.py")))


CLIENTS: Mapping[str, Callable[[], Program]] = {"go": go_client, "rust": rust_client, "python": python_client}
"""Those that fetch and watch; the first two do mutual TLS as well."""
