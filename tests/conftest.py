"""Settings of every test, and golden files."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import settings

from tests.postgres import postgres, postgres_url, store_url

__all__ = ["postgres", "postgres_url", "store_url"]

# A busy machine is no failure: how fast things are is measured by the benchmarks.
settings.register_profile("licet", deadline=None, print_blob=True)
settings.load_profile("licet")

# Whoever starts programs in the background lets them ignore SIGINT, and their children too: those of tests must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Golden: TypeAlias = Callable[[Path, str], None]
"""Asserts that a file holds exactly this text; with `--update` the file is written instead."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` takes what is printed now for what should be printed; read the difference before committing it."""
    parser.addoption("--update", action="store_true", help="rewrite golden files with what is printed now")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with a golden file."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        assert text == path.read_bytes().decode(), f"`make test PYTEST_ARGS=--update` rewrites {path.name}"

    return compare
