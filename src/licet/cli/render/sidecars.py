"""Where manifests with or without sidecars are written to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click
import msgspec

from licet.app.load import Loaded
from licet.app.mesh.injecting import Sidecars, stream, written
from licet.cli.session import Session
from licet.diag.render import terminal


def place() -> Callable[[Any], Any]:
    """Add `--out` and `--in-place`."""

    def add(function: Any) -> Any:
        function = click.option("--in-place", is_flag=True, help="Change the files themselves.")(function)
        return click.option("--out", metavar="DIR", help="The folder to write into; without one all is printed.")(
            function
        )

    return add


def put(session: Session, loaded: Loaded, made: Sidecars, out: str | None, *, in_place: bool) -> int:
    """Write the texts and tell what was found; 1 comes back where that is bad enough."""
    if out is not None and in_place:
        raise click.UsageError("`--out` and `--in-place` are two places: give one")
    if out is None and not in_place:
        session.write(stream(made.after.values()))
    else:
        written(made, out)
    told = msgspec.structs.replace(loaded, diagnostics=(*loaded.diagnostics, *made.diagnostics))
    failed = session.tell(told)
    if not session.options.quiet:
        count = terminal.counted(len(made.workloads), "workload")
        sys.stderr.write(f"{count}, {terminal.counted(len(made.changed), 'file')} changed\n")
    return failed
