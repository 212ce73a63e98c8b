"""`licet ask`: do assertions hold?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import msgspec

from licet.analysis import ask
from licet.analysis.ask import Answer
from licet.analysis.reach import reach
from licet.app.assertions import load_assertions
from licet.app.load import Loaded, Tell
from licet.app.report import Spans
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import asked, findings
from licet.cli.session import Session
from licet.diag.render import junit, terminal
from licet.diag.render.json import findings as json_findings
from licet.diag.report import Report
from licet.sources.standard_input import read_once


@click.command(
    "ask",
    epilog=epilog(
        [
            "licet ask asks.yaml k8s                       what is asserted of a folder",
            "licet ask asks.yaml k8s -o junit > ask.xml    for continuous integration",
            "licet ask asks.yaml k8s -o github             as annotations of a workflow",
        ],
        [
            "0    all assertions hold",
            "1    one fails, or findings at or above --fail-on",
            "2    the input or the usage is wrong",
        ],
    ),
)
@click.argument("file", metavar="FILE")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@every_command("table", "json", *findings.FORMATS)
def command(options: Options, file: str, paths: tuple[str, ...]) -> int:
    """Check assertions kept beside the manifests.

    FILE holds `Assertions`: each has a name and says that connections are denied (`deny`), allowed (`allow`), or come
    from nobody else (`only`). Whatever is undetermined does not hold. A failure comes with a witness and its cause.
    """
    read_once(file, *dict.fromkeys(paths), options.platform)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, list[Answer]]:
        told = load_assertions(file)
        loaded = session.load(paths, tell)
        tell("answering")
        both = msgspec.structs.replace(
            loaded,
            diagnostics=(*loaded.diagnostics, *told.diagnostics),
            texts={**loaded.texts, **told.texts},
        )
        return both, ask.ask(reach(loaded.cluster, session.profile), told.assertions)

    loaded, answers = session.work(answer)
    reasons = [ask.findings([one]) for one in answers]
    more = [finding for found in reasons for finding in found]
    report = session.report(loaded, more, whole=options.output != "table")
    cases = _cases(report, answers, [len(found) for found in reasons], session)
    session.write(_render(session, report, loaded, answers, cases))
    return int(report.reaches(session.fail_on) or not all(one.holds for one in answers))


def _cases(report: Report, answers: Sequence[Answer], numbers: Sequence[int], session: Session) -> list[junit.Case]:
    """A test an assertion, and one for each finding on the manifests."""
    own = len(report.findings) - sum(numbers)
    manifests = junit.cases(Report(report.findings[:own], report.texts), session.fail_on) if own else []
    return [*manifests, *asked.cases(answers, asked.split(report, numbers))]


def _render(
    session: Session, report: Report, loaded: Loaded, answers: Sequence[Answer], cases: Sequence[junit.Case]
) -> Iterator[str]:
    match session.options.output:
        case "table":
            every = session.options.verbose
            yield terminal.render(report, paint=session.paint, width=session.width, every=every)
            yield from asked.render(answers, paint=session.paint)
            yield f"\n{session.paint.strong(asked.summary(answers))}\n"
        case "json":
            spans = Spans(loaded.texts)
            yield asked.render_json(answers, spans, session.profile.name, json_findings(report))
        case "junit":
            yield junit.render(cases)
        case form:
            yield findings.render(report, form, session.fail_on)
