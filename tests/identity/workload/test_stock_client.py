"""PyPI `spiffe`, unmodified and in a process of its own, fetches, watches and validates."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.identity.workload.serving import serving
from tests.identity.workload.sources import Authority, Scripted

FETCH = """
import json, os
from spiffe import WorkloadApiClient, SpiffeId
with WorkloadApiClient() as client:
    context = client.fetch_x509_context()
    token = client.fetch_jwt_svid({"db"}, SpiffeId("spiffe://example.org/myservice2"))
    print(json.dumps({
        "pid": os.getpid(),
        "svids": [str(svid.spiffe_id) for svid in context.x509_svids],
        "bundles": sorted(bundle.trust_domain.name for bundle in client.fetch_x509_bundles().bundles),
        "keys": sorted(
            [bundle.trust_domain.name, *sorted(bundle.jwt_authorities)] for bundle in client.fetch_jwt_bundles().bundles
        ),
        "token": str(token.spiffe_id),
        "valid": str(client.validate_jwt_svid(token.token, "db").spiffe_id),
    }))
"""
WATCH = """
import threading
from spiffe import WorkloadApiClient
with WorkloadApiClient() as client:
    client.stream_x509_contexts(lambda context: print(context.default_svid.leaf.serial_number, flush=True), print)
    threading.Event().wait()
"""


async def run(program: str, socket: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", program),
        env={"SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}"},
        stdout=asyncio.subprocess.PIPE,
    )


def test_everything_is_fetched_and_a_token_is_validated(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        source.paths = (("/myservice", "internal"), ("/myservice2", "external"))
        source.view = source.fresh(Authority("example-federated.org").bundle())
        async with serving(tmp_path, source):
            process = await run(FETCH, tmp_path / "api.sock")
            out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert json.loads(out) == {
            "pid": process.pid,
            "svids": ["spiffe://example.org/myservice", "spiffe://example.org/myservice2"],
            "bundles": ["example-federated.org", "example.org"],
            "keys": [["example-federated.org", "example-federated.org-1"], ["example.org", "example.org-1"]],
            "token": "spiffe://example.org/myservice2",
            "valid": "spiffe://example.org/myservice2",
        }
        assert {peer.pid for peer in source.asked} == {process.pid}

    asyncio.run(story())


def test_rotations_are_watched(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        async with serving(tmp_path, source):
            process = await run(WATCH, tmp_path / "api.sock")
            assert process.stdout is not None
            for _ in range(10):
                serial = int(source.view.svids[0].serial, 16)
                while int(await asyncio.wait_for(process.stdout.readline(), 60)) != serial:
                    pass
                source.show(source.fresh())
            process.kill()
            await process.wait()

    asyncio.run(story())
