"""Makes the Python of every `.proto` under `src`, beside it: `python tools/generate_stubs.py [--out DIR]`.

What it makes is committed, so that neither a user nor a build needs a compiler; a test says when it is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import grpc_tools  # type: ignore[import-untyped]
from grpc_tools import protoc

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"


def protos() -> list[Path]:
    """Every `.proto` of the package, relative to `src`."""
    return sorted(path.relative_to(SOURCE) for path in SOURCE.glob("licet/**/*.proto"))


def generate(proto: Path, out: Path) -> list[Path]:
    """Write the messages of `proto`, their types, and stubs where it has a service; says what was written."""
    beside = Path(sys.executable).parent
    serves = any(line.startswith("service ") for line in (SOURCE / proto).read_text().splitlines())
    arguments = [
        "protoc",
        f"-I{SOURCE}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        f"--plugin=protoc-gen-mypy={beside / 'protoc-gen-mypy'}",
        f"--python_out={out}",
        f"--mypy_out={out}",
    ]
    endings = ["_pb2.py", "_pb2.pyi"]
    if serves:
        arguments += [
            f"--plugin=protoc-gen-mypy_grpc={beside / 'protoc-gen-mypy_grpc'}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out={out}",
        ]
        endings += ["_pb2_grpc.py", "_pb2_grpc.pyi"]
    if protoc.main([*arguments, str(proto)]) != 0:
        raise SystemExit(f"`{proto}` could not be compiled")
    return [proto.with_name(proto.stem + ending) for ending in endings]


def main() -> None:
    """Generate everything, into the source tree unless told elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SOURCE)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for proto in protos():
        for path in generate(proto, out):
            print(path)


if __name__ == "__main__":
    main()
