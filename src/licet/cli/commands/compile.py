"""`licet compile`: contracts to policies."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import msgspec

from licet.app.compilation import Compilation, compilation, stream
from licet.app.earlier import charge
from licet.app.load import Loaded, Tell
from licet.app.moment import moment
from licet.app.policy_folder import Changes, apply, changes, changes_among
from licet.cli.options import Options, epilog, every_command, once
from licet.cli.render import fidelity, findings
from licet.cli.session import Session
from licet.compile.table import NETWORK_POLICY
from licet.compile.targets import TARGETS
from licet.diag.render.json import findings as json_findings
from licet.diag.report import Report
from licet.sources.standard_input import read_once


@click.command(
    "compile",
    epilog=epilog(
        [
            "licet compile k8s --out policies              a policy a contract, proved",
            "licet compile k8s | kubectl diff -f -         what changes in the cluster",
            "licet compile k8s --out policies --diff       what changes in the folder",
        ],
        [
            "0    written and proved: what is permitted is what was agreed",
            "1    findings at or above --fail-on, not proved, or --diff shows a change",
            "2    the input or the usage is wrong, or there is no contract",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    multiple=True,
    default=[NETWORK_POLICY],
    callback=once,
    help="What enforces the edges.",
)
@click.option("--out", metavar="DIR", help="The folder to write into; without one the policies are printed.")
@click.option("--at", metavar="TIME", help="The time that decides what has expired, in RFC 3339 (default: now).")
@click.option("--widen", is_flag=True, help="Let more through where the target cannot say an edge exactly.")
@click.option("--diff", "compare", is_flag=True, help="Write nothing: show what would change.")
@every_command("table", "json", *findings.FORMATS)
def command(
    options: Options, paths: tuple[str, ...], target: str, out: str | None, at: str | None, widen: bool, compare: bool
) -> int:
    """Contracts to policies that let through what is agreed, and nothing else.

    What is written is read back and compared with what was agreed, together with every other policy in PATH. All files
    are written, or none: an error in contracts or manifests leaves the folder as it is. A file that licet compiled
    before for the same target and no longer compiles is removed where all is proved, PATH holds contracts of its
    namespace, and the contract behind it was in PATH; otherwise it stays, and is told of.
    """
    read_once(*dict.fromkeys(paths), options.platform)
    time = moment(at)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, Compilation, Changes]:
        loaded = session.load(paths, tell)
        tell("compiling")
        own = charge(loaded, paths)
        done = compilation(loaded, target, time, session.profile, widen=widen, charge=own)
        if done.proof is None:
            return loaded, done, Changes()
        if out is not None:
            return loaded, done, changes(out, done.files, target, own, proved=done.proof.holds)
        return loaded, done, changes_among(loaded.texts, done.files, target, own)

    loaded, done, found = session.work(answer)
    if out is not None and not compare:
        apply(out, found)
    texts = {**loaded.texts, **{text.source: text for text in done.files.values()}}
    told = msgspec.structs.replace(
        loaded, diagnostics=(*loaded.diagnostics, *done.diagnostics, *found.told), texts=texts
    )
    report = session.report(told, whole=options.output != "table")
    session.write(_render(session, done, found, report, printed=out is None, compare=compare))
    if options.output == "table":
        session.tell(told)
    proved = done.proof is not None and done.proof.holds
    return int(report.reaches(session.fail_on) or not proved or (compare and bool(found.changes)))


def _render(
    session: Session, done: Compilation, found: Changes, report: Report, *, printed: bool, compare: bool
) -> Iterator[str]:
    match session.options.output:
        case "table":
            answer = "".join(fidelity.render(done, found.changes, width=session.width, paint=session.paint))
            if compare:
                yield from fidelity.render_changes(found.changes)
            elif printed:
                yield stream(done.files.values())
            else:
                yield answer
                return
            if not session.options.quiet:
                sys.stderr.write(answer)
        case "json":
            told = json_findings(report)
            yield fidelity.render_json(done, found.changes, session.profile.name, told, objects=printed)
        case form:
            yield findings.render(report, form, session.fail_on)
