"""Data that may stand beside the checkout: known answers and manifests that others wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*names: str) -> Path:
    """A file or folder of the shared data, such as `shared("oracle")`; skips the test where it is not there."""
    path = SHARED.joinpath(*names)
    if not path.exists():
        pytest.skip(f"{'/'.join(('..', 'shared', *names))} is not beside this checkout")
    return path
