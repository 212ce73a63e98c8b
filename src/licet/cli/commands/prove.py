"""`licet prove`: is what is permitted what was agreed?"""

from __future__ import annotations

from collections.abc import Iterator

import click

from licet.app.load import Loaded, Tell
from licet.app.moment import moment
from licet.app.proving import Proved, proving
from licet.app.report import Spans
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import findings, proved
from licet.cli.session import Session
from licet.diag.render import terminal
from licet.diag.render.json import findings as json_findings
from licet.diag.report import Report


@click.command(
    "prove",
    epilog=epilog(
        [
            "licet prove k8s                               contracts and policies of a folder",
            "licet prove k8s --enforcer calico             what Calico makes of the policies",
            "licet prove k8s -o sarif > licet.sarif        for code scanning",
        ],
        [
            "0    proved: what is permitted is what was agreed",
            "1    not proved, or findings at or above --fail-on",
            "2    the input or the usage is wrong, or there is no contract",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--at", metavar="TIME", help="The time that decides what has expired, in RFC 3339 (default: now).")
@every_command("table", "json", *findings.FORMATS)
def command(options: Options, paths: tuple[str, ...], at: str | None) -> int:
    """Whether the policies permit what the contracts agree on, and nothing else.

    Every pair of endpoints of which one is default-deny is compared, pods included that no manifest holds. What differs
    is told with a witness, the rule that decides and its line; what the proof rests on is told as well.
    """
    time = moment(at)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, Proved]:
        loaded = session.load(paths, tell)
        tell("proving")
        return loaded, proving(loaded, time, session.profile)

    loaded, done = session.work(answer)
    report = session.report(loaded, done.diagnostics, whole=options.output != "table")
    session.write(_render(session, loaded, done, report))
    return int(report.reaches(session.fail_on) or not done.proof.holds)


def _render(session: Session, loaded: Loaded, done: Proved, report: Report) -> Iterator[str]:
    match session.options.output:
        case "table":
            yield terminal.render(report, paint=session.paint, width=session.width, every=session.options.verbose)
            yield from proved.render(done.proof, paint=session.paint)
        case "json":
            yield proved.render_json(done.proof, Spans(loaded.texts), json_findings(report))
        case form:
            yield findings.render(report, form, session.fail_on)
