"""`licet identity reseal`: another secret for a trust domain."""

from __future__ import annotations

from pathlib import Path

import click

from licet.cli.options import epilog
from licet.cli.place import FILE, Where, placed


@click.command(
    "reseal",
    epilog=epilog(
        [
            "licet identity reseal                                 a new key file in its place",
            "licet identity reseal --new-key-file /etc/licet/key",
            "licet identity reseal --new-passphrase                asked for at the terminal",
        ],
        ["0    sealed with the new secret", "2    the input is wrong, and the old secret holds"],
    ),
)
@click.option("--new-key-file", type=FILE, metavar="FILE", help="The new key; it is made where there is none.")
@click.option("--new-passphrase-file", type=FILE, metavar="FILE", help="The new passphrase.")
@click.option("--new-passphrase", is_flag=True, help="Ask for the new passphrase.")
@placed("table")
def command(where: Where, new_key_file: Path | None, new_passphrase_file: Path | None, new_passphrase: bool) -> None:
    """Change the secret that keys are sealed with.

    Every key in the database is sealed again in one transaction. Keys themselves stay: if one of them was stolen, use
    `licet identity taint`. Servers that run go on with what they have and make no new keys until they are started
    again with the new secret. Backups made before open with the old one: keep it as long as them.
    """
    from licet.app.identity import place as places
    from licet.app.identity.resealing import chosen, reseal

    if bool(new_key_file) + bool(new_passphrase_file) + new_passphrase > 1:
        raise click.UsageError("`--new-key-file`, `--new-passphrase-file` and `--new-passphrase` say the same")
    phrase = places.written(new_passphrase_file) if new_passphrase_file else None
    if new_passphrase:
        phrase = places.asked("New passphrase", new=True)
    kept = reseal(where.place, chosen(new_key_file, phrase))
    where.tell("Start servers again with the new secret.")
    if kept is not None:
        where.tell(f"The old key is kept as `{kept}`, for backups that were made with it: move it to where they are.")
