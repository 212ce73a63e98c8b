"""`licet audit verify`: is the log what was written?"""

from __future__ import annotations

from pathlib import Path

import click

from licet.cli.options import epilog
from licet.cli.place import EXISTING, Where, placed


@click.command(
    "verify",
    epilog=epilog(
        [
            "licet audit verify                             by the key that stands beside the log",
            "licet audit verify --key log.pub --checkpoint remembered.txt",
            "licet audit verify --proof proof.json --key log.pub",
        ],
        ["0    nothing is wrong", "1    something is", "2    the input or the usage is wrong"],
    ),
)
@click.option("--key", type=EXISTING, help="The log's public key from elsewhere, as `name+hash+base64`.")
@click.option(
    "--checkpoint", "remembered", type=EXISTING, multiple=True, help="A checkpoint that was kept; may be given again."
)
@click.option("--proof", type=EXISTING, help="Verify this proof instead, without the log.")
@placed(keys=False)
def command(where: Where, key: Path | None, remembered: tuple[Path, ...], proof: Path | None) -> int:
    """Whether the log is what was written and signed, or a proof holds.

    Every record's form, place and hash is compared with its neighbours and with every signed checkpoint, and the log
    with the checkpoint in the data folder and those that are given: what was taken from the end shows only there.
    Whoever can write the database can put another key there; give the one that you wrote down with `--key`.
    """
    from licet.app import auditing
    from licet.cli.render import audited

    auditing.require_checkpoints(remembered)
    if proof is not None:
        checked = auditing.checked(proof, key, remembered)
        where.write(audited.checked(checked), lambda: audited.checked_json(checked))
        return int(not checked.holds)
    kept = [where.place.witness] if where.place.witness.exists() else []
    with auditing.opened(where.place.address, key) as log:
        verified = auditing.verification(log, [*remembered, *kept])
    where.write(audited.verified(verified, log), lambda: audited.verified_json(verified, log))
    return int(not verified.holds)
