"""`licet audit show`: what happened?"""

from __future__ import annotations

import sys
import time

import click

from licet.cli.commands.audit.wanted import choosing, wanted
from licet.cli.options import epilog
from licet.cli.place import Where, placed

_PAUSE = 0.5


@click.command(
    "show",
    epilog=epilog(
        [
            "licet audit show                               the newest records",
            "licet audit show --identity spiffe://shop.example/cart --last 1000",
            "licet audit show --follow -o json              as they happen, a line each",
            "licet audit show --public-key > log.pub        to keep elsewhere",
        ],
        ["0    always", "2    the input or the usage is wrong"],
    ),
)
@choosing
@click.option("--last", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="So many at most.")
@click.option("--follow", is_flag=True, help="Go on with what is recorded from now on, until interrupted.")
@click.option("--public-key", is_flag=True, help="Print the log's key instead, as `name+hash+base64`.")
@click.option("--checkpoint", is_flag=True, help="Print the newest checkpoint instead, to be kept elsewhere.")
@placed(keys=False)
def command(
    where: Where,
    kinds: tuple[str, ...],
    since: str | None,
    until: str | None,
    identity: str,
    last: int,
    follow: bool,
    public_key: bool,
    checkpoint: bool,
) -> int:
    """Records, the newest last.

    Nothing is verified on the way: `licet audit verify` does that.
    """
    from licet.app import auditing
    from licet.audit import read
    from licet.cli.render import audited

    choice = wanted(kinds, since, until, identity)
    with auditing.opened(where.place.address, None) as log:
        if public_key or checkpoint:
            key, note = str(log.known), auditing.newest_checkpoint(log)
            where.write(key if public_key else note, lambda: audited.head_json(key, note))
            return 0
        line = audited.line_json if where.output == "json" else audited.line
        with log.database.read() as connection:
            shown = read.newest(connection, choice, last)
            following = read.end(connection)
        sys.stdout.writelines(line(kept) for kept in shown)
        if not shown and not follow:
            where.tell("no record is chosen")
        while follow:
            sys.stdout.flush()
            time.sleep(_PAUSE)
            with log.database.read() as connection:
                end = read.end(connection)
                sys.stdout.writelines(line(kept) for kept in read.records(connection, choice, following))
            following = end
    return 0
