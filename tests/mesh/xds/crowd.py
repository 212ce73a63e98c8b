"""Many nodes at once, in a process of their own: `python -m tests.mesh.xds.crowd SOCKET HOW_MANY LAST`.

Every one follows until it holds the policy of the last mark; then the marks that each has seen are printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

from licet.mesh.resource import Kind
from tests.mesh.xds.nodes import DeltaNode, Node, WholeNode
from tests.mesh.xds.serving import channel, follow

_EACH = 100
"""Streams of one connection."""


async def crowd(socket: str, many: int, last: str) -> dict[str, list[str]]:
    """The marks of the policies that each node has seen, in order."""
    nodes: list[Node] = [(WholeNode if number % 2 else DeltaNode)(f"node-{number}") for number in range(many)]
    seen: dict[str, list[str]] = {node.id: [] for node in nodes}
    channels = [channel(f"unix:{socket}") for _ in range(0, many, _EACH)]
    done = asyncio.Event()
    left = set(seen)

    def note(node: Node) -> None:
        policy = node.held[Kind.EXTENSION].get("policy")
        if policy is not None and seen[node.id][-1:] != [policy.mark]:
            seen[node.id].append(policy.mark)
            if policy.mark == last:
                left.discard(node.id)
                if not left:
                    done.set()

    tasks = [
        asyncio.ensure_future(follow(channels[number // _EACH], node, lambda node=node: note(node)))  # type: ignore[misc]
        for number, node in enumerate(nodes)
    ]
    ending = asyncio.ensure_future(done.wait())
    await asyncio.wait([ending, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (ending, *tasks):
        task.cancel()
    failed = [each for each in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(each, Exception)]
    for each in channels:
        await each.close()
    if failed:
        raise failed[0]
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), sys.argv[3]))))
