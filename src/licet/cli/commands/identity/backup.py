"""`licet identity backup`: a trust domain in one file."""

from __future__ import annotations

from pathlib import Path

import click

from licet.cli.backups import chosen, own_secret
from licet.cli.options import epilog
from licet.cli.place import FILE, Where, placed


@click.command(
    "backup",
    epilog=epilog(
        [
            "licet identity backup --out shop.backup --rehearse",
            "licet identity backup --out all.backup --include-sealing-key \\",
            "    --backup-passphrase",
        ],
        ["0    written", "1    written, and keys in it do not open", "2    not written, or the input is wrong"],
    ),
)
@click.option("--out", type=FILE, required=True, metavar="FILE", help="Where to; mode 0600.")
@own_secret
@click.option("--include-sealing-key", is_flag=True, help="Put the key file in; the backup needs its own secret.")
@click.option("--rehearse", is_flag=True, help="Restore it into a folder that is thrown away, and say what comes.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@placed()
def command(
    where: Where,
    out: Path,
    backup_key_file: Path | None,
    backup_passphrase_file: Path | None,
    backup_passphrase: bool,
    include_sealing_key: bool,
    rehearse: bool,
    force: bool,
) -> int:
    """Write everything into one encrypted file.

    It holds one moment, while servers run, and restores into SQLite and PostgreSQL alike. It opens with the secret of
    the trust domain, the one that you keep already: without that nobody restores anything. With a secret of its own it
    can hold the key file too; without it, both are needed. Keys in a token or behind a program are not in it.
    """
    from licet.app.identity.backing import backup
    from licet.cli.render import backups

    own = chosen(backup_key_file, backup_passphrase_file, backup_passphrase, new=True)
    made, checked = backup(where.place, out, own, sealing_key=include_sealing_key, rehearsed=rehearse, force=force)
    where.write(backups.made(made, checked), lambda: backups.made_json(made, checked))
    return int(checked is not None and bool(checked.unopened))
