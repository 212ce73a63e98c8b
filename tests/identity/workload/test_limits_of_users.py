"""What one user takes of the connections is counted, also after some of them ended."""

from __future__ import annotations

import asyncio
from pathlib import Path

from licet.identity.workload.limits import Limits
from tests.identity.workload.serving import serving, until
from tests.identity.workload.sources import Scripted


def test_a_connection_that_ends_makes_room_for_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, Scripted(), limits=Limits(connections_for_uid=3)) as server:
            front, path = server.front, tmp_path / "api.sock"
            held = [await asyncio.open_unix_connection(path) for _ in range(3)]
            await until(lambda: front.connections == 3)
            for turn in range(1, 4):
                _, ended = held.pop()
                ended.close()
                await ended.wait_closed()
                await until(lambda: front.connections == 2)
                held.append(await asyncio.open_unix_connection(path))
                await until(lambda: front.connections == 3)
                reader, refused = await asyncio.open_unix_connection(path)
                assert await asyncio.wait_for(reader.read(), 30) == b""
                refused.close()
                await refused.wait_closed()
                assert (front.connections, front.shed) == (3, turn)
            for _, writer in held:
                writer.close()
                await writer.wait_closed()

    asyncio.run(story())
