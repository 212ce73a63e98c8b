"""`licet mesh serve`: the control plane."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licet.cli.nodes import SOCKET, address, cluster, in_cluster
from licet.cli.options import epilog
from licet.cli.place import Where, placed
from licet.cli.watching import announce, watched

if TYPE_CHECKING:
    from licet.app.identity.watching import Watching


@click.command(
    "serve",
    epilog=epilog(
        [
            "licet mesh serve k8s --socket /run/licet/control.sock",
            "licet mesh serve k8s --listen 0.0.0.0:15010 --metrics 127.0.0.1:9090",
            "licet mesh serve k8s --socket run/control.sock --decisions /run/licet/decisions.sock \\",
            "    --gateway spiffe://shop.example/ns/infra/sa/gateway",
        ],
        [
            "0    stopped by SIGTERM or SIGINT",
            "1    the contracts have errors",
            "2    the input or the environment is wrong",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--platform", metavar="FILE", help="A `Platform`: facts of the cluster that no manifest holds.")
@click.option("-n", "--namespace", default="default", metavar="NAME", help="The namespace of objects that name none.")
@click.option("--socket", type=SOCKET, metavar="PATH", help="For sidecars of this machine, whom the kernel knows.")
@click.option("--listen", default="", metavar="HOST:PORT", help="For sidecars elsewhere, by mutual TLS.")
@click.option(
    "--server-name",
    default="",
    metavar="NAME",
    help="What tells this control plane from others over the same database (default: of the machine and the sockets).",
)
@click.option(
    "--connection-age",
    type=click.IntRange(10, 86400),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="How long a connection may live.",
)
@click.option("--collector", default="", metavar="HOST:PORT", help="Where sidecars send spans (OTLP over gRPC).")
@click.option("--gateway", "gateways", multiple=True, metavar="SPIFFE-ID", help="Who may ask about every workload.")
@click.option(
    "--decisions",
    default="",
    metavar="HOST:PORT|PATH",
    help="Answer AuthZEN questions: on a socket, or at a port where they are signed.",
)
@click.option(
    "--rollback/--no-rollback",
    default=True,
    show_default=True,
    help="Hold a workload at Shadow whose enforcement breaks what was in use.",
)
@in_cluster
@watched
@placed("table")
def command(
    where: Where,
    paths: tuple[str, ...],
    platform: str | None,
    namespace: str,
    socket: Path | None,
    listen: str,
    server_name: str,
    connection_age: int,
    collector: str,
    gateways: tuple[str, ...],
    decisions: str,
    rollback: bool,
    kubernetes: str,
    node: str,
    watching: Watching | None,
) -> int:
    """Run the control plane: tell sidecars what contracts and manifests in PATH agree to.

    Files are followed, and so are revocations and steps of the trust domain; what has errors is told of and not
    applied. Nothing listens on the network unless asked to. Several may serve one database, each with a name.
    """
    import asyncio

    from licet.app.load import Setting
    from licet.app.mesh.serving import Serving, declared, serve
    from licet.app.report import report
    from licet.diag.render import terminal
    from licet.identity.spiffeid import parse
    from licet.mesh.fleet import Settings
    from licet.sources.settings import settings

    if not (socket or listen):
        raise click.UsageError("nothing to serve: name a `--socket`, or a port to `--listen` at")
    if "-" in paths:
        raise click.UsageError("standard input cannot be followed: name files or folders")
    for each in (listen, collector, "" if decisions.startswith("/") else decisions):
        if each:
            address(each)
    serving = Serving(
        place=where.place,
        paths=paths or (".",),
        setting=Setting(settings(None), namespace, platform),
        socket=socket,
        listen=listen,
        server=server_name,
        settings=Settings(connection_age=timedelta(seconds=connection_age), collector=collector),
        gateways=frozenset(str(parse(each)) for each in gateways),
        decisions=decisions,
        cluster=cluster(kubernetes, node),
        rollback=rollback,
        watching=watching,
    )
    first = declared(serving)
    if errors := first.errors:
        click.echo(terminal.render(report(errors, first.loaded.texts)), err=True, nl=False)
        where.tell("nothing is served")
        return 1
    asyncio.run(serve(serving, first, announce))
    return 0
