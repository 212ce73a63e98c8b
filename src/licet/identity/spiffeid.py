"""SPIFFE IDs and trust domains, as the specification SPIFFE-ID.md spells them."""

from __future__ import annotations

import re

import msgspec

from licet.identity.errors import MalformedError

LONGEST = 2048
"""Bytes of an ID that everyone has to support (2.3); longer ones are refused."""
_LONGEST_DOMAIN = 255
_DOMAIN = re.compile(r"[a-z0-9._-]+")
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]+")
_SCHEME = "spiffe://"
RESERVED = "/licet/"
"""Where the identities of Licet's own servers and agents stand; no entry may give one of them away."""


class TrustDomain(msgspec.Struct, frozen=True, order=True):
    """A trust domain by its name, without scheme; 1 to 255 of `a-z 0-9 . _ -` (2.1)."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(self.name):
            raise MalformedError(
                f"`{_shown(self.name)}` is no trust domain", "1 to 255 letters in lower case, digits, `.`, `-` and `_`"
            )

    def __str__(self) -> str:
        return self.name

    @property
    def id(self) -> str:
        """The trust domain as a SPIFFE ID: without a path, it is that of no workload."""
        return _SCHEME + self.name

    def member(self, path: str) -> SpiffeID:
        """The ID of this path, which begins with `/`."""
        return SpiffeID(self, path)


class SpiffeID(msgspec.Struct, frozen=True, order=True):
    """An ID of a workload or an authority; the path is empty or begins with `/` (2.2)."""

    trust_domain: TrustDomain
    path: str

    def __post_init__(self) -> None:
        if len(str(self)) > LONGEST:
            raise MalformedError("a SPIFFE ID is too long", f"{LONGEST} bytes at most")
        if not self.path:
            return
        first, *segments = self.path.split("/")
        if first or not all(_SEGMENT.fullmatch(each) and each not in (".", "..") for each in segments):
            raise MalformedError(
                f"`{_shown(str(self))}` is no SPIFFE ID",
                "segments of letters, digits, `.`, `-` and `_`, none empty, `.` or `..`, and no slash at the end",
            )

    def __str__(self) -> str:
        return _SCHEME + self.trust_domain.name + self.path

    @property
    def reserved(self) -> bool:
        """Whether it is one of Licet's own."""
        return (self.path + "/").startswith(RESERVED)


def parse(text: str) -> SpiffeID:
    """The ID that is written here; raises MalformedError.

    A trust domain is written in lower case (2.1), and an ID that is not is refused instead of folded, although 2.4
    would have the two compare as equal: policies and proxies compare IDs as they stand, so each has one spelling.
    """
    if len(text) > LONGEST:
        raise MalformedError("a SPIFFE ID is too long", f"{LONGEST} bytes at most")
    if not text.startswith(_SCHEME):
        raise MalformedError(f"`{_shown(text)}` is no SPIFFE ID", f"it begins with `{_SCHEME}`, in lower case")
    domain, slash, path = text[len(_SCHEME) :].partition("/")
    return SpiffeID(TrustDomain(domain), slash + path)


def _shown(text: str) -> str:
    """What somebody wrote, on one line and not too much of it."""
    return ascii(text[:200])[1:-1]
