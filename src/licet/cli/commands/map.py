"""`licet map`: who can reach whom."""

from __future__ import annotations

from collections.abc import Iterator

import click

from licet.analysis.reach import reach
from licet.app.load import Loaded, Tell
from licet.cli.options import Options, epilog, every_command
from licet.cli.render.names import Names
from licet.cli.render.pairs import Side, focus
from licet.cli.session import Session
from licet.model.edge import ReachMap
from licet.sources.standard_input import read_once

_DRAWN = ("dot", "mermaid", "html")


@click.command(
    "map",
    epilog=epilog(
        [
            "licet map                                     the manifests below this folder",
            "licet map k8s --focus shop/checkout           what touches one workload",
            "licet map k8s --enforcer calico -o json       for a program",
            "licet map k8s -o html > map.html              a page to look at",
            "kubectl get all,netpol,ns -A -o yaml | licet map -",
        ],
        [
            "0    nothing wrong",
            "1    findings at or above --fail-on; the rest is mapped all the same",
            "2    the input or the usage is wrong",
        ],
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--pairs", is_flag=True, help="One entry a pair instead of groups, their number first.")
@click.option("--focus", "focused", metavar="WORKLOAD", help="Only what touches this workload.")
@click.option(
    "--direction",
    type=click.Choice([side.value for side in Side]),
    default=Side.BOTH.value,
    help="With --focus: what it gets, what it makes, or both.",
)
@every_command("table", "json", "csv", *_DRAWN)
def command(options: Options, paths: tuple[str, ...], pairs: bool, focused: str | None, direction: str) -> int:
    """Who can reach whom.

    Every line says: each workload on the left may reach each one on the right, on these ports. What hangs on
    something that manifests do not say comes apart, with what it hangs on. What is not listed is denied.
    """
    if pairs and options.output in _DRAWN:
        raise click.UsageError(f"--pairs is for table, json and csv, not for {options.output}")
    if direction != Side.BOTH.value and focused is None:
        raise click.UsageError("--direction needs --focus")
    read_once(*dict.fromkeys(paths), options.platform)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, ReachMap]:
        loaded = session.load(paths, tell)
        tell("answering")
        return loaded, reach(loaded.cluster, session.profile).map()

    loaded, whole = session.work(answer)
    shown = whole
    if focused is not None:
        from licet.app.ends import endpoint

        shown = focus(whole, frozenset({endpoint(focused, whole.endpoints).id}), Side(direction))
    session.write(_render(session, loaded, shown, Names(whole.endpoints), pairs))
    return session.tell(loaded)


def _render(session: Session, loaded: Loaded, shown: ReachMap, names: Names, pairs: bool) -> Iterator[str]:
    """The answer in the form that was asked for, whose file alone is loaded."""
    match session.options.output:
        case "json":
            from licet.cli.render import json

            write = json.render_pairs if pairs else json.render
            return write(shown, session.json_findings(loaded))
        case "csv":
            from licet.cli.render import csv

            return csv.render_pairs(shown) if pairs else csv.render(shown)
        case "dot":
            from licet.cli.render import dot

            return dot.render(shown, names)
        case "mermaid":
            from licet.cli.render import mermaid

            return mermaid.render(shown, names)
        case "html":
            from licet.cli.render import html

            return html.render(shown, names, session.report(loaded, whole=True).findings)
        case _:
            from licet.cli.render import table

            draw = table.render_pairs if pairs else table.render
            return draw(shown, names, width=session.width, paint=session.paint)
