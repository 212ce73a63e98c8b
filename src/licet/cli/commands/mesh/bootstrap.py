"""`licet mesh bootstrap`: what a sidecar is started with."""

from __future__ import annotations

import click

from licet.cli.control import controlled
from licet.cli.options import epilog
from licet.mesh.sidecar import Capture
from licet.model.key import Key


@click.command(
    "bootstrap",
    epilog=epilog(
        [
            "licet mesh bootstrap --group apps --kind Deployment --name cart --namespace shop \\",
            "    --pod cart-0 --address 10.1.2.3 --socket run/agent.sock --control /run/control.sock",
        ],
        ["0    written", "2    the input or the usage is wrong"],
    ),
)
@click.option("--cluster", default="", help="The cluster, where the Platform names one.")
@click.option("--group", default="", help="The API group of the workload's kind; none for pods.")
@click.option("--kind", required=True, help="The workload's kind.")
@click.option("--name", required=True, help="The workload's name.")
@click.option("--namespace", envvar="POD_NAMESPACE", required=True, help="Its namespace (also: $POD_NAMESPACE).")
@click.option("--pod", envvar="POD_NAME", required=True, help="The instance's name (also: $POD_NAME).")
@click.option("--address", envvar="POD_IP", required=True, help="Its IP address (also: $POD_IP).")
@click.option("--socket", required=True, metavar="PATH", help="The node's socket of identities.")
@controlled()
@click.option(
    "--capture",
    type=click.Choice([each.value for each in Capture]),
    default=Capture.REDIRECTED.value,
    show_default=True,
    help="How traffic comes to the sidecar.",
)
@click.option("--app", multiple=True, metavar="PORT=ADDRESS", help="Where the program listens that serves a port.")
@click.option("--exit", "exits", multiple=True, metavar="DESTINATION=ADDRESS", help="Where it finds what it calls.")
@click.option("--probe", multiple=True, metavar="PATH=URL", help="What a node may ask of the program.")
@click.option("--admin", default="", metavar="ADDRESS", help="Where Envoy's own administration listens; else nowhere.")
@click.option("--out", metavar="FILE", help="The file to write; without one it is printed.")
def command(
    cluster: str,
    group: str,
    kind: str,
    name: str,
    namespace: str,
    pod: str,
    address: str,
    socket: str,
    control: str,
    control_identity: str,
    capture: str,
    app: tuple[str, ...],
    exits: tuple[str, ...],
    probe: tuple[str, ...],
    admin: str,
    out: str | None,
) -> int:
    """Write what a sidecar is started with: for `envoy --config-path`.

    It holds who the sidecar is, where its identity comes from and who tells it the rest, and no secret.
    """
    from licet.app.mesh.starting import control_of, pairs, sidecar, write

    who = sidecar(
        Key(cluster, group, kind, namespace, name),
        pod,
        address,
        Capture(capture),
        pairs("--app", app),
        pairs("--exit", exits),
    )
    made = write(who, socket, control_of(control, control_identity), probe, admin=admin, out=out)
    if out is None:
        click.echo(made, nl=False)
    return 0
