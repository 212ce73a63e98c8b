"""`licet audit export`: records for other systems."""

from __future__ import annotations

import sys

import click

from licet.cli.commands.audit.wanted import POSITION, choosing, wanted
from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "export",
    epilog=epilog(
        [
            "licet audit export > log.jsonl                 everything",
            "licet audit export --kind svid --since 2026-01-01T00:00:00Z",
            "licet audit export --from 4711                 what came since the last export",
        ],
        ["0    always", "2    the input or the usage is wrong"],
    ),
)
@choosing
@click.option("--from", "first", type=POSITION, default=0, metavar="N", help="From this position on.")
@placed("json", keys=False)
def command(
    where: Where, kinds: tuple[str, ...], since: str | None, until: str | None, identity: str, first: int
) -> int:
    """Records as lines of JSON in the form of OCSF.

    Issuance and attestation become events of the class Authentication, changes of Entity Management, everything else
    of API Activity. `raw_data` is the record as it stands in the log, so that hashes can be computed from an export.
    """
    from licet.app import auditing
    from licet.audit.export import line
    from licet.audit.read import records

    choice = wanted(kinds, since, until, identity)
    with auditing.opened(where.place.address, None) as log, log.database.read() as connection:
        for kept in records(connection, choice, first):
            sys.stdout.write(line(kept, log.known.origin).decode() + "\n")
    return 0
