"""`licet identity fetch`: what am I given?"""

from __future__ import annotations

from pathlib import Path

import click

from licet.cli.options import epilog
from licet.cli.place import Answer, answering


@click.command(
    "fetch",
    epilog=epilog(
        [
            "licet identity fetch --socket /run/licet/agent.sock",
            "licet identity fetch --socket /run/licet/agent.sock --jwt ledger -o json",
            "licet identity fetch --socket /run/licet/agent.sock --out certificates",
        ],
        ["0    given", "2    no identity, nobody answers, or the input is wrong"],
    ),
)
@click.option(
    "--socket",
    required=True,
    envvar="SPIFFE_ENDPOINT_SOCKET",
    show_envvar=True,
    metavar="PATH",
    help="The Workload API: a path, or `unix:` and a path.",
)
@click.option("--jwt", "audience", multiple=True, metavar="AUDIENCE", help="Tokens for this audience too.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write `svid.pem`, `key.pem` and `bundle.pem` there.",
)
@answering("table", "json")
def command(answer: Answer, socket: str, audience: tuple[str, ...], out: Path | None) -> None:
    """Ask the Workload API which identities this process is given.

    It asks as any workload does, so that the answer is for the user, the program and the pod that run it. Each
    certificate is verified with the bundle that came with it. No private key is shown; `--out` writes it, for its
    owner alone, and nothing renews those files.
    """
    from licet.app.identity.fetching import described, fetch, save
    from licet.cli.render.identity import fetched

    found = fetch(socket, audience)
    answer.write(fetched(found), lambda: described(found))
    for file in save(found, out) if out is not None else ():
        answer.tell(f"wrote {file}")
