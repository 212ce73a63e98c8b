"""`licet mesh status`: workloads, their sidecars, and how far each is enforced."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "status",
    epilog=epilog(
        ["licet mesh status", "licet mesh status k8s -o json"],
        ["0    always", "2    no trust domain is there, or the input is wrong"],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--platform", metavar="FILE", help="A `Platform`: facts of the cluster that no manifest holds.")
@click.option("-n", "--namespace", default="default", metavar="NAME", help="The namespace of objects that name none.")
@placed(keys=False)
def command(where: Where, paths: tuple[str, ...], platform: str | None, namespace: str) -> None:
    """Which sidecars are known, and which workloads are held back.

    With the contracts in PATH, also how far each instance is enforced. Needs no sealing secret, and changes nothing.
    """
    from licet.app.identity.domain import stored
    from licet.app.load import Setting
    from licet.app.mesh.declared import read
    from licet.app.mesh.status import status
    from licet.cli.render.mesh import table, value
    from licet.sources.settings import settings

    setting = Setting(settings(None), namespace, platform)
    declared = read(paths, setting, str(stored(where.place).trust_domain)) if paths else None
    found = status(where.place, declared)
    where.write(table(found), lambda: value(found))
