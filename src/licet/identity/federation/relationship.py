"""What a trust domain has to know of another before it can fetch its bundle (SPIFFE_Federation.md 5.1)."""

from __future__ import annotations

import enum
import re
from urllib.parse import urlsplit

import msgspec

from licet.identity.errors import MalformedError, RefusedError
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse

_LONGEST_URL = 2048
_URL = re.compile(r"[!-\[\]-~]+")
"""What is printed in ASCII, without the backslash, which some readers take for a slash."""


class Profile(enum.Enum):
    """How the endpoint proves that it may speak for the other domain (5.2)."""

    HTTPS_WEB = "https_web"
    HTTPS_SPIFFE = "https_spiffe"


class Relationship(msgspec.Struct, frozen=True):
    """Where the bundle of a trust domain is fetched, and by what the endpoint there is known.

    `endpoint_id` is the endpoint's SPIFFE ID, of the same or another trust domain, and there with `https_spiffe` alone.
    Relationships go one way.
    """

    trust_domain: TrustDomain
    profile: Profile
    url: str
    endpoint_id: SpiffeID | None = None

    def __post_init__(self) -> None:
        check_url(self.url)
        if self.profile is Profile.HTTPS_WEB and self.endpoint_id is not None:
            raise MalformedError("`https_web` knows an endpoint by its URL", "leave the SPIFFE ID of the endpoint out")
        if self.profile is Profile.HTTPS_SPIFFE and (self.endpoint_id is None or not self.endpoint_id.path):
            raise MalformedError("`https_spiffe` knows an endpoint by its SPIFFE ID", "give one, with a path")

    @property
    def vouching(self) -> TrustDomain | None:
        """The trust domain whose bundle the endpoint is verified with; None where that is the web's business."""
        return self.endpoint_id.trust_domain if self.endpoint_id is not None else None


def relate(own: TrustDomain, trust_domain: str, profile: str, url: str, endpoint_id: str = "") -> Relationship:
    """The relationship that an operator of `own` spells out; raises MalformedError and RefusedError."""
    other = TrustDomain(trust_domain)
    if other == own:
        raise RefusedError(f"`{own}` is this trust domain itself", "its bundle is known here, and fetched from nobody")
    try:
        kind = Profile(profile)
    except ValueError:
        shown = ascii(profile[:80])[1:-1]
        raise MalformedError(f"`{shown}` is no endpoint profile", "`https_web` or `https_spiffe`") from None
    return Relationship(other, kind, url, parse(endpoint_id) if endpoint_id else None)


def check_url(url: str) -> None:
    """Raises MalformedError for what may not be the URL of a bundle endpoint (5.2.1.1, 5.2.2.1)."""
    # What stands before an `@` may be a password, and is shown in no message.
    shown = ascii(url[:200].rpartition("@")[2])[1:-1]
    if len(url) > _LONGEST_URL or not _URL.fullmatch(url):
        raise MalformedError(f"`{shown}` is no URL", f"{_LONGEST_URL} printed characters of ASCII at most")
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise MalformedError(f"`{shown}` is no URL", ascii(str(error))[1:-1].lower()) from error
    if not named or parts.scheme != "https":
        raise MalformedError(f"`{shown}` is no URL of a bundle endpoint", "it begins with `https://` and names a host")
    if "@" in parts.netloc:
        raise MalformedError("the URL of a bundle endpoint names a user", "nobody signs in to fetch a bundle")
