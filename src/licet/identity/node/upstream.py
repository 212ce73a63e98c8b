"""What a node needs of the server, whether that runs in the same process or across the network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

import msgspec

from licet.identity.bundle import Bundle
from licet.identity.entry import Entry
from licet.identity.spiffeid import SpiffeID, TrustDomain


class Witness(msgspec.Struct, frozen=True):
    """For whom a node asks: the process as the kernel knows it, and the selectors that it was found to show."""

    pid: int
    uid: int
    gid: int
    selectors: tuple[str, ...]


class Ask(msgspec.Struct, frozen=True):
    """A certificate wanted: for which entry, the PKCS#10 request in DER, and on whose behalf."""

    entry: str
    request: bytes
    witness: Witness


class Issued(msgspec.Struct, frozen=True):
    """A certificate given: DER, the leaf first, the root left out."""

    chain: tuple[bytes, ...]


class Refusal(msgspec.Struct, frozen=True):
    """A certificate not given. Asking again helps only where `later`."""

    message: str
    later: bool = False


class Delivery(msgspec.Struct, frozen=True):
    """A workload was handed an identity that had been issued before, on its own or another's behalf."""

    spiffe_id: SpiffeID
    serial: str
    witness: Witness


class NodeState(msgspec.Struct, frozen=True):
    """Everything that a node goes by, complete each time.

    `reissue` holds the pins of issuers whose certificates are to be replaced at once; `denied` the identities that are
    revoked. A node that follows `version` says so with `applied`.
    """

    version: int
    entries: tuple[Entry, ...]
    own: Bundle
    federated: Mapping[TrustDomain, Bundle]
    reissue: frozenset[str]
    denied: frozenset[SpiffeID]


class Upstream(Protocol):
    """The server, as a node sees it. Any call may raise UnavailableError, and RefusedError where the node is banned."""

    async def mint(self, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        """One answer for each ask, in order."""

    async def mint_token(self, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        """A JWT-SVID of this entry in compact form; raises RefusedError."""

    def states(self) -> AsyncGenerator[NodeState, None]:
        """The state now, and again whenever it changes; ends with UnavailableError where the server goes away."""

    async def applied(self, version: int) -> None:
        """Say that everything up to this version is followed: workloads were handed what it asks for."""

    async def report(self, deliveries: Sequence[Delivery]) -> None:
        """Have deliveries recorded."""
