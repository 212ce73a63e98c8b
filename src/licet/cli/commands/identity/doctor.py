"""`licet identity doctor`: what is wrong or will be, and what to do."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from licet.cli.nodes import SOCKET
from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "doctor",
    epilog=epilog(
        [
            "licet identity doctor",
            "licet identity doctor --socket /run/licet/agent.sock --deep",
            "licet identity doctor -o json --without-keys",
        ],
        ["0    nothing is wrong that is an error", "1    something is", "2    no trust domain is there"],
    ),
)
@click.option("--socket", type=SOCKET, metavar="PATH", help="Call this Workload API too, as a workload does.")
@click.option("--deep", is_flag=True, help="Verify the whole log, not just its end.")
@click.option("--without-keys", is_flag=True, help="Do not open keys: no secret is asked for.")
@placed("table", "json")
def command(where: Where, socket: Path | None, deep: bool, without_keys: bool) -> int:
    """Look for what is wrong or will be, and say what to do.

    Looks at keys, certificates, rotation, clocks, the log, other domains, nodes, entries, files and room. Changes
    nothing, and may run beside a server.
    """
    from licet.app.identity.doctor import Wanted, examine
    from licet.diag.diagnostic import Severity
    from licet.diag.render import json, terminal
    from licet.diag.render.paint import Paint
    from licet.diag.report import Report

    report = Report(examine(where.place, Wanted(socket, deep, not without_keys)))
    if where.output == "json":
        sys.stdout.write(json.render(report))
    else:
        paint = Paint(sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
        width = max(shutil.get_terminal_size((100, 24)).columns, 20)
        sys.stdout.write(terminal.render(report, paint=paint, width=width, every=True))
        where.tell(f"Found {terminal.count(report) or 'nothing wrong'}.")
    return int(report.reaches(Severity.ERROR))
