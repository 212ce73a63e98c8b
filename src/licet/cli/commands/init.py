"""`licet init`: contracts drafted from what is there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
import msgspec

from licet.app.drafts import Plan, check_folder, plan, write
from licet.app.load import Loaded, Tell
from licet.cli.options import Options, epilog, every_command
from licet.cli.session import Session
from licet.diag.render import terminal
from licet.diag.render.json import Finding, encode

SCHEMA = "licet.dev/init/v1"


class JsonInit(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """What was written: files that are new, files that were added to, contracts that needed no change."""

    created: list[str]
    updated: list[str]
    kept: int
    findings: list[Finding]


@click.command(
    "init",
    epilog=epilog(
        [
            "licet init k8s --out contracts                 a file a workload",
            "helm template . | licet init - --out contracts  whatever renders manifests",
            "licet init k8s --out contracts --dry-run       what would be written",
        ],
        [
            "0    written, or nothing to write",
            "1    findings at or above --fail-on; what could be written was",
            "2    the input or the usage is wrong; nothing was written",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--out", metavar="DIR", required=True, help="Where contracts are kept; nothing is written elsewhere.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@every_command("table", "json")
def command(options: Options, paths: tuple[str, ...], out: str, dry_run: bool) -> int:
    """Draft contracts from manifests, or add to those there are.

    Whom a workload calls is read from its variables, arguments, files and existing policies; whom it serves from ports,
    Services, routes and those who call it. Every drafted entry says where that stands. Run again, it adds what is new;
    what people wrote stays as it is.
    """
    session = Session(options)
    check_folder(out)

    def answer(tell: Tell) -> tuple[Loaded, Plan]:
        loaded = session.load((*(paths or (".",)), *_kept(out)), tell, keep=True)
        tell("drafting")
        return loaded, plan(loaded, out, namespace=session.namespace)

    loaded, made = session.work(answer)
    if not dry_run:
        write(made.files)
    loaded = msgspec.structs.replace(loaded, diagnostics=(*loaded.diagnostics, *made.diagnostics))
    session.write(_render(session, loaded, made, dry_run=dry_run))
    return session.tell(loaded)


def _kept(out: str) -> list[str]:
    """The contracts that are there already."""
    found: list[str] = []
    for folder, folders, files in os.walk(out):
        folders.sort()
        found += [os.path.join(folder, file) for file in sorted(files) if file.endswith((".yaml", ".yml", ".json"))]
    return found


def _render(session: Session, loaded: Loaded, made: Plan, *, dry_run: bool) -> Iterator[str]:
    created = [file.path for file in made.files if file.new]
    updated = [file.path for file in made.files if not file.new]
    if session.options.output == "json":
        yield encode(JsonInit(created, updated, made.kept, session.json_findings(loaded)))
        return
    would = "would be " if dry_run else ""
    for path in created:
        yield f"{would}created {path}\n"
    for path in updated:
        yield f"{would}updated {path}\n"
    if not session.options.quiet:
        files = [terminal.counted(len(created), "contract") + " drafted", f"{len(updated)} added to"]
        yield f"{', '.join(files)}, {made.kept} unchanged\n"
