"""Nonces that were seen: each is good for once, for as long as anything signed with it would be taken."""

from __future__ import annotations

import heapq
from collections import Counter

import msgspec

from licet.identity.errors import RefusedError, UnavailableError


class Room(msgspec.Struct, frozen=True):
    """How many nonces are kept, of all and of one signer, so that no signer uses up what others need."""

    all: int = 100_000
    one: int = 25_000


class Nonces:
    """What was seen within the window. Nothing is forgotten early: who finds no room is refused."""

    def __init__(self, room: Room | None = None) -> None:
        self._room = room or Room()
        self._seen: set[tuple[str, str]] = set()
        self._of: Counter[str] = Counter()
        self._ends: list[tuple[float, str, str]] = []

    def __len__(self) -> int:
        return len(self._seen)

    def spend(self, signer: str, nonce: str, until: float, now: float) -> None:
        """Take a nonce that is kept until then; raises RefusedError for one that was seen.

        `now` may not go back, and is after `until` for whatever is forgotten here.
        """
        self._forget(now)
        if (signer, nonce) in self._seen:
            raise RefusedError("the request was made before", "sign each request anew")
        if len(self._seen) >= self._room.all or self._of[signer] >= self._room.one:
            raise UnavailableError("too many requests were signed lately", "try again later")
        self._seen.add((signer, nonce))
        self._of[signer] += 1
        heapq.heappush(self._ends, (until, signer, nonce))

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] < now:
            _, signer, nonce = heapq.heappop(self._ends)
            self._seen.discard((signer, nonce))
            self._of[signer] -= 1
            if not self._of[signer]:
                del self._of[signer]
