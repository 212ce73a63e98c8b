"""One stream with one node, in either form of the protocol, without the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from google.protobuf.message import Message

from licet.identity.errors import MalformedError
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.xds.order import Order, Standing, assigned
from licet.mesh.xds.track import COMPLETE, Answer, Left, Request, Track

_KINDS = {kind.value: kind for kind in Kind}


class Told(Protocol):
    """Who is told how far the node is."""

    def acknowledged(self, kind: Kind, version: str) -> None:
        """The node holds this version of a kind; of one that something else was refused of, all that it asked for."""

    def refused(self, kind: Kind, version: str, names: tuple[str, ...], reason: str) -> None:
        """The node does not take these; what it had stays, and they are not said again until they are others."""


class Conversation:
    """What is said to whatever is heard, and to whatever changes; `form` is `Whole` or `Delta`.

    `left` is what the node's last stream left behind: Envoy takes the good part of what it refuses, and does not say so
    when it comes back.
    """

    def __init__(self, form: Callable[[Kind], Track], told: Told, left: Left | None = None) -> None:
        self._left = left or {}
        self._form = form
        self._told = told
        self._tracks: dict[Kind, Track] = {}
        self._order = Order(self._standing, self._has_endpoints)
        self._warming: set[str] = set()
        self._acknowledged: dict[Kind, str] = {}
        self._answered = False

    def hear(self, request: Request) -> list[Message]:
        """What is to be said to a request; raises MalformedError. Of kinds that nobody knows nothing is said."""
        if not request.type_url:
            raise MalformedError("a request names no type", "`type_url` says what is asked for")
        kind = _KINDS.get(request.type_url)
        if kind is None:
            return []
        track = self._tracks.get(kind)
        if track is None:
            track = self._tracks[kind] = self._form(kind)
            answer = track.hear(request)
            track.ledger.doubt(self._left.get(kind, {}))
            if kind is Kind.ENDPOINTS:
                track.ledger.forget(self._warming)
                self._warming.clear()
        else:
            answer = track.hear(request)
        if answer is not None:
            self._answered = True
            self._judge(kind, answer)
        return self._speak()

    def see(self, snapshot: Snapshot) -> list[Message]:
        """What is to be said when the snapshot is another."""
        self._order.see(snapshot)
        return self._speak()

    def left(self) -> Left:
        """What this stream leaves behind where it ends now."""
        found = {kind: track.ledger.left() for kind, track in self._tracks.items() if kind in COMPLETE}
        return {kind: names for kind in COMPLETE if (names := found.get(kind, self._left.get(kind)))}

    def _speak(self) -> list[Message]:
        said: list[Message] = []
        for kind in Kind:
            self._order.open(kind)
            said += self._say(kind)
        if self._all_asked() and self._order.finish():
            for kind in Kind:
                said += self._say(kind)
        self._order.note()
        self._acknowledge()
        return said

    def _say(self, kind: Kind) -> list[Message]:
        track, offer, target = self._tracks.get(kind), self._order.offer(kind), self._order.target
        if track is None or offer is None or target is None:
            return []
        saying = track.say(offer, target.versions[kind])
        if saying is None:
            return []
        if kind is Kind.CLUSTER:
            # A changed cluster waits for its endpoints, also where they are the same as before.
            self._warm({assigned(offer.resources[name].body) for name in saying.names})
        return [saying.message]

    def _warm(self, names: set[str]) -> None:
        if (track := self._tracks.get(Kind.ENDPOINTS)) is not None:
            track.ledger.forget(names)
        else:
            self._warming |= names

    def _all_asked(self) -> bool:
        """Whether a kind that was not asked for is not needed, as far as can be known.

        Who comes back asks for one kind after the other, and still has use for what is gone. By the time that it has
        answered something, it has asked for everything.
        """
        target = self._order.target
        if self._answered or target is None:
            return self._answered
        return Kind.LISTENER in self._tracks and all(kind in self._tracks for kind in Kind if target.resources[kind])

    def _standing(self, kind: Kind) -> Standing:
        track, target = self._tracks.get(kind), self._order.target
        if track is None or target is None:
            return Standing.UNASKED
        if track.ledger.waiting:
            return Standing.WAITING
        return Standing.REFUSED if track.refusing(target.resources[kind]) else Standing.SETTLED

    def _has_all(self, kind: Kind, target: Snapshot) -> bool:
        """Whether the node holds all there is; what it has not asked for it will, unless something else was refused."""
        ledger = self._tracks[kind].ledger
        return all(ledger.holds(name, each.version) for name, each in target.resources[kind].items()) or any(
            self._standing(other) is Standing.REFUSED for other in Kind
        )

    def _has_endpoints(self, name: str, version: str) -> bool:
        track = self._tracks.get(Kind.ENDPOINTS)
        return track is not None and track.ledger.holds(name, version)

    def _judge(self, kind: Kind, answer: Answer) -> None:
        if not answer.refused or self._order.target is None:
            return
        self._acknowledged.pop(kind, None)
        self._told.refused(kind, self._order.target.versions[kind], answer.refused, answer.reason)

    def _acknowledge(self) -> None:
        target = self._order.target
        if target is None:
            return
        for kind, version in target.versions.items():
            if self._acknowledged.get(kind) != version and self._held(kind, target):
                self._acknowledged[kind] = version
                self._told.acknowledged(kind, version)

    def _held(self, kind: Kind, target: Snapshot) -> bool:
        match self._standing(kind):
            case Standing.SETTLED:
                return self._order.opened(kind) and (kind in COMPLETE or self._has_all(kind, target))
            case Standing.UNASKED:
                return self._order.finished and Kind.LISTENER in self._tracks and not target.resources[kind]
            case _:
                return False
