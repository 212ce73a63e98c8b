"""Secrets at rest: sealed under a key that comes from a key file or a passphrase, and stays out of the database."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Self, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.store import private_file

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16
_KEY = 32
_FILE_PREFIX = "licet-sealing-key-1:"
_FILE_LONGEST = 4096
_SHORTEST_PASSPHRASE = 12
_MOST_MEMORY = 1 << 30


class Stretching(msgspec.Struct, frozen=True):
    """Parameters of scrypt (RFC 7914): `2**log_n` rounds of blocks of `128 * r` bytes, `p` times.

    Whoever writes the database chooses them for the next start, so that they are bounded both ways.
    """

    log_n: int = 17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        in_bounds = 14 <= self.log_n <= 20 and 8 <= self.r <= 32 and 1 <= self.p <= 4
        if not in_bounds or 128 * self.r << self.log_n > _MOST_MEMORY:
            raise MalformedError(
                "the sealing parameters are out of bounds",
                "N of 2^14 to 2^20, r of 8 to 32, p of 1 to 4, 1 GiB",
            )


class KeyFile(msgspec.Struct, frozen=True):
    """A secret in a file that nobody but its owner reads."""

    path: Path


class KeyText(msgspec.Struct, frozen=True):
    """What stands in a key file, as `key_text` gives it, where it is to open something and stay in memory."""

    text: bytes

    def __repr__(self) -> str:
        return "KeyText(...)"


class Passphrase(msgspec.Struct, frozen=True):
    """A secret that somebody remembers."""

    text: bytes

    def __repr__(self) -> str:
        return "Passphrase(...)"


Secret: TypeAlias = KeyFile | Passphrase


class _Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    salt: bytes
    check: bytes
    scrypt: Stretching | None = None

    @property
    def kind(self) -> str:
        return "key file" if self.scrypt is None else "passphrase"


class Seal:
    """Seals and opens. A box is one byte of version, a random nonce of 96 bits, and AES-256-GCM's output.

    The context that a box is for goes in as associated data, so that a box moved to another row does not open.
    """

    __slots__ = ("_aead", "_code", "_description")

    def __init__(self, secret: bytes, salt: bytes, stretching: Stretching | None) -> None:
        self._aead = AESGCM(_derived(secret, salt, b"key"))
        self._code = _derived(secret, salt, b"code")
        self._description = _Description(1, salt, _derived(secret, salt, b"check"), stretching)

    def __repr__(self) -> str:
        return f"Seal({self._description.kind})"

    @classmethod
    def new(cls, secret: Secret) -> Self:
        """A new seal under this secret: another than any before it, though the secret is the same."""
        match secret:
            case KeyFile(path):
                return cls.from_key_file(path)
            case Passphrase(text):
                return cls.from_passphrase(text)

    @classmethod
    def from_key_file(cls, path: Path) -> Self:
        """A new seal under the secret in this file."""
        return cls(_read_key_file(path), secrets.token_bytes(16), None)

    @classmethod
    def from_passphrase(cls, passphrase: bytes, salt_params: Stretching | None = None) -> Self:
        """A new seal under a passphrase of 12 bytes or more."""
        if len(passphrase) < _SHORTEST_PASSPHRASE:
            raise RefusedError("the passphrase is too short", f"{_SHORTEST_PASSPHRASE} characters or more")
        salt, stretching = secrets.token_bytes(16), salt_params or Stretching()
        return cls(_stretched(passphrase, salt, stretching), salt, stretching)

    @classmethod
    def reopen(cls, description: str, secret: Secret | KeyText) -> Self:
        """The seal that `describe` told of; raises IdentityError where the secret is not the one it was made with."""
        told = _read(description)
        match secret, told.scrypt:
            case KeyFile(path), None:
                seal = cls(_read_key_file(path), told.salt, None)
            case KeyText(text), None:
                seal = cls(_secret(text, "what was given"), told.salt, None)
            case Passphrase(text), Stretching() as stretching:
                seal = cls(_stretched(text, told.salt, stretching), told.salt, stretching)
            case _:
                raise RefusedError(
                    f"keys are sealed with a {told.kind}", f"give the {told.kind} that they were sealed with"
                )
        if not hmac.compare_digest(seal._description.check, told.check):
            raise RefusedError(
                f"the {told.kind} is not the one that keys were sealed with",
                f"give the {told.kind} of this trust domain, or restore a backup together with its {told.kind}",
            )
        return seal

    def describe(self) -> str:
        """What to store beside the boxes, as JSON: how the key is derived, and a value to tell a wrong secret by."""
        return msgspec.json.encode(self._description).decode()

    def code(self) -> hmac.HMAC:
        """A message authentication code (HMAC-SHA-256) that only this secret makes, with nothing in it yet."""
        return hmac.new(self._code, digestmod="sha256")

    def seal(self, plain: bytes, context: str) -> bytes:
        """A box that opens for this context alone."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, _associated(context))

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed for this context; raises IdentityError where the box was altered or is another's."""
        if len(sealed) < len(_VERSION) + _NONCE + _TAG:
            raise MalformedError("a sealed secret is cut short", "restore the database from a backup")
        if sealed[:1] != _VERSION:
            raise MalformedError(
                "a sealed secret is of a version that this program does not know",
                "use the version that wrote the database",
            )
        nonce, box = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._aead.decrypt(nonce, box, _associated(context))
        except InvalidTag:
            raise MalformedError(
                f"a sealed secret does not open as `{context}`",
                "it was altered, or sealed with another secret: restore the database from a backup",
            ) from None


