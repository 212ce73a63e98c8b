"""Keys in the database, sealed."""

from __future__ import annotations

import msgspec

from licet.identity.errors import MalformedError
from licet.identity.keepers.keeper import Kept, proven
from licet.identity.keys import KeyKind, PrivateKey, generate, read, read_private, spki, write_private
from licet.identity.sealing import Seal


class _Handle(msgspec.Struct, frozen=True, array_like=True):
    public_key: bytes
    box: bytes


class SealedKeeper:
    """Keeps a key as PKCS#8, sealed for its label. The handle is the key: destroying it is forgetting the handle."""

    name = "sealed"

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def generate(self, kind: KeyKind, label: str) -> Kept:
        """A new key."""
        key = proven(generate(kind))
        public_key = key.public_key()
        handle = _Handle(spki(public_key), self._seal.seal(write_private(key), _context(label)))
        return Kept(msgspec.msgpack.encode(handle), public_key)

    def load(self, handle: bytes, label: str) -> PrivateKey:
        """The key, in this process's memory from now on."""
        kept = _read(handle, label)
        return proven(read_private(self._seal.open(kept.box, _context(label))), read(kept.public_key))

    def resealed(self, handle: bytes, label: str, seal: Seal) -> bytes:
        """The handle of the same key under another seal."""
        key = self.load(handle, label)
        return msgspec.msgpack.encode(
            _Handle(_read(handle, label).public_key, seal.seal(write_private(key), _context(label)))
        )

    def destroy(self, handle: bytes) -> None:
        """Nothing is left to do once the handle is deleted."""


def _read(handle: bytes, label: str) -> _Handle:
    try:
        return msgspec.msgpack.decode(handle, type=_Handle)
    except msgspec.MsgspecError:
        raise MalformedError(f"sealed key `{label}` is unreadable", "restore the database from a backup") from None


def _context(label: str) -> str:
    return f"key {label}"
