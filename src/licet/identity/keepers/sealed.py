"""Keys in the database, sealed."""

from __future__ import annotations

from licet.identity.keepers import handle as handles
from licet.identity.keepers.handle import Handle
from licet.identity.keepers.keeper import Kept, proven
from licet.identity.keys import KeyKind, PrivateKey, generate, read, read_private, spki, write_private
from licet.identity.sealing import Seal


class SealedKeeper:
    """Keeps a key as PKCS#8, sealed for its label. The handle is the key: destroying it is forgetting the handle."""

    name = "sealed"

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def generate(self, kind: KeyKind, label: str) -> Kept:
        """A new key."""
        key = proven(generate(kind))
        public_key = key.public_key()
        box = self._seal.seal(write_private(key), _context(label))
        return Kept(Handle(spki(public_key), box).encode(), public_key)

    def load(self, handle: bytes, label: str) -> PrivateKey:
        """The key, in this process's memory from now on."""
        kept = handles.read(handle)
        return proven(read_private(self._seal.open(kept.private, _context(label))), read(kept.public_key))

    def resealed(self, handle: bytes, label: str, seal: Seal) -> bytes:
        """The handle of the same key under another seal."""
        key = self.load(handle, label)
        return Handle(handles.read(handle).public_key, seal.seal(write_private(key), _context(label))).encode()

    def destroy(self, handle: bytes) -> None:
        """Nothing is left to do once the handle is deleted."""


def _context(label: str) -> str:
    return f"key {label}"