def kind(description: str) -> str:
    """What opens a seal of this description: `key file` or `passphrase`; raises IdentityError."""
    return _read(description).kind


def key_text(path: Path) -> bytes:
    """A key file as it is, for a backup that holds it; raises IdentityError where it is none."""
    return _FILE_PREFIX.encode() + base64.b64encode(_read_key_file(path)) + b"\n"


def new_key_file(path: Path, text: bytes = b"") -> None:
    """Writes a secret to a file of mode 0600 that must not exist yet, and sees it onto the disk.

    The secret is a new random one, or that of a `text` which `key_text` gave.
    """
    text = text or _FILE_PREFIX.encode() + base64.b64encode(secrets.token_bytes(_KEY)) + b"\n"
    part = path.with_name(path.name + ".part")
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            # Under its own name the file is whole from the first, and one that is there stays.
            private_file.write(part, text)
            try:
                os.link(part, path)
            finally:
                part.unlink()
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise RefusedError(
            f"`{path}` is already there",
            "name another file: what was sealed with one that is overwritten is lost",
        ) from None
    except OSError as error:
        raise _unusable(path, error) from None


def _read_key_file(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK, a pipe put in its place would hold the start up forever.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(_FILE_LONGEST) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise _unusable(path, error) from None
    # A credential that systemd lets a service read stays root's: its access list shows as the group's bit.
    credential = status.st_mode & 0o777 == 0o440 and status.st_uid == status.st_gid == 0
    if status.st_mode & 0o077 and not credential:
        raise RefusedError(f"others than its owner may use key file `{path}`", f"chmod 600 {path}")
    if status.st_uid not in (0, os.geteuid()):
        raise RefusedError(f"key file `{path}` belongs to another user", f"chown {os.geteuid()} {path}")
    return _secret(text, f"`{path}`")


def _secret(text: bytes, where: str) -> bytes:
    try:
        prefix, body = text[: len(_FILE_PREFIX)].decode("ascii"), text[len(_FILE_PREFIX) :].strip()
        secret = base64.b64decode(body, validate=True)
    except (UnicodeDecodeError, binascii.Error):
        prefix, secret = "", b""
    if prefix != _FILE_PREFIX or len(secret) != _KEY:
        raise MalformedError(f"{where} is no key file", f"one line, `{_FILE_PREFIX}` and 32 bytes in base64")
    return secret


def _unusable(path: Path, error: OSError) -> IdentityError:
    reason = (error.strerror or "unreadable").lower()
    return IdentityError(f"key file `{path}` cannot be used, {reason}", "`--key-file` names another")


def _stretched(passphrase: bytes, salt: bytes, stretching: Stretching) -> bytes:
    return Scrypt(salt, _KEY, 1 << stretching.log_n, stretching.r, stretching.p).derive(passphrase)


def _derived(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), _KEY, salt, b"licet seal v1 " + purpose).derive(secret)


def _associated(context: str) -> bytes:
    return b"licet box v1 " + context.encode()


def _read(description: str) -> _Description:
    try:
        told = msgspec.json.decode(description, type=_Description)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError):
        raise MalformedError("the seal's description is unreadable", "restore the database from a backup") from None
    if told.version != 1 or len(told.salt) != 16 or len(told.check) != _KEY:
        raise MalformedError("the seal's description is of no known form", "restore the database from a backup")
    return told
