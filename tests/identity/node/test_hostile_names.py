"""A method's name that is no UTF-8 ends nothing but its own call: grpcio's own server would shut down."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from tests.identity.node.plane import Domain, attested, serving
from tests.identity.workload.test_hostile_bytes import call


async def send(address: str, data: bytes) -> None:
    """Send this over TLS, whoever the server is, and wait until it answers something."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.write(data)
    await writer.drain()
    assert await asyncio.wait_for(reader.read(1), 10)
    writer.close()


def test_a_name_that_is_no_utf_8_does_not_end_the_port_for_joining(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (_, join):
            for _ in range(3):
                await send(join, call("\xff\xfe", b""))
            assert (await attested(domain, join, tmp_path)).spiffe_id.trust_domain == domain.trust_domain

    asyncio.run(run())
