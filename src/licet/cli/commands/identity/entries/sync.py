"""`licet identity entries sync`: entries from contracts."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "sync",
    epilog=epilog(
        ["licet identity entries sync k8s", "licet identity entries sync k8s --dry-run"],
        ["0    done", "1    the manifests have errors, and nothing was changed", "2    the input is wrong"],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--platform", metavar="FILE", help="A `Platform`: facts of the cluster that no manifest holds.")
@click.option("-n", "--namespace", default="default", metavar="NAME", help="The namespace of objects that name none.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@placed()
def command(where: Where, paths: tuple[str, ...], platform: str | None, namespace: str, dry_run: bool) -> int:
    """Register what contracts and manifests say.

    Each service account of a contracted workload gets `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, known by the namespace
    and the service account of its pods. Entries whose contract is gone are removed; those made by hand stay.
    """
    from licet.app.identity.contracted import derive, synchronise
    from licet.app.identity.domain import stored
    from licet.app.identity.place import now
    from licet.app.identity.registration import listed
    from licet.app.load import Setting, load
    from licet.app.report import report
    from licet.cli.render import identity
    from licet.diag.diagnostic import Severity
    from licet.diag.render import terminal
    from licet.sources.settings import settings

    loaded = load(paths, Setting(settings(None), namespace, platform), lambda _: None)
    errors = [diagnostic for diagnostic in loaded.diagnostics if diagnostic.severity >= Severity.ERROR]
    if errors:
        click.echo(terminal.render(report(errors, loaded.texts, None)), err=True, nl=False)
        where.tell("nothing was changed")
        return 1
    derived = derive(loaded, stored(where.place).trust_domain, now())
    for name, workloads in derived.shared.items():
        where.tell(f"warning: {', '.join(workloads)} share `{name}` and cannot be told apart: give each its own")
    done = synchronise(where.place, derived.entries, dry_run=dry_run)
    text = "".join(
        f"{sign} {line}\n"
        for sign, entries in (("+", done.added), ("-", done.removed))
        for line in identity.entries(list(entries)).splitlines()
        if entries
    )
    where.write(
        text + f"{len(done.added)} added, {len(done.removed)} removed, {done.kept} as they were\n",
        lambda: {
            "schema": "licet.dev/entries-sync/v1",
            "added": listed(done.added)["entries"],
            "removed": listed(done.removed)["entries"],
            "kept": done.kept,
        },
    )
    return 0
