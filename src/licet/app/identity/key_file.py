"""A sealing key that takes the place of another: at every moment one of two files opens what is stored."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from licet.store import private_file


def fresh_key(path: Path) -> Path:
    """Where the new key waits until the database is sealed with it."""
    return path.with_name(path.name + ".new")


def replace_key(path: Path, at: datetime) -> Path:
    """Put the key that waits in its place; the one before is kept, since older backups open with it. Where it is."""
    kept = path.with_name(f"{path.name}.until-{at:%Y%m%dT%H%M%S.%fZ}")
    if path.exists():
        os.link(path, kept)
    fresh_key(path).replace(path)
    private_file.sync(path.parent)
    return kept
