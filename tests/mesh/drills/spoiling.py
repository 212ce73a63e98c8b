"""`licet` whose node hands out garbage while there is a file that says which: `python -m tests.mesh.drills.spoiling`.

Everything else of it is as it is: the server of secrets, what it hears of Envoys, and where that goes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec

from licet.app.identity import serving
from licet.cli.run import run
from licet.identity.node.agent import Agent
from licet.identity.svid import View
from licet.identity.workload.source import Peer
from tests.identity.workload.sources import Authority
from tests.mesh.drills.platform import SPOIL


class Spoiling(Agent):
    """A node that says what it is told, but for what is to be garbage."""

    async def views(self, peer: Peer, *, keys: bool) -> AsyncGenerator[View, None]:
        """As `Source` has it."""
        async with aclosing(super().views(peer, keys=keys)) as views:
            async for view in views:
                yield spoiled(view)


def spoiled(view: View) -> View:
    """The same, with garbage in it if there is to be some."""
    file = Path(os.environ[SPOIL])
    match file.read_text() if file.exists() else "":
        case "certificate":
            return msgspec.structs.replace(view, svids=tuple(_with(each, chain=(b"garbage",)) for each in view.svids))
        case "key":
            other = Authority("example.org").svid("/other").key
            return msgspec.structs.replace(view, svids=tuple(_with(each, key=other) for each in view.svids))
        case "bundle":
            return msgspec.structs.replace(view, own=msgspec.structs.replace(view.own, x509=(b"garbage",)))
        case _:
            return view


_with = msgspec.structs.replace


if __name__ == "__main__":
    vars(serving)["Agent"] = Spoiling
    sys.exit(run(sys.argv[1:]))
