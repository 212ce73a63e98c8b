"""`licet check`: what stands in the way of a change."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click
import msgspec

from licet.app import owners
from licet.app.drafts import Planned, write
from licet.app.fixes import Fixes, fixable, fixes
from licet.app.gate import Before, Change, Gate, gate
from licet.app.load import Loaded, Tell
from licet.app.moment import moment
from licet.app.report import report
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


class JsonFix(msgspec.Struct, frozen=True):
    """A call that was added to the contract of its caller."""

    call: str
    caller: str
    file: str


class JsonCheck(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole answer. `proved` is null where there was no contract to prove, `change` where no base was given."""

    profile: str
    contracts: int
    proved: bool | None
    suppressed: int
    known: int
    gone: int
    fixable: int
    fixed: list[JsonFix]
    findings: list[Finding]
    change: JsonChange | None = None


@click.command(
    "check",
    epilog=epilog(
        [
            "licet check k8s                               everything below a folder",
            "licet check k8s --fix                         add what is not declared yet",
            "licet check k8s --base main -o markdown       a pull request, as a comment",
            "licet check k8s --write-baseline known.json   set aside what is found today",
            "licet check k8s --baseline known.json         fail on what is new since",
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

    def answer(tell: Tell) -> Checked:
        loaded = session.load(paths, tell, keep=True)
        guards = owners.guards(loaded.texts, session.settings.owners)
        before = None
        if base is not None:
            owners.refuse_inner(base, [one.origin.source for one in loaded.contracts.contracts])
            before = _before(session, base, paths, guards, tell)
        tell("checking")
        found = gate(
            loaded, session.profile, time, namespace=session.namespace, guards=guards, baseline=old, before=before
        )
        return Checked(loaded, found, guards)

    checked = session.work(answer)
    if write_codeowners:
        _write_codeowners(checked)
        checked = session.work(answer)
    if fix and checked.found.sound:
        made = fixes(checked.loaded, checked.found.undeclared)
        if made.files:
            write(made.files)
            checked = session.work(answer)
        checked = msgspec.structs.replace(checked, fixes=made)
    if write_baseline is not None:
        data = known.encode(known.baseline(checked.found.sifted))
        write([Planned(write_baseline, data, new=not os.path.exists(write_baseline))])
        _tell_of_fixes(session, checked, asked=fix)
        return 0
    session.write(_render(session, checked))
    _tell_of_fixes(session, checked, asked=fix)
    return int(checked.found.report.reaches(session.fail_on))


class Checked(msgspec.Struct, frozen=True):
    """What was read, what was found, and what was put right before."""

    loaded: Loaded
    found: Gate
    guards: Guards | None
    fixes: Fixes = Fixes()


def _before(session: Session, base: str, paths: tuple[str, ...], guards: Guards | None, tell: Tell) -> Before:
    loaded = session.load_version(base, tell, paths or (".",))
    return Before(loaded, owners.guards_of(base, loaded.texts, session.settings.owners) or guards)


def _baseline(file: str | None) -> known.Baseline | None:
    if file is None:
        return None
    try:
        with open(file, "rb") as stream:
            return known.decode(stream.read())
    except ValueError as error:
        raise SourceError(f"`{file}` is no baseline: {error}", "write it with `--write-baseline`") from error


def _write_codeowners(checked: Checked) -> None:
    guards = checked.guards
    if guards is None:
        raise SourceError("there is no git repository here", "run where CODEOWNERS is to be")
    file = owners.target(guards)
    text = codeowners(checked.loaded.contracts.contracts, guards)
    if text != guards.text:
        write([Planned(file, text.encode("utf-8", "surrogateescape"), new=not os.path.exists(file))])


def _tell_of_fixes(session: Session, checked: Checked, *, asked: bool) -> None:
    """To standard error, whatever the form of the answer: what was added, what could not be, and why nothing was."""
    if session.options.quiet or not asked:
        return
    added = checked.fixes.added
    shown = len(added) if session.options.verbose else terminal.SHOWN_PER_CODE
    rows = [
        f"fixed: {visible(one.file)} declares call `{one.call}` of `{visible(one.caller)}`\n" for one in added[:shown]
    ]
    if len(added) > shown:
        rows.append(f"fixed: {len(added) - shown:,} more (all of them with `--verbose`)\n")
    if checked.fixes.refused:
        refused = report(checked.fixes.refused, checked.loaded.texts)
        rows.append(terminal.render(refused, width=session.width, every=True))
    if not checked.found.sound:
        rows.append("nothing is added while something could not be read or resolved: see the errors\n")
    elif rows:
        rows.append("review what was added, give each call its `reason`, and let the callee's owner admit it\n")
    sys.stderr.write("".join(rows))
    sys.stderr.flush()


def _render(session: Session, checked: Checked) -> Iterator[str]:
    found, loaded = checked.found, checked.loaded
    match session.options.output:
        case "table":
            every = session.options.verbose
            yield terminal.render(found.report, paint=session.paint, width=session.width, every=every)
            yield from _changed(found.change)
            if not session.options.quiet:
                yield from _aside(found, loaded)
                yield session.closing(found.report, _scope(loaded)) + _offer(found) + "\n"
        case "json":
            yield encode(_json(session, checked))
        case "markdown":
            yield findings.render(found.report, "markdown", session.fail_on)
            yield from _changed_markdown(found.change)
        case form:
            yield findings.render(found.report, form, session.fail_on)


def _json(session: Session, checked: Checked) -> JsonCheck:
    found = checked.found
    return JsonCheck(
        profile=session.profile.name,
        contracts=len(checked.loaded.contracts.contracts),
        proved=None if found.proof is None else found.proof.holds,
        suppressed=found.suppressed,
        known=found.known,
        gone=found.gone,
        fixable=_fixable(found),
        fixed=[JsonFix(one.call, one.caller, one.file) for one in checked.fixes.added],
        findings=json_findings(found.report),
        change=None if found.change is None else JsonChange(found.change.more, found.change.less),
    )


def _fixable(found: Gate) -> int:
    return sum(map(fixable, found.undeclared)) if found.sound else 0


def _offer(found: Gate) -> str:
    """Such as ` 2 fixes with `--fix`.`."""
    number = _fixable(found)
    return f" {number:,} {'fix' if number == 1 else 'fixes'} with `--fix`." if number else ""


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


def _aside(found: Gate, loaded: Loaded) -> Iterator[str]:
    if not loaded.contracts.contracts:
        yield "no contract was read, so that policies alone were checked: `licet init` drafts contracts\n"
    if found.suppressed:
        yield f"{terminal.counted(found.suppressed, 'finding')} suppressed\n"
    if found.known:
        yield f"{terminal.counted(found.known, 'finding')} known from the baseline\n"
    if found.gone:
        is_gone = "is" if found.gone == 1 else "are"
        yield f"{terminal.counted(found.gone, 'finding')} of the baseline {is_gone} gone: write it anew\n"


def _scope(loaded: Loaded) -> str:
    contracts = terminal.counted(len(loaded.contracts.contracts), "contract")
    return f"{contracts} for {terminal.counted(len(loaded.cluster.workloads), 'workload')}"
