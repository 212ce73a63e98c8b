"""What the database holds of a kept key."""

from __future__ import annotations

import msgspec

from licet.identity.errors import MalformedError


class Handle(msgspec.Struct, frozen=True, array_like=True):
    """The public half, as SubjectPublicKeyInfo in DER, and what its keeper has the private one by.

    That is a name, an id, or the key itself, sealed.
    """

    public_key: bytes
    private: bytes

    def encode(self) -> bytes:
        """What `read` reads."""
        return msgspec.msgpack.encode(self)


def read(handle: bytes) -> Handle:
    """The handle that was stored; raises MalformedError."""
    try:
        return msgspec.msgpack.decode(handle, type=Handle)
    except msgspec.MsgspecError:
        raise MalformedError("the handle of a key is unreadable", "restore the database from a backup") from None
