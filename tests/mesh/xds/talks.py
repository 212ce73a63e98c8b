"""A node and the conversation with it, and the messages between them that are still on their way."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from licet.mesh.resource import Kind, Snapshot
from licet.mesh.xds.conversation import Conversation
from licet.mesh.xds.delta import Delta
from licet.mesh.xds.whole import Whole
from tests.mesh.xds.nodes import DeltaNode, Node, WholeNode

FORMS: list[Callable[[], Node]] = [WholeNode, DeltaNode]


class Talk:
    """One stream; `acknowledged` and `refused` are what the conversation reports."""

    def __init__(self, node: Node, shown: Snapshot | None = None, before: Talk | None = None) -> None:
        self.node = node
        left = None if before is None else before.conversation.left()
        self.conversation: Conversation = Conversation(Whole if isinstance(node, WholeNode) else Delta, self, left)
        self.down: deque[Any] = deque()
        self.acked: dict[Kind, str] = {}
        self.refusals: list[tuple[Kind, tuple[str, ...], str]] = []
        node.said.clear()
        node.begin()
        if shown is not None:
            self.show(shown)

    def acknowledged(self, kind: Kind, version: str) -> None:
        """As `Told` has it."""
        self.acked[kind] = version

    def refused(self, kind: Kind, version: str, names: tuple[str, ...], reason: str) -> None:
        """As `Told` has it."""
        assert version
        self.refusals.append((kind, names, reason))

    def show(self, snapshot: Snapshot) -> None:
        """Change the snapshot."""
        self.down += self.conversation.see(snapshot)

    def settle(self, chance: random.Random | None = None) -> Talk:
        """Deliver every message, in an order of chance where there is one; both ways keep their own order."""
        for _ in range(10_000):
            if not self.node.said and not self.down:
                return self
            self.step(chance)
        raise AssertionError("the two never come to an end")

    def step(self, chance: random.Random | None = None) -> None:
        """Deliver one message, if there is one."""
        up = bool(self.node.said) and (not self.down or chance is None or chance.random() < 0.5)
        if up:
            self.down += self.conversation.hear(self.node.said.popleft())
        elif self.down:
            self.node.take(self.down.popleft())

    def shown(self, snapshot: Snapshot) -> Talk:
        """Change the snapshot and deliver everything."""
        self.node.heard.clear()
        self.show(snapshot)
        return self.settle()
