"""`licet why`: the verdict on one connection, and its chain."""

from __future__ import annotations

import click

from licet.analysis.follow import Follower
from licet.app.ends import Ends, end_id
from licet.app.load import Loaded, Tell
from licet.app.why import why
from licet.cli.options import Options, epilog, every_command
from licet.cli.render import chain
from licet.cli.session import Session
from licet.model.ports import FIRST_PORT, LAST_PORT, Protocol
from licet.model.verdict import Explanation, Verdict
from licet.sources.standard_input import read_once


@click.command(
    "why",
    epilog=epilog(
        [
            "licet why shop/storefront shop/checkout k8s --port 9000",
            "licet why shop/storefront shop/checkout[Service] --port 80",
            "licet why 203.0.113.7 shop/storefront --port 8080",
            "licet why {ingress-controller} shop/storefront --port 8080",
            "licet why shop/checkout 8.8.8.8 --port 53 --protocol UDP -o json",
        ],
        [
            "0    allow",
            "1    deny or undetermined, or findings at or above --fail-on",
            "2    the input or the usage is wrong, such as a name that is not there",
        ],
    ),
)
@click.argument("src", metavar="SRC")
@click.argument("dst", metavar="DST")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--port", type=click.IntRange(FIRST_PORT, LAST_PORT), required=True, help="The port that DST listens on.")
@click.option(
    "--protocol",
    type=click.Choice([protocol.name for protocol in Protocol], case_sensitive=False),
    default=Protocol.TCP.name,
    help="The transport protocol (default: TCP).",
)
@every_command("table", "json")
def command(options: Options, src: str, dst: str, paths: tuple[str, ...], port: int, protocol: str) -> int:
    """May SRC reach DST, and which policies, rules and lines decide so?

    SRC and DST are an id as `licet map` shows it, a name that fits one workload, or an address. DST may be a Service
    or a route such as `shop/web[Ingress]`: its port is then the Service's, and what is behind it is followed.
    """
    read_once(*dict.fromkeys(paths), options.platform)
    session = Session(options)

    def answer(tell: Tell) -> tuple[Loaded, chain.Asked, Explanation]:
        loaded = session.load(paths, tell)
        tell("answering")
        ends = Ends(loaded.cluster)
        follower = Follower(loaded.cluster, session.profile)
        source, target = ends.find(src), ends.find(dst)
        asked = chain.Asked(end_id(source), end_id(target), Protocol[protocol], port)
        return loaded, asked, why(follower, source, target, asked.protocol, port)

    loaded, asked, explanation = session.work(answer)
    if options.output == "json":
        found = session.json_findings(loaded)
        session.write(chain.render_json(asked, explanation, loaded.texts, session.profile.name, found))
    else:
        every = options.verbose
        session.write(
            chain.render(asked, explanation, loaded.texts, paint=session.paint, width=session.width, every=every)
        )
    return max(session.tell(loaded), int(explanation.verdict is not Verdict.ALLOW))
