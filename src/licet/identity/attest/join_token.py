"""Join tokens: secrets that an administrator hands to one agent, once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

import msgspec

from licet.identity.errors import RefusedError
from licet.identity.spiffeid import SpiffeID

_BYTES = 32
_LONGEST = 256
_HELP = "make a new one; a join token is good for one agent, once, and not for long"


class JoinToken(msgspec.Struct, frozen=True):
    """A token as it is stored: the SHA-256 of it in hexadecimal, and never itself."""

    digest: str
    spiffe_id: SpiffeID
    expires_at: datetime
    used_at: datetime | None = None

    def redeem(self, token: str, now: datetime) -> JoinToken:
        """The token as used, which has to be stored before anything is handed out for it; raises RefusedError."""
        if not hmac.compare_digest(self.digest, digest(token)):
            raise unknown()
        if self.used_at is not None:
            raise RefusedError("this join token has been used", _HELP)
        if now >= self.expires_at:
            raise RefusedError("this join token has expired", _HELP)
        return msgspec.structs.replace(self, used_at=now)


def new() -> tuple[str, str]:
    """A token of 256 random bits, to be shown once, and its digest, to be stored."""
    token = secrets.token_urlsafe(_BYTES)
    return token, digest(token)


def digest(token: str) -> str:
    """What a token is stored and found by, so that no comparison tells how near a guess was."""
    if len(token) > _LONGEST:
        raise unknown()
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def unknown() -> RefusedError:
    """The refusal of a token that nobody made."""
    return RefusedError("this join token is not known", _HELP)
