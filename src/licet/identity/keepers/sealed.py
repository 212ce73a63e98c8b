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
        try:
            kept = msgspec.msgpack.decode(handle, type=_Handle)
        except msgspec.MsgspecError:
            raise MalformedError(f"sealed key `{label}` is unreadable", "restore the database from a backup") from None
        return proven(read_private(self._seal.open(kept.box, _context(label))), read(kept.public_key))

    def destroy(self, handle: bytes) -> None:
        """Nothing is left to do once the handle is deleted."""


def _context(label: str) -> str:
    return f"key {label}"
