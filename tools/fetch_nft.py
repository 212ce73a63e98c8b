"""Brings `nft` into .tools/ for the tests, from the packages of a Debian-like system, without root and installing none.

Ends well even where it cannot be had: the tests that need it are skipped and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PACKAGES: Final = (
    "nftables",
    "libnftables1",
    "libnftnl11",
    "libmnl0",
    "libjansson4",
    "libxtables12",
    "libedit2",
    "libgmp10",
    "libbsd0",
    "libmd0",
    "libtinfo6",
)
"""nft and every library it loads, but the C library."""
TOOLS: Final = Path(__file__).resolve().parents[1] / ".tools"
HOME: Final = TOOLS / "nft-debian"
SEARCHED: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
START: Final = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
for folder in "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*; do
    LD_LIBRARY_PATH="$folder:$LD_LIBRARY_PATH"
done
export LD_LIBRARY_PATH
exec "$here/usr/sbin/nft" "$@"
"""


def main() -> int:
    """Brings it unless it is there; says in one line what it did where it did anything."""
    if HOME.is_dir() or shutil.which("nft", path=SEARCHED):
        return 0
    missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if missing:
        return _without(f"there is no {missing[0]}")
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="fetch-") as folder:
        try:
            _download(Path(folder))
            made = _unpack(Path(folder))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return _without(" ".join(str(error).split()))
        if not HOME.is_dir():
            os.rename(made, HOME)
    print(f"nft for the tests is in {os.path.relpath(HOME)}")
    return 0


def _without(reason: str) -> int:
    print(f"the tests go without an nft of their own: {reason}", file=sys.stderr)
    return 0


def _download(folder: Path) -> None:
    """By what apt knows; where it knows too little or what has gone since, by lists of its own, fetched for this."""
    try:
        _run("apt-get", "download", *PACKAGES, folder=folder)
    except ValueError:
        own = [f"-oDir::State::Lists={folder}/lists", f"-oDir::Cache={folder}/cache", "-oAPT::Sandbox::User="]
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        _run("apt-get", *own, "update", folder=folder)
        _run("apt-get", *own, "download", *PACKAGES, folder=folder)


def _unpack(folder: Path) -> Path:
    made = folder / "made"
    for package in sorted(folder.glob("*.deb")):
        _run("dpkg", "-x", str(package), str(made), folder=folder)
    started = made / "nft"
    started.write_text(START)
    started.chmod(0o755)
    _run(str(started), "--version", folder=folder)
    return made


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        what = " ".join([os.path.basename(command[0]), *command[1:2]])
        raise ValueError(f"`{what}` does not succeed: {said[-1] if said else f'it ended with {done.returncode}'}")


if __name__ == "__main__":
    sys.exit(main())
