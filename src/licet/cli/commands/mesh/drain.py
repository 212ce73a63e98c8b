"""`licet mesh drain`: a sidecar that is about to end."""

from __future__ import annotations

import click

from licet.cli.options import SECONDS, epilog


@click.command(
    "drain",
    epilog=epilog(
        ["licet mesh drain --admin /run/licet/config/admin.sock --seconds 15"],
        ["0    done", "2    there is no Envoy that could be told"],
    ),
)
@click.option("--admin", required=True, metavar="SOCKET", help="Where Envoy's own administration listens.")
@click.option("--seconds", type=SECONDS, default=15.0, show_default=True, metavar="SECONDS", help="How long to wait.")
def command(admin: str, seconds: float) -> int:
    """Have a sidecar tell its callers that it ends, and wait.

    It goes on answering meanwhile: callers come back on new connections, to other instances.
    """
    from licet.app.mesh.starting import drain

    drain(admin, seconds)
    return 0
