"""States as a stream tells them: complete, but for the entries, of which only what changed is sent.

10,000 entries take 3 MB; sent whole to 1,000 agents, every change of one of them would be 3 GB. So the first message of
a stream holds all, unless the agent still holds the same from before, and each later one the difference.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from licet.identity.entry import Entry, decode, encode
from licet.identity.errors import MalformedError
from licet.identity.node import wire
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.upstream import NodeState
from licet.identity.spiffeid import TrustDomain, parse

Entries = tuple[Entry, ...]


class Same:
    """Entries by identity: comparing and hashing 10,000 of them by value for every agent would cost seconds."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries

    def __hash__(self) -> int:
        return id(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.entries is other.entries


class Telling:
    """One stream, from the server's side."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._told: Same | None = None

    def message(self, state: NodeState) -> pb.State:
        """The state to send next."""
        entries = Same(state.entries)
        if self._told is None:
            told = pb.Entries(mark=self._mark) if self._mark == _mark(entries) else _whole(entries)
        elif self._told.entries == state.entries:
            told = pb.Entries(mark=self._mark)
        else:
            told = _difference(self._told, entries)
        self._told, self._mark = entries, told.mark
        return pb.State(
            version=state.version,
            entries=told,
            own=wire.bundle_message(state.own),
            federated=[wire.bundle_message(each) for each in state.federated.values()],
            reissue=sorted(state.reissue),
            denied=sorted(str(each) for each in state.denied),
        )


class Hearing:
    """All the streams of an agent, one after the other: what it holds outlives a connection."""

    def __init__(self, trust_domain: TrustDomain) -> None:
        self._domain = trust_domain
        self._held: dict[str, Entry] = {}
        self._entries: Entries = ()
        self.mark = b""

    def state(self, message: pb.State) -> NodeState:
        """The state that was sent; raises MalformedError, after which everything has to be told anew."""
        try:
            return self._state(message)
        except wire.MISREAD as error:
            self._held, self._entries, self.mark = {}, (), b""
            if isinstance(error, MalformedError):
                raise
            raise MalformedError("the server sent an unreadable entry", "run the same release on both") from error

    def _state(self, message: pb.State) -> NodeState:
        own = wire.bundle(message.own)
        federated = [wire.bundle(each) for each in message.federated]
        if own.trust_domain != self._domain or self._domain in {each.trust_domain for each in federated}:
            raise MalformedError(f"the server speaks for another domain than `{self._domain}`", "name its own server")
        if not own.x509:
            raise MalformedError("the server sent a bundle without authorities", "look at `licet identity status`")
        self._hear(message.entries)
        return NodeState(
            version=message.version,
            entries=self._entries,
            own=own,
            federated={each.trust_domain: each for each in federated},
            reissue=frozenset(message.reissue),
            denied=frozenset(parse(each) for each in message.denied),
        )

    def _hear(self, told: pb.Entries) -> None:
        changed = [decode(data) for data in told.changed]
        if strange := [e for e in changed if e.spiffe_id.trust_domain != self._domain or e.spiffe_id.reserved]:
            raise MalformedError(f"the server registered `{strange[0].spiffe_id}`", "no agent gives such an identity")
        if told.complete:
            self._held = {}
        for gone in told.removed:
            self._held.pop(gone, None)
        self._held.update((entry.id, entry) for entry in changed)
        if told.complete or told.removed or changed:
            self._entries = tuple(self._held[id] for id in sorted(self._held))
        self.mark = told.mark


@lru_cache(maxsize=32)
def _mark(entries: Same) -> bytes:
    """The same for the same entries, from any server."""
    digest = hashlib.sha256()
    for data in sorted(encode(entry) for entry in entries.entries):
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.digest()


@lru_cache(maxsize=8)
def _whole(entries: Same) -> pb.Entries:
    return pb.Entries(complete=True, changed=[encode(entry) for entry in entries.entries], mark=_mark(entries))


@lru_cache(maxsize=32)
def _difference(before: Same, after: Same) -> pb.Entries:
    held = {entry.id: entry for entry in before.entries}
    wanted = {entry.id: entry for entry in after.entries}
    return pb.Entries(
        changed=[encode(entry) for id, entry in wanted.items() if held.get(id) != entry],
        removed=[id for id in held if id not in wanted],
        mark=_mark(after),
    )
