"""`licet blast`: what a compromised workload reaches, and what reaches it."""

from __future__ import annotations

import click

from licet.analysis.blast import Blast, blast
from licet.analysis.reach import reach
from licet.app.ends import Ends
from licet.app.load import Loaded, Tell
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import reached
from licet.cli.render.names import Names
from licet.cli.session import Session
from licet.sources.standard_input import read_once


@click.command(
    "blast",
    epilog=epilog(
        [
            "licet blast shop/storefront                   the manifests below this folder",
            "licet blast bank/ledger[Deployment] k8s -o json",
        ],
        [
            "0    the answer is given, whatever it is",
            "1    findings at or above --fail-on",
            "2    the input or the usage is wrong, such as a workload that is not there",
        ],
    ),
)
@click.argument("workload", metavar="WORKLOAD")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@every_command("table", "json")
def command(options: Options, workload: str, paths: tuple[str, ...]) -> int:
    """What a workload reaches hop by hop, and what reaches it.

    Whoever takes over a workload may open every connection that it may open, and go on from what that reaches.
    Addresses outside, ingress controllers and gateways are ends of the way: nothing is followed through them.
    """
    read_once(*dict.fromkeys(paths), options.platform)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, Blast, Names]:
        loaded = session.load(paths, tell)
        start = Ends(loaded.cluster).workload(workload)
        tell("answering")
        answered = reach(loaded.cluster, session.profile)
        return loaded, blast(answered, start.name), Names(answered.map().endpoints)

    loaded, found, names = session.work(answer)
    if options.output == "json":
        session.write(reached.render_json(found, session.profile.name, session.json_findings(loaded)))
    else:
        session.write(reached.render(found, names, width=session.width, paint=session.paint))
    return session.tell(loaded)
