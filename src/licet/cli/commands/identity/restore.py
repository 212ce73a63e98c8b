"""`licet identity restore`: a trust domain brought back."""

from __future__ import annotations

from pathlib import Path

import click

from licet.cli.backups import chosen, own_secret
from licet.cli.options import epilog
from licet.cli.place import EXISTING, Where, placed


@click.command(
    "restore",
    epilog=epilog(
        [
            "licet identity restore shop.backup --key-file sealing.key",
            "licet identity restore shop.backup --data /etc/licet \\",
            "    --database postgresql://licet@db/licet",
            "licet identity restore shop.backup --check    is it any good?",
        ],
        ["0    restored, or sound", "1    sound, and keys in it do not open", "2    refused; nothing was changed"],
    ),
)
@click.argument("file", type=EXISTING)
@own_secret
@click.option("--check", "only_check", is_flag=True, help="Restore into a folder that is thrown away.")
@placed()
def command(
    where: Where,
    file: Path,
    backup_key_file: Path | None,
    backup_passphrase_file: Path | None,
    backup_passphrase: bool,
    only_check: bool,
) -> int:
    """Bring a trust domain back from a backup.

    Into an empty database, of either kind: whole, once its log is verified, or not at all. Workloads keep their
    identities, since the roots are the same. Stop what still serves the old database first. Whatever happened after
    the backup is not in it, which is said at the end.
    """
    from licet.app.identity.restoring import check, restore
    from licet.cli.render import backups

    own = chosen(backup_key_file, backup_passphrase_file, backup_passphrase, new=False)
    if only_check:
        found = check(where.place, file, own)
        where.write(backups.checked(found), lambda: backups.restored_json(found))
        return int(bool(found.unopened))
    found = restore(where.place, file, own)
    where.write(backups.restored(found), lambda: backups.restored_json(found))
    for line in backups.warnings(found):
        where.tell(line)
    return 0
