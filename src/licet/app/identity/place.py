"""Where a trust domain is kept, and how the secret that opens it is had."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from licet.audit.event import Detail
from licet.identity.errors import IdentityError
from licet.identity.sealing import KeyFile, Passphrase, Secret, kind

KEY_FILE = "sealing.key"
DATABASE = "licet.db"
CHECKPOINT = "checkpoint"
KEEPERS = "keepers.toml"
_CREDENTIALS = "CREDENTIALS_DIRECTORY"


class Place(msgspec.Struct, frozen=True):
    """A data folder; the database where it is not in it; files of the secret where they are not the usual ones."""

    data: Path
    database: str = ""
    key_file: Path | None = None
    passphrase_file: Path | None = None
    keepers_file: Path | None = None

    @property
    def keepers(self) -> Path:
        """The file that says how to reach keepers of keys outside the database."""
        return self.keepers_file or self.data / KEEPERS

    @property
    def address(self) -> str | Path:
        """Where the database is."""
        return self.database or self.data / DATABASE

    @property
    def witness(self) -> Path:
        """The file that remembers the newest checkpoint of the log."""
        return self.data / CHECKPOINT

    @property
    def sealing_key(self) -> Path:
        """The key file: the one that was named, systemd's credential, or the one in the data folder."""
        if self.key_file is not None:
            return self.key_file
        given = _credential("licet-sealing-key")
        return given if given is not None else self.data / KEY_FILE

    def secret(self, description: str) -> Secret:
        """What opens a domain that was sealed like this; a person before a terminal is asked for a passphrase."""
        return self.passphrase(new=False) if by_passphrase(description) else KeyFile(self.sealing_key)

    def passphrase(self, *, new: bool) -> Passphrase:
        """The passphrase from its file, systemd's credential, or the terminal; a new one is asked for twice."""
        file = self.passphrase_file or _credential("licet-passphrase")
        return written(file) if file is not None else asked("Passphrase", new=new)


def by_passphrase(description: str) -> bool:
    """Whether a seal of this description opens with a passphrase, and not with a key file."""
    return kind(description) == "passphrase"


def written(file: Path) -> Passphrase:
    """The passphrase in a file, without the end of its line; raises IdentityError."""
    try:
        return Passphrase(file.read_bytes().rstrip(b"\r\n"))
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise IdentityError(f"`{file}` cannot be read: {reason}", "name the file of the passphrase") from None


def asked(what: str, *, new: bool) -> Passphrase:
    """The passphrase that somebody types; raises IdentityError where there is no terminal to ask at."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        raise IdentityError(
            "a passphrase is needed, and there is no terminal to ask at",
            "name its file, or give the service systemd's credential `licet-passphrase`",
        ) from None
    return Passphrase(click.prompt(what, hide_input=True, confirmation_prompt=new, err=True).encode())


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def administrator() -> dict[str, Detail]:
    """Who runs this command, for the log."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = ""
    return {"type": "administrator", "uid": uid, "name": name, "pid": os.getpid()}


def _credential(name: str) -> Path | None:
    folder = os.environ.get(_CREDENTIALS)
    file = Path(folder, name) if folder else None
    return file if file is not None and file.exists() else None
