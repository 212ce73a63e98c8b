"""What both forms of the protocol have in common: one kind of resources on one stream."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec
from google.protobuf.message import Message

from licet.identity.errors import MalformedError
from licet.mesh.resource import Kind, Resource
from licet.mesh.xds.ledger import Ledger

EVERYTHING = "*"
"""The name that stands for whatever there is for the node."""
Left: TypeAlias = Mapping[Kind, Mapping[str, str]]
"""What a node may have though it does not say so: of clusters and listeners, by name, with the version it may be of."""
COMPLETE = frozenset({Kind.CLUSTER, Kind.LISTENER})
"""Kinds that are asked for as a whole by asking for nothing, and that Envoy takes the good ones of among bad ones."""
MOST_NAMES = 10_000
LONGEST_NAME = 1024
MOST_TEXT = 1 << 19
"""Characters of all names together that a stream may ask for of one kind."""
_LONGEST_REASON = 1000

Request: TypeAlias = Any
"""A DiscoveryRequest or DeltaDiscoveryRequest, for which there are no stubs."""


class Offer(msgspec.Struct, frozen=True):
    """What a node may be told of a kind now.

    What is not in it is gone where it is `final`, and may still be in use otherwise; `coming` are names that will be.
    """

    resources: Mapping[str, Resource]
    final: bool
    coming: Collection[str] = ()


class Answer(msgspec.Struct, frozen=True):
    """What a node says of a response: the names that it refused, none where it took all, and why in its own words."""

    refused: tuple[str, ...] = ()
    reason: str = ""


class Saying(msgspec.Struct, frozen=True):
    """A response, and the names that are new in it."""

    message: Message
    names: tuple[str, ...]


class Track(Protocol):
    """One kind on one stream, in either form."""

    ledger: Ledger

    def hear(self, request: Request) -> Answer | None:
        """Take note of a request; what it says of the last response, if it does. Raises MalformedError."""

    def say(self, offer: Offer, version: str) -> Saying | None:
        """What is to be said now. Nothing while a response is under way."""

    def refusing(self, target: Mapping[str, Resource]) -> bool:
        """Whether the node has refused some of this."""


def require_few(names: Collection[str]) -> None:
    """Raise MalformedError for more names than a stream may ask for, or overlong ones."""
    if len(names) > MOST_NAMES or any(len(name) > LONGEST_NAME for name in names):
        raise MalformedError("too much is asked for", f"{MOST_NAMES:,} names of {LONGEST_NAME:,} characters at most")
    if sum(map(len, names)) > MOST_TEXT:
        raise MalformedError("too much is asked for", f"names of {MOST_TEXT:,} characters together at most")


def reason(request: Request) -> str:
    """Why a response was refused: one line, and not too much of it."""
    words = " ".join(request.error_detail.message[: 2 * _LONGEST_REASON].split())
    return "".join(each for each in words if each.isprintable())[:_LONGEST_REASON] or "no reason was given"


def versions(resources: Iterable[Resource]) -> dict[str, str]:
    """Versions by name."""
    return {each.name: each.version for each in resources}
