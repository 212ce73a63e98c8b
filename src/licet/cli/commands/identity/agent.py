"""`licet identity agent`: the node of another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from licet.cli.nodes import SOCKET, cluster, in_cluster
from licet.cli.options import epilog
from licet.cli.place import EXISTING, Where, homed
from licet.cli.watching import announce, watched

if TYPE_CHECKING:
    from licet.app.identity.watching import Watching


@click.command(
    "agent",
    epilog=epilog(
        [
            "licet identity agent --trust-domain shop.example --trust-bundle roots.pem \\",
            "    --server ca:8443 --join ca:8444 --join-token-file token \\",
            "    --socket /run/licet/agent.sock",
        ],
        ["0    stopped by SIGTERM or SIGINT", "2    the input is wrong, or the server lets this node in no more"],
    ),
)
@click.option("--trust-domain", required=True, metavar="NAME", help="The domain whose servers these are.")
@click.option("--server", "servers", multiple=True, required=True, metavar="HOST:PORT", help="Where agents are served.")
@click.option("--join", "doors", multiple=True, metavar="HOST:PORT", help="Where agents get their first certificate.")
@click.option("--join-token-file", type=EXISTING, metavar="FILE", help="A token of `licet identity agents token`.")
@click.option(
    "--kubernetes-token", type=EXISTING, metavar="FILE", help="A service-account token projected for `licet`."
)
@click.option("--trust-bundle", type=EXISTING, metavar="FILE", help="Roots, in PEM or as a SPIFFE bundle.")
@click.option("--bootstrap-pin", "pins", multiple=True, metavar="SHA256", help="The pin of a root, instead of a file.")
@click.option("--socket", type=SOCKET, required=True, metavar="PATH", help="The Workload API and SDS.")
@in_cluster
@watched
@homed("The folder that keeps this agent's certificate and key, in `agent`.")
def command(
    where: Where,
    trust_domain: str,
    servers: tuple[str, ...],
    doors: tuple[str, ...],
    join_token_file: Path | None,
    kubernetes_token: Path | None,
    trust_bundle: Path | None,
    pins: tuple[str, ...],
    socket: Path,
    kubernetes: str,
    node: str,
    watching: Watching | None,
) -> None:
    """Run the Workload API of another machine, fed by a server.

    The agent proves its node once, by a join token or a service-account token, and goes by its certificate from then
    on, which is kept in the folder. Servers are known by roots that you bring, never by what they say first.
    """
    import asyncio

    from licet.app.identity.agency import Agency, attend
    from licet.identity.node import bootstrap
    from licet.identity.spiffeid import TrustDomain

    if trust_bundle and pins:
        raise click.UsageError("`--trust-bundle` and `--bootstrap-pin` say the same: give one of them")
    domain = TrustDomain(trust_domain)
    trust: bootstrap.Trust | None = None
    if trust_bundle:
        trust = bootstrap.given(trust_bundle, domain)
    elif pins:
        trust = bootstrap.pinned(*pins)
    agency = Agency(
        home=where.data / "agent",
        trust_domain=domain,
        servers=servers,
        doors=doors,
        socket=socket,
        trust=trust,
        join_token=join_token_file,
        kubernetes_token=kubernetes_token,
        cluster=cluster(kubernetes, node),
        watching=watching,
    )
    asyncio.run(attend(agency, announce))
