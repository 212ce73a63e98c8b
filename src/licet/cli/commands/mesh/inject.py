"""`licet mesh inject`: manifests with sidecars."""

from __future__ import annotations

import click

from licet.cli.control import controlled
from licet.cli.options import Options, epilog, every_command
from licet.cli.render.sidecars import place, put
from licet.cli.session import Session
from licet.mesh.redirect import UID
from licet.mesh.sidecar import Capture


@click.command(
    "inject",
    epilog=epilog(
        [
            "licet mesh inject k8s --image I --control C ... --out injected    a folder beside it",
            "licet mesh inject k8s --image I --control C ... --in-place        the files themselves",
            "helm template . | licet mesh inject - contracts --image I ... | kubectl apply -f -",
        ],
        [
            "0    every workload that a contract binds has a sidecar, or all have",
            "1    findings at or above --fail-on: some have none; what could be written was",
            "2    the input or the usage is wrong; nothing was written",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--image", required=True, help="Licet's image, with Envoy and nft in it; best named by its digest.")
@controlled()
@click.option("--all", "everyone", is_flag=True, help="Also workloads that no contract binds: those refuse everything.")
@click.option(
    "--capture",
    type=click.Choice([each.value for each in Capture]),
    default=Capture.REDIRECTED.value,
    show_default=True,
    help="How traffic comes to the sidecar: by rules of the network, or because programs use its addresses.",
)
@click.option(
    "--redirect",
    "rules",
    type=click.Choice(["init", "node"]),
    default="init",
    show_default=True,
    help="Who applies those rules: a container with NET_ADMIN that ends at once, or an agent of the node.",
)
@click.option(
    "--identities",
    default="csi.spiffe.io",
    show_default=True,
    metavar="DRIVER|DIR",
    help="The CSI driver, or the folder of the node, with the socket of identities.",
)
@click.option("--socket", default="agent.sock", show_default=True, metavar="NAME", help="That socket's name.")
@click.option(
    "--lag",
    type=click.IntRange(0, 3600),
    default=15,
    show_default=True,
    metavar="SECONDS",
    help="How long load balancers may send to a pod that ends.",
)
@click.option("--uid", type=click.IntRange(1, 65533), default=UID, show_default=True, help="The sidecar's user.")
@place()
@every_command("yaml")
def command(
    options: Options,
    paths: tuple[str, ...],
    image: str,
    control: str,
    control_identity: str,
    everyone: bool,
    capture: str,
    rules: str,
    identities: str,
    socket: str,
    lag: int,
    uid: int,
    out: str | None,
    in_place: bool,
) -> int:
    """Put a sidecar into manifests.

    Every workload that a contract binds gets one; all else is written as it was read, with remarks and layout. Probes
    are led through the sidecar, which answers them without an identity; programs are asked to end only when load
    balancers have noticed, and have as long as before from there on. Run again, it changes nothing; run by a newer
    version, it brings that version's sidecar.

    Rules of the network lead the pod's traffic through the sidecar, so that programs need no change. They are applied
    by a container that ends before anything else starts and has NET_ADMIN, which the Pod Security Standards "baseline"
    and "restricted" do not allow; with `--redirect node` nothing in the pod needs a privilege.
    """
    from licet.app.mesh.injecting import bound, injecting
    from licet.app.mesh.starting import control_of
    from licet.mesh.inject.injection import Injection, Rules

    injection = Injection(
        image=image,
        control=control_of(control, control_identity),
        capture=Capture(capture),
        rules=Rules(rules),
        node=identities,
        socket=socket,
        lag=lag,
        uid=uid,
    )
    session = Session(options)
    loaded = session.work(lambda tell: session.load(paths, tell, keep=True))
    chosen = (lambda _: True) if everyone else bound(loaded)
    made = injecting(loaded, injection, chosen, session.settings.templates)
    return put(session, loaded, made, out, in_place=in_place)
