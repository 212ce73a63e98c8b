"""Checkpoints: a size and a root, signed, in the forms of C2SP's `tlog-checkpoint` and `signed-note`."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licet.audit.errors import AuditError
from licet.audit.tree import WIDTH

_ED25519 = b"\x01"
_LONGEST = 1 << 16
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


def origin(trust_domain: str) -> str:
    """The name of a trust domain's log in its checkpoints."""
    return f"licet.dev/{trust_domain}"


class Signer(Protocol):
    """The log's private key, such as cryptography's Ed25519PrivateKey."""

    def sign(self, data: bytes, /) -> bytes:
        """The Ed25519 signature."""

    def public_key(self) -> Ed25519PublicKey:
        """The other half."""


class Verifier(msgspec.Struct, frozen=True):
    """Who signs a log: the log's origin, which is the key's name too, and the raw public key."""

    origin: str
    key: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.origin) or len(self.key) != WIDTH:
            raise AuditError(
                "this is no key of a log", "one line `name+hash+base64`, as `licet audit show --public-key` says"
            )

    @property
    def hash(self) -> bytes:
        """What signatures name the key by."""
        return sha256(self.origin.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.origin}+{self.hash.hex()}+{b64encode(_ED25519 + self.key).decode()}"

    def signed(self, signature: bytes, text: bytes) -> bool:
        """Whether the key made this signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class Checkpoint(msgspec.Struct, frozen=True):
    """The log as it was when it had this many records."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n".encode()


def verifier(text: str) -> Verifier:
    """The key that is written here as `name+hash+base64`; raises AuditError."""
    name, _, rest = text.strip().partition("+")
    hash_, _, encoded = rest.partition("+")
    try:
        raw = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    found = Verifier(name, raw[1:])
    if raw[:1] != _ED25519 or found.hash.hex() != hash_:
        raise AuditError("the key's hash is not that of the key", "copy the whole line `name+hash+base64` again")
    return found


def sign(checkpoint: Checkpoint, signer: Signer, known: Verifier) -> str:
    """The checkpoint as a signed note."""
    text = checkpoint.text()
    signature = b64encode(known.hash + signer.sign(text)).decode()
    return f"{text.decode()}\n— {known.origin} {signature}\n"


def parse(note: str) -> Checkpoint:
    """What a note says, whoever signed it; raises AuditError."""
    text, gap, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not gap or len(lines) < 3 or len(note) > _LONGEST or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise AuditError("this is no checkpoint of a log", "a checkpoint has an origin, a size, a root and a signature")
    try:
        root = b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != WIDTH or b64encode(root).decode() != lines[2]:
        raise AuditError("the root of a checkpoint is no hash", "a hash is 32 bytes in base64")
    return Checkpoint(lines[0], int(lines[1]), root)


def verify(note: str, known: Verifier) -> Checkpoint:
    """What a note says, if this key signed it for this log; raises AuditError."""
    checkpoint = parse(note)
    text, _, signatures = note.rpartition("\n\n")
    if checkpoint.origin != known.origin:
        raise AuditError(
            f"the checkpoint is of the log `{checkpoint.origin[:200]}`", f"this is the log `{known.origin}`"
        )
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "—" or name != known.origin:
            continue
        try:
            raw = b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        if raw[:4] == known.hash and known.signed(raw[4:], (text + "\n").encode()):
            return checkpoint
    raise AuditError("the checkpoint is not signed by the log's key", f"the key is `{known}`")
