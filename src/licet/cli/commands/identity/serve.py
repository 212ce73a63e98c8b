"""`licet identity serve`: the server, and this machine's node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from licet.cli.nodes import SOCKET, address, cluster, in_cluster
from licet.cli.options import epilog
from licet.cli.place import EXISTING, Where, placed
from licet.cli.watching import announce, watched

if TYPE_CHECKING:
    from licet.app.identity.watching import Watching


@click.command(
    "serve",
    epilog=epilog(
        [
            "licet identity serve --socket /run/licet/agent.sock",
            "licet identity serve --listen 0.0.0.0:8443 --join 0.0.0.0:8444",
            "licet identity serve --socket run/agent.sock --federation 0.0.0.0:8445",
        ],
        ["0    stopped by SIGTERM or SIGINT", "2    the input or the environment is wrong"],
    ),
)
@click.option("--socket", type=SOCKET, metavar="PATH", help="The Workload API and SDS of this machine.")
@click.option("--listen", default="", metavar="HOST:PORT", help="For agents, by mutual TLS. Needs --join.")
@click.option("--join", default="", metavar="HOST:PORT", help="For agents that come for their first certificate.")
@click.option("--federation", default="", metavar="HOST:PORT", help="The bundle, for other trust domains.")
@click.option("--federation-certificate", type=EXISTING, metavar="FILE", help="A web certificate: `https_web`.")
@click.option("--federation-key", type=EXISTING, metavar="FILE", help="Its key. Without both, `https_spiffe`.")
@click.option("--web-roots", type=EXISTING, metavar="FILE", help="Authorities of others' web certificates, in PEM.")
@click.option("--cluster", "cluster_name", default="", metavar="NAME", help="The cluster, in names of its agents.")
@click.option(
    "--agent-account", "agents", multiple=True, metavar="NAMESPACE:NAME", help="Service accounts that may be agents."
)
@in_cluster
@watched
@placed("table")
def command(
    where: Where,
    socket: Path | None,
    listen: str,
    join: str,
    federation: str,
    federation_certificate: Path | None,
    federation_key: Path | None,
    web_roots: Path | None,
    cluster_name: str,
    agents: tuple[str, ...],
    kubernetes: str,
    node: str,
    watching: Watching | None,
) -> None:
    """Run the server, and the Workload API of this machine.

    Workloads are told apart by what the kernel says of them, and by their pods where Kubernetes is named. Nothing
    listens on the network unless asked to.
    """
    import asyncio

    from licet.app.identity.federating import BundleEndpoint
    from licet.app.identity.serving import Ports, Serving, serve

    if bool(listen) != bool(join):
        raise click.UsageError("`--listen` and `--join` go together")
    if agents and not (cluster_name and kubernetes):
        raise click.UsageError("`--agent-account` needs `--kubernetes` and `--cluster`")
    if not (socket or listen or federation):
        raise click.UsageError("nothing to serve: name a `--socket`, or ports to `--listen` and `--join` at")
    endpoint = None
    if federation:
        endpoint = BundleEndpoint(*address(federation), "/", federation_certificate, federation_key)
    serving = Serving(
        place=where.place,
        socket=socket,
        ports=Ports(listen, join) if listen else None,
        endpoint=endpoint,
        web_roots=web_roots,
        cluster=cluster(kubernetes, node),
        cluster_name=cluster_name,
        agents=agents,
        watching=watching,
    )
    asyncio.run(serve(serving, announce))
