"""`licet diff`: what a change opens and closes."""

from __future__ import annotations

from collections.abc import Iterator

import click

from licet.analysis.diff import Difference, diff
from licet.analysis.reach import reach
from licet.app.load import Loaded, Tell
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import difference
from licet.cli.render.names import Names
from licet.cli.session import Session
from licet.model.edge import Endpoint, EndpointType
from licet.sources.standard_input import read_once


@click.command(
    "diff",
    epilog=epilog(
        [
            "licet diff main k8s                           a branch, and the folder as it stands",
            "licet diff HEAD~3:k8s HEAD:k8s                a folder in two revisions",
            "licet diff before.yaml after.yaml             two files",
            "helm template . | licet diff k8s -            a folder, and what a tool renders",
        ],
        [
            "0    no difference",
            "1    something differs, or findings at or above --fail-on",
            "2    the input or the usage is wrong",
        ],
    ),
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@every_command("table", "json", "markdown", "github")
def command(options: Options, old: str, new: str) -> int:
    """What a change newly allows and newly denies.

    OLD and NEW are each a path, a git revision (then this folder in it), or REVISION:PATH. What is newly allowed comes
    first, since it is what can do harm; what is newly denied comes apart from it. Whoever stands on one side only
    counts as denied on the other.
    """
    read_once(old, new, options.platform)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, Loaded, Difference, list[Endpoint]]:
        before, after = session.load_version(old, tell), session.load_version(new, tell)
        tell("answering")
        first, second = reach(before.cluster, session.profile), reach(after.cluster, session.profile)
        found = diff(first, second)
        endpoints = {} if not found else {e.id: e for e in (*first.map().endpoints, *second.map().endpoints)}
        return before, after, found, [e for e in endpoints.values() if e.type is not EndpointType.ADDRESSES]

    before, after, found, endpoints = session.work(answer)
    compared = difference.Compared(old, new, session.profile.name)
    session.write(_render(session, after, found, Names(endpoints), compared))
    return max(session.tell(before, after), int(bool(found)))


def _render(
    session: Session, after: Loaded, found: Difference, names: Names, compared: difference.Compared
) -> Iterator[str]:
    match session.options.output:
        case "json":
            return difference.render_json(found, compared, session.json_findings(after))
        case "markdown":
            return difference.render_markdown(found, names)
        case "github":
            return difference.render_github(found, names)
        case _:
            return difference.render(found, names, width=session.width, paint=session.paint)
