"""`licet policies`: rules that do nothing, or not what they seem to do."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec

from licet.analysis.lint import lint
from licet.analysis.reach import reach
from licet.app.load import Loaded, Tell
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import findings
from licet.cli.session import Session
from licet.diag.diagnostic import Diagnostic
from licet.diag.render import terminal
from licet.diag.render.json import Finding, encode
from licet.diag.render.json import findings as json_findings
from licet.diag.report import Report
from licet.manifest.decode.findings import UNKNOWN_KIND, UNKNOWN_TEMPLATE
from licet.sources.standard_input import read_once

SCHEMA = "licet.dev/policies/v1"


class JsonPolicies(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer: how many policies were looked at, and what was found of them and of the manifests."""

    profile: str
    policies: int
    findings: list[Finding]


@click.command(
    "policies",
    epilog=epilog(
        [
            "licet policies k8s                            the policies below a folder",
            "licet policies k8s --fail-on warning -o junit for continuous integration",
            "licet policies -o sarif > licet.sarif         for code scanning",
        ],
        [
            "0    nothing at or above --fail-on; what was found is told all the same",
            "1    findings at or above --fail-on",
            "2    the input or the usage is wrong",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@every_command("table", "json", *findings.FORMATS)
def command(options: Options, paths: tuple[str, ...]) -> int:
    """Rules that are unused, shadowed, empty, equal or tied.

    Each is valid and does nothing, or not what it seems to do: a policy that selects no pod, a peer that is nobody, a
    rule that others make superfluous, two policies of equal priority that disagree.
    """
    read_once(*dict.fromkeys(paths), options.platform)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, list[Diagnostic]]:
        loaded = session.load(paths, tell)
        tell("answering")
        unread = any(finding.code in (UNKNOWN_KIND, UNKNOWN_TEMPLATE) for finding in loaded.diagnostics)
        return loaded, lint(reach(loaded.cluster, session.profile), unread)

    loaded, found = session.work(answer)
    report = session.report(loaded, found, whole=options.output != "table")
    session.write(_render(session, report, loaded))
    return int(report.reaches(session.fail_on))


def _render(session: Session, report: Report, loaded: Loaded) -> Iterator[str]:
    number = len(loaded.cluster.network_policies) + len(loaded.cluster.cluster_policies)
    match session.options.output:
        case "table":
            yield terminal.render(report, paint=session.paint, width=session.width, every=session.options.verbose)
            policies = f"{number:,} {'policy' if number == 1 else 'policies'}"
            if not session.options.quiet:
                yield session.closing(report, policies) + "\n"
        case "json":
            yield encode(JsonPolicies(session.profile.name, number, json_findings(report)))
        case form:
            yield findings.render(report, form, session.fail_on)
