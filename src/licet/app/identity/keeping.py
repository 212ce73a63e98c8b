"""Who keeps keys of authorities: the database, and what `keepers.toml` tells of.

    [command]
    program = ["/usr/local/bin/licet-kms", "--key-ring", "shop"]
    timeout = 10
    environment = {KMS_CREDENTIALS = "/etc/licet/kms.json"}

    [pkcs11]
    module = "/usr/lib/softhsm/libsofthsm2.so"
    token = "licet"
    pin_file = "/etc/licet/pin"

The file names a program that is run, so that nobody but its owner may write it; the PIN is in a file of its own.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from licet.app.identity.place import Place
from licet.identity.errors import IdentityError
from licet.identity.keepers.command import CommandKeeper
from licet.identity.keepers.keeper import Keeper
from licet.identity.keepers.pkcs11 import Pkcs11Keeper
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keys import KeyKind
from licet.identity.sealing import Seal
from licet.identity.token import jwt_kind

_LONGEST = 1 << 16


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    program: tuple[str, ...]
    timeout: float = 10
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)


class _Pkcs11(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    module: str
    token: str
    pin_file: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: _Command | None = None
    pkcs11: _Pkcs11 | None = None


@contextmanager
def keepers(seal: Seal, place: Place) -> Iterator[dict[str, Keeper]]:
    """Whoever may keep keys, by name; programs among them are ended afterwards. Raises IdentityError."""
    configured = _configured(place)
    found: dict[str, Keeper] = {SealedKeeper.name: SealedKeeper(seal)}
    if (token := configured.pkcs11) is not None:
        found[Pkcs11Keeper.name] = Pkcs11Keeper(token.module, token.token, _pin(place, Path(token.pin_file)))
    command = configured.command
    if command is None:
        yield found
        return
    program = CommandKeeper(command.program, command.timeout, command.environment)
    try:
        yield {**found, program.name: program}
    finally:
        program.close()


def rehearse(keepers: Mapping[str, Keeper], name: str, kind: KeyKind) -> None:
    """Have the keeper make a key of every kind that authorities need, and destroy it; raises IdentityError."""
    keeper = keepers.get(name)
    if keeper is None:
        raise IdentityError(
            f"nothing here keeps keys by `{name}`",
            f"there are {', '.join(sorted(keepers))}; others are told of in `keepers.toml`",
        )
    for each in dict.fromkeys((kind, jwt_kind(kind))):
        keeper.destroy(keeper.generate(each, "rehearsal").handle)


def _configured(place: Place) -> _File:
    path = place.keepers
    if place.keepers_file is None and not path.exists():
        return _File()
    text, status = _read(path, "name the file of the keepers")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise IdentityError(f"others may write `{path}`, which says what is run", f"chmod go-w {path}")
    try:
        return msgspec.convert(tomllib.loads(text.decode()), _File)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        line = str(error).partition("\n")[0][:200]
        raise IdentityError(
            f"`{path}` does not say how keepers are reached: {line}", "see `docs/identity.md`"
        ) from None


def _pin(place: Place, path: Path) -> str:
    text, status = _read(place.keepers.parent / path, "`pin_file` names the file of the token's PIN")
    if status.st_mode & 0o077:
        raise IdentityError(f"others than its owner may use `{path}`", f"chmod 600 {path}")
    try:
        return text.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise IdentityError(f"`{path}` holds no PIN", "one line of text") from None


def _read(path: Path, help: str) -> tuple[bytes, os.stat_result]:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            return (file.read(_LONGEST) if stat.S_ISREG(status.st_mode) else b""), status
    except OSError as error:
        raise IdentityError(f"`{path}` cannot be read: {(error.strerror or 'unreadable').lower()}", help) from None
