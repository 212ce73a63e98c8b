"""`licet check`: what stands in the way of a change."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
import msgspec

from licet.app import owners
from licet.app.drafts import Planned, write
from licet.app.gate import Change, Gate, gate
from licet.app.load import Loaded, Tell
from licet.app.moment import moment
from licet.checks import baseline as known
from licet.checks.ownership import Guards, codeowners
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import findings
from licet.cli.session import Session
from licet.diag.render import terminal
from licet.diag.render.json import Finding, encode
from licet.diag.render.json import findings as json_findings
from licet.diag.render.visible import visible
from licet.sources import SourceError

SCHEMA = "licet.dev/check/v1"


class JsonChange(msgspec.Struct, frozen=True):
    """Edges that are newly agreed since the base, and those that are no longer."""

    more: tuple[str, ...]
    less: tuple[str, ...]


class JsonCheck(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer. `proved` is null where there was no contract to prove, `change` where no base was given."""

    profile: str
    contracts: int
    proved: bool | None
    suppressed: int
    known: int
    findings: list[Finding]
    change: JsonChange | None = None


@click.command(
    "check",
    epilog=epilog(
        [
            "licet check k8s                               contracts, manifests and policies below a folder",
            "licet check k8s --fix                         add what contracts do not declare yet, for review",
            "licet check k8s --base main -o markdown       what a pull request changes, as a comment",
            "licet check k8s --write-baseline known.json   set aside what is found today",
            "licet check k8s --baseline known.json         and from then on fail on what is new",
        ],
        [
            "0    nothing at or above --fail-on; what was found is told all the same",
            "1    findings at or above --fail-on",
            "2    the input or the usage is wrong",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--fix", is_flag=True, help="Add undeclared calls to the contracts of their callers.")
@click.option("--base", metavar="REV", help="The path or git revision that this is a change of.")
@click.option("--baseline", metavar="FILE", help="Findings that are known and not held against this change.")
@click.option("--write-baseline", metavar="FILE", help="Write what is found as the baseline, and fail on nothing.")
@click.option("--write-codeowners", is_flag=True, help="Put each contract's file under its owner in CODEOWNERS.")
@click.option("--at", metavar="TIME", help="The time that decides what has expired, in RFC 3339 (default: now).")
@every_command("table", "json", *findings.FORMATS)
def command(
    options: Options,
    paths: tuple[str, ...],
    fix: bool,
    base: str | None,
    baseline: str | None,
    write_baseline: str | None,
    write_codeowners: bool,
    at: str | None,
) -> int:
    """Contracts against manifests against policies, in one run, for pull requests.

    A call that a manifest makes and no contract declares, a call that its callee does not admit, a port that nobody
    serves, a policy that permits what nobody agreed to: each is found with its line, the other side's line and the way
    out. A comment `# licet: ignore CODE until DATE: why`, or the annotation `licet.dev/ignore`, sets one finding aside.
    """
    time = moment(at)
    session = Session(options)
    old = _baseline(baseline)

    def answer(tell: Tell) -> tuple[Loaded, Gate, Guards | None]:
        loaded = session.load(paths, tell)
        before = session.load_version(base, tell) if base is not None else None
        tell("checking")
        guards = owners.guards(loaded.texts, session.settings.owners)
        found = gate(
            loaded, session.profile, time, namespace=session.namespace, guards=guards, baseline=old, before=before
        )
        return loaded, found, guards

    loaded, found, guards = session.work(answer)
    if write_codeowners:
        _write_codeowners(loaded, guards)
        loaded, found, guards = session.work(answer)
    if write_baseline is not None:
        data = known.encode(known.baseline(found.sifted))
        write([Planned(write_baseline, data, new=not os.path.exists(write_baseline))])
        return 0
    session.write(_render(session, found, loaded))
    return int(found.report.reaches(session.fail_on))


def _baseline(file: str | None) -> known.Baseline | None:
    if file is None:
        return None
    try:
        with open(file, "rb") as stream:
            return known.decode(stream.read())
    except ValueError as error:
        raise SourceError(f"`{file}` is no baseline: {error}", "write it with `--write-baseline`") from error


def _write_codeowners(loaded: Loaded, guards: Guards | None) -> None:
    if guards is None:
        raise SourceError("there is no git repository here", "run where CODEOWNERS is to be")
    file = owners.target(guards)
    text = codeowners(loaded.contracts.contracts, guards)
    if text != guards.text:
        write([Planned(file, text.encode(), new=not os.path.exists(file))])


def _render(session: Session, found: Gate, loaded: Loaded) -> Iterator[str]:
    match session.options.output:
        case "table":
            every = session.options.verbose
            yield terminal.render(found.report, paint=session.paint, width=session.width, every=every)
            yield from _changed(found.change)
            if not session.options.quiet:
                yield from _aside(found)
                yield session.closing(found.report, _scope(loaded)) + "\n"
        case "json":
            proved = None if found.proof is None else found.proof.holds
            contracts = len(loaded.contracts.contracts)
            rows = json_findings(found.report)
            change = None if found.change is None else JsonChange(found.change.more, found.change.less)
            counts = contracts, proved, found.suppressed, found.known
            yield encode(JsonCheck(session.profile.name, *counts, rows, change))
        case "markdown":
            yield findings.render(found.report, "markdown", session.fail_on)
            yield from _changed_markdown(found.change)
        case form:
            yield findings.render(found.report, form, session.fail_on)


def _changed(change: Change | None) -> Iterator[str]:
    if change is not None:
        yield from (f"+ {edge}\n" for edge in change.more)
        yield from (f"- {edge}\n" for edge in change.less)


def _changed_markdown(change: Change | None) -> Iterator[str]:
    """The edges as a diff, which hosts of code colour."""
    if change is None:
        return
    rows = [visible(row.rstrip("\n")).replace("`", "\u02cb") + "\n" for row in _changed(change)]
    yield "\n#### Agreed edges\n\n"
    yield "".join(["```diff\n", *rows, "```\n"]) if rows else "No edge came or went.\n"


def _aside(found: Gate) -> Iterator[str]:
    if found.suppressed:
        yield f"{terminal.counted(found.suppressed, 'finding')} suppressed\n"
    if found.known:
        yield f"{terminal.counted(found.known, 'finding')} known from the baseline\n"
    if found.gone:
        yield f"{terminal.counted(found.gone, 'finding')} of the baseline are gone: write it anew\n"


def _scope(loaded: Loaded) -> str:
    contracts = terminal.counted(len(loaded.contracts.contracts), "contract")
    return f"{contracts} for {terminal.counted(len(loaded.cluster.workloads), 'workload')}"
