"""The options of commands about a trust domain: where it is kept, and how answers look."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from licet.cli.options import Named, gathering

if TYPE_CHECKING:
    from licet.app.identity.place import Place

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)
"""The types of options that name a file, of one that has to be there."""


class Answer(msgspec.Struct, frozen=True):
    """How a command answers."""

    output: str
    quiet: bool

    def write(self, text: str, value: Callable[[], object]) -> None:
        """The answer, as text or as the JSON of a value."""
        if self.output == "json":
            text = msgspec.json.format(msgspec.json.encode(value()), indent=2).decode()
        sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")

    def tell(self, text: str) -> None:
        """Something beside the answer."""
        if not self.quiet:
            click.echo(text, err=True)


A = TypeVar("A", bound=Answer)


class Where(Answer, frozen=True):
    """The options of one command about a trust domain."""

    data: Path
    database: str = ""
    key_file: Path | None = None
    passphrase_file: Path | None = None
    keepers_file: Path | None = None

    @property
    def place(self) -> Place:
        """Where the trust domain is kept."""
        from licet.app.identity.place import Place

        return Place(self.data, self.database, self.key_file, self.passphrase_file, self.keepers_file)


def placed(*formats: str, keys: bool = True) -> Callable[[F], F]:
    """Add the options; the first format is the default. The command gets them as `where`.

    A command that opens no `keys` takes the options of the secret too, and does not speak of them.
    """
    options = [_form(formats or ("table", "json")), _data("The folder of the trust domain."), *_kept(keys), _quiet()]
    return gathering("where", Where.__struct_fields__, options, lambda own: _for_programs(Where(**own)))


def homed(what: str) -> Callable[[F], F]:
    """Add the options of a command that has a folder and no database. The command gets them as `where`."""
    options = [_form(["table"]), _data(what), _quiet()]
    return gathering("where", (*Answer.__struct_fields__, "data"), options, lambda own: Where(**own))


def answering(*formats: str) -> Callable[[F], F]:
    """Add the options of a command that keeps nothing. The command gets them as `answer`."""
    options = [_form(formats), _quiet()]
    return gathering("answer", Answer.__struct_fields__, options, lambda own: _for_programs(Answer(**own)))


def _for_programs(answer: A) -> A:
    """What programs read is UTF-8, whatever the terminal's encoding."""
    if answer.output != "table" and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return answer


def _form(formats: Sequence[str]) -> Callable[[Any], Any]:
    """The form of the answer; not spoken of where there is but one."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        hidden=len(formats) == 1,
        help="The form of the answer.",
    )


def _data(what: str) -> Callable[[Any], Any]:
    return click.option(
        "--data",
        type=Named(path_type=Path, file_okay=False),
        default=_default,
        envvar="LICET_DATA",
        show_envvar=True,
        metavar="DIR",
        show_default="/var/lib/licet, or your own state folder",
        help=what,
    )


def _kept(keys: bool) -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--database",
            default="",
            envvar="LICET_DATABASE",
            show_envvar=True,
            metavar="URL",
            help="`postgresql://...` instead of SQLite in the folder; the password comes from a file.",
        ),
        click.option(
            "--key-file",
            type=FILE,
            envvar="LICET_KEY_FILE",
            show_envvar=True,
            hidden=not keys,
            help="The sealing key, where it is not `sealing.key` in the folder.",
        ),
        click.option(
            "--passphrase-file",
            type=FILE,
            envvar="LICET_PASSPHRASE_FILE",
            show_envvar=True,
            hidden=not keys,
            help="The passphrase, where keys are sealed with one.",
        ),
        click.option(
            "--keepers",
            "keepers_file",
            type=FILE,
            metavar="FILE",
            hidden=not keys,
            help="How keepers of keys are reached, where it is not `keepers.toml` in the folder.",
        ),
    ]


def _quiet() -> Callable[[Any], Any]:
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing beside the answer but errors.")


def _default() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/licet")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "licet"
