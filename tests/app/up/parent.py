"""A command with children, `parent FOLDER ENVOY`: it says their numbers and waits to be killed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from licet.app.up.attest import Kin
from licet.app.up.children import Children
from licet.app.up.orders import Begin
from licet.app.up.worker import Worker
from tests.app.up.standing import deployment


async def run(home: Path, envoy: str) -> None:
    """Never return."""
    key = deployment("ledger")
    async with Children(home, Kin()) as children:
        begin = Begin(str(key), "127.0.0.1", "/nowhere", {})
        worker = await Worker.start(children, "ours", key, begin)
        started = [
            children.start("envoy", key, (envoy, "--config-yaml", "{}", "--disable-hot-restart", "--concurrency", "1")),
            children.start("sleep", key, ("/bin/sh", "-c", 'trap "" TERM; sleep 1000')),
        ]
        while "starting main dispatch loop" not in started[0].log.read_text():
            await asyncio.sleep(0.01)
        print(json.dumps([worker.child.pid, *(each.pid for each in started)]), flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
