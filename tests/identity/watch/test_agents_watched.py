"""Agents and the ports that they come to are watched."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from random import Random

import pytest

from licet.identity.errors import RefusedError
from licet.identity.node.remote import Remote
from licet.identity.node.server import NodeServer
from licet.identity.watch.metrics import Metrics
from licet.identity.watch.subject import Subject
from tests.identity.node.plane import DOMAIN, Domain, ask, attested, now


def test_agents_that_are_turned_away_are_counted_and_one_tells_when_its_own_certificate_ends(tmp_path: Path) -> None:
    async def story() -> None:
        domain = Domain()
        server = NodeServer(domain, lambda: domain.server, now)
        node, join = await server.start("127.0.0.1:0", "127.0.0.1:0")
        try:
            credentials = await attested(domain, f"127.0.0.1:{join}", tmp_path / "one")
            remote = Remote([f"127.0.0.1:{node}"], DOMAIN, credentials, Random(1))
            await remote.mint([ask()])
            assert server.refused.counts() == {}
            with pytest.raises(RefusedError, match="used before"):
                await attested(domain, f"127.0.0.1:{join}", tmp_path / "two")
            domain.banned.add(credentials.spiffe_id)
            with pytest.raises(RefusedError, match="is banned"):
                await remote.mint([ask()])
            assert server.refused.counts() == {"attestation": 1, "certificate": 1}
            text = Metrics(Subject(now, credentials=credentials)).expose(None).decode()
            [ends] = re.findall(r"^licet_identity_agent_certificate_expiry_timestamp_seconds (.*)$", text, re.MULTILINE)
            assert float(ends) == credentials.not_after.timestamp()
            await remote.close()
        finally:
            await server.stop(1)

    asyncio.run(story())
