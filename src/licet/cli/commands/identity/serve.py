"""`licet identity serve`: the server, and this machine's node."""

from __future__ import annotations

from pathlib import Path

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "serve",
    epilog=epilog(
        [
            "licet identity serve --socket /run/licet/agent.sock",
            "licet identity serve --database postgresql://licet@db/licet --listen 0.0.0.0:8443 --join 0.0.0.0:8444",
        ],
        ["0    stopped by SIGTERM or SIGINT", "2    the input or the environment is wrong"],
    ),
)
@click.option(
    "--socket", type=click.Path(path_type=Path), metavar="PATH", help="The Workload API and SDS of this machine."
)
@placed("table")
def command(where: Where, socket: Path | None) -> None:
    """Run the server, and the Workload API of this machine.

    Workloads are told apart by what the kernel says of them, and get what entries say. Logs are JSON on standard error.
    """
    import asyncio

    from licet.app.identity.serving import Serving, serve

    asyncio.run(
        serve(Serving(place=where.place, socket=socket), lambda address: where.tell(f"serving {address or 'agents'}"))
    )
