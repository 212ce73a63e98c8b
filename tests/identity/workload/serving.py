"""A server of a test's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from licet.identity.bundle import Bundle
from licet.identity.errors import MalformedError
from licet.identity.spiffeid import SpiffeID, TrustDomain
from licet.identity.workload.front import Attest
from licet.identity.workload.limits import Limits
from licet.identity.workload.server import WorkloadServer
from licet.identity.workload.source import Source
from tests.identity.workload.sources import attest


def validate(token: str, audience: str, bundles: Mapping[TrustDomain, Bundle]) -> tuple[SpiffeID, Mapping[str, object]]:
    """Refuses everything."""
    del token, audience, bundles
    raise MalformedError("the token is not valid", "ask for another")


@asynccontextmanager
async def serving(
    home: Path, source: Source, *, attest: Attest = attest, limits: Limits | None = None
) -> AsyncGenerator[WorkloadServer, None]:
    """A server on `home/api.sock`."""
    home.chmod(0o755)
    async with WorkloadServer(home / "api.sock", source, attest, validate, limits or Limits()) as server:
        yield server
