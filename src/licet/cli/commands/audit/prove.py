"""`licet audit prove`: a proof for somebody who does not have the log."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from licet.cli.commands.audit.wanted import POSITION
from licet.cli.options import epilog
from licet.cli.place import EXISTING, Where, placed


@click.command(
    "prove",
    epilog=epilog(
        [
            "licet audit prove --record 4711 > proof.json   this record is in the log",
            "licet audit prove --from 1000 > proof.json     the log only grew since",
            "licet audit verify --proof proof.json --key log.pub",
        ],
        ["0    proved", "2    the input or the usage is wrong, or the log is not sound"],
    ),
)
@click.option("--record", type=POSITION, metavar="N", help="The position of a record, counted from 0.")
@click.option("--from", "first", type=POSITION, metavar="N", help="The smaller size of the log.")
@click.option("--to", "second", type=POSITION, metavar="N", help="The larger one (default: the newest).")
@click.option("--key", type=EXISTING, help="The log's public key.")
@placed("json", keys=False)
def command(where: Where, record: int | None, first: int | None, second: int | None, key: Path | None) -> int:
    """A proof that stands alone: of a record, or that the log only grew.

    It holds the record or the two states, the signed checkpoint and the hashes between them; `licet audit verify
    --proof` verifies it without the log, and so does whatever knows RFC 9162 and signed notes.
    """
    if (record is None) == (first is None) or (second is not None and first is None):
        raise click.UsageError("name `--record`, or `--from` with or without `--to`")
    from licet.app import auditing
    from licet.audit.prove import prove_consistency, prove_inclusion

    with auditing.opened(where.place.address, key) as log, log.database.read() as connection:
        if record is not None:
            document = msgspec.json.encode(prove_inclusion(connection, log.known, record))
        else:
            document = msgspec.json.encode(prove_consistency(connection, log.known, first or 0, second))
    sys.stdout.write(msgspec.json.format(document, indent=2).decode() + "\n")
    return 0
