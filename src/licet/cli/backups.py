"""The options that name the secret of a backup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from licet.cli.place import FILE

if TYPE_CHECKING:
    from licet.identity.sealing import Secret

F = TypeVar("F", bound=Callable[..., Any])


def own_secret(function: F) -> F:
    """Add the options `backup_key_file`, `backup_passphrase_file` and `backup_passphrase`."""
    for option in (
        click.option("--backup-passphrase", is_flag=True, help="Ask for the passphrase of the backup."),
        click.option("--backup-passphrase-file", type=FILE, metavar="FILE", help="A passphrase of the backup's own."),
        click.option("--backup-key-file", type=FILE, metavar="FILE", help="A key of the backup's own."),
    ):
        function = option(function)
    return function


def chosen(key_file: Path | None, passphrase_file: Path | None, ask: bool, *, new: bool) -> Secret | None:
    """The backup's own secret; None where it has none. A `new` key file is made."""
    if bool(key_file) + bool(passphrase_file) + ask > 1:
        raise click.UsageError("`--backup-key-file`, `--backup-passphrase-file` and `--backup-passphrase` say the same")

    from licet.app.identity.place import asked, written
    from licet.identity.sealing import KeyFile, new_key_file

    if key_file is not None:
        if new and not key_file.exists():
            new_key_file(key_file)
        return KeyFile(key_file)
    if passphrase_file is not None:
        return written(passphrase_file)
    return asked("Passphrase of the backup", new=new) if ask else None
