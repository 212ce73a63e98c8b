"""What the side of the server that agents speak to needs of it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from licet.identity.bundle import Bundle
from licet.identity.node.upstream import Upstream
from licet.identity.spiffeid import SpiffeID, TrustDomain


class Admission(msgspec.Struct, frozen=True):
    """An agent's certificate (DER, the leaf first, the root left out), and the bundle to know its server with."""

    chain: tuple[bytes, ...]
    bundle: Bundle


class NodeAuthority(Protocol):
    """The server as agents meet it. Every call may raise an IdentityError, which reaches the agent in its words."""

    @property
    def trust_domain(self) -> TrustDomain:
        """The domain whose agents these are."""

    async def bundle(self) -> Bundle:
        """The domain's own bundle now."""

    async def attest_join(self, token: str, request: bytes) -> Admission:
        """Use a join token up; raises RefusedError for one that is unknown, used or expired."""

    async def attest_kubernetes(self, token: str, request: bytes) -> Admission:
        """Have a projected service-account token reviewed; raises RefusedError for one that is not accepted."""

    async def admit(self, agent: SpiffeID, serial: str) -> None:
        """Raise RefusedError where the agent is banned or unknown, or this is not its current or previous certificate.

        `serial` is in hexadecimal without leading zeros. It is asked before every call and before every state.
        """

    async def renew(self, agent: SpiffeID, request: bytes) -> Admission:
        """The agent's next certificate."""

    def upstream(self, agent: SpiffeID) -> Upstream:
        """What this agent may do and see.

        States of equal entries should hold the same tuple, for all agents: what is sent then is worked out once.
        """
