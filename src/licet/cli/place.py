"""The options of commands about a trust domain: where it is kept, and how answers look."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from licet.cli.options import gathering

if TYPE_CHECKING:
    from licet.app.identity.place import Place

F = TypeVar("F", bound=Callable[..., Any])


class Where(msgspec.Struct, frozen=True):
    """The options of one command."""

    output: str
    quiet: bool
    data: Path
    database: str
    key_file: Path | None
    passphrase_file: Path | None
    keepers_file: Path | None

    @property
    def place(self) -> Place:
        """Where the trust domain is kept."""
        from licet.app.identity.place import Place

        return Place(self.data, self.database, self.key_file, self.passphrase_file, self.keepers_file)

    def write(self, text: str, value: Callable[[], object]) -> None:
        """The answer, as text or as the JSON of a value."""
        if self.output == "json":
            text = msgspec.json.format(msgspec.json.encode(value()), indent=2).decode()
        sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")

    def tell(self, text: str) -> None:
        """Something beside the answer."""
        if not self.quiet:
            click.echo(text, err=True)


def placed(*formats: str) -> Callable[[F], F]:
    """Add the options; the first format is the default. The command gets them as `where`."""
    options = _options(formats or ("table", "json"))
    return gathering("where", Where.__struct_fields__, options, lambda own: Where(**own))


def _options(formats: Sequence[str]) -> list[Callable[[Any], Any]]:
    file = click.Path(path_type=Path, dir_okay=False)
    return [
        click.option("-o", "--output", type=click.Choice(formats), default=formats[0], help="The form of the answer."),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            default=_default,
            envvar="LICET_DATA",
            metavar="DIR",
            show_default="/var/lib/licet, or your own state folder",
            help="The folder of the trust domain.",
        ),
        click.option(
            "--database",
            default="",
            envvar="LICET_DATABASE",
            metavar="URL",
            help="`postgresql://...` instead of SQLite in the folder; the password comes from a file.",
        ),
        click.option("--key-file", type=file, help="The sealing key, where it is not `sealing.key` in the folder."),
        click.option("--passphrase-file", type=file, help="The passphrase, where keys are sealed with one."),
        click.option(
            "--keepers",
            "keepers_file",
            type=file,
            metavar="FILE",
            help="How keepers of keys are reached, where it is not `keepers.toml` in the folder.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing beside the answer but errors."),
    ]


def _default() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/licet")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "licet"
