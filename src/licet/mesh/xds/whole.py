"""The state of the world: every response has what is asked for, and says nothing of what is gone.

Of clusters and listeners it has all there are, so that one that is left out is removed; of other kinds what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any

from licet.mesh.resource import Kind, Resource
from licet.mesh.xds.ledger import Ledger
from licet.mesh.xds.track import COMPLETE, EVERYTHING, Answer, Offer, Request, Saying, reason, require_few, versions


class Whole:
    """A `Track`. Where a response is complete, the ledger has one entry for it all."""

    def __init__(self, kind: Kind) -> None:
        self.ledger = Ledger()
        self._kind = kind
        self._complete = kind in COMPLETE
        self._names: tuple[str, ...] | None = None
        self._named = False
        self._nonce = 0
        self._said: Mapping[str, str] = {}
        self._new: tuple[str, ...] = ()
        self._seen: tuple[Offer, tuple[str, ...]] | None = None
        self._chosen: Mapping[str, Resource] = {}
        self._version = ""

    def hear(self, request: Request) -> Answer | None:
        """As `Track` has it. What answers an older response is passed over: the next answer repeats every name."""
        first = self._names is None
        if not first and request.response_nonce != self._last:
            return None
        names = tuple(dict.fromkeys(request.resource_names))
        require_few(names)
        answer = self._answer(request) if self.ledger.waiting else None
        self._ask(names)
        if first and self._complete and request.version_info:
            self.ledger.held[EVERYTHING] = request.version_info
        return answer

    def say(self, offer: Offer, version: str) -> Saying | None:  # noqa: ARG002 - the version is of what is said
        """As `Track` has it."""
        if self._names is None or self.ledger.waiting or (self._named and not self._names):
            return None
        self._choose(offer)
        wanted = self._wanted()
        news = self.ledger.news(wanted)
        if not news:
            return None
        said = versions(self._chosen.values())
        if self._complete:
            names = tuple(name for name, each in said.items() if self._said.get(name) != each)
            resources = list(self._chosen.values())
            self._new = names or tuple(self._said.keys() - said.keys())
        else:
            names = self._new = tuple(news)
            resources = [self._chosen[name] for name in news]
        self._said = said
        self.ledger.send({name: wanted[name] for name in news})
        self._nonce += 1
        response = DiscoveryResponse(
            version_info=self._version,
            type_url=self._kind.value,
            nonce=self._last,
            resources=[Any(type_url=self._kind.value, value=each.body) for each in resources],
        )
        return Saying(response, names)

    def refusing(self, target: Mapping[str, Resource]) -> bool:
        """As `Track` has it."""
        if self._complete:
            return self.ledger.refuses(EVERYTHING, self._version)
        return any(name in target and self.ledger.refuses(name, target[name].version) for name in self.ledger.refused)

    @property
    def _last(self) -> str:
        return str(self._nonce) if self._nonce else ""

    @property
    def _everything(self) -> bool:
        return EVERYTHING in (self._names or ()) or (self._complete and not self._named and self._names is not None)

    def _answer(self, request: Request) -> Answer:
        if not request.HasField("error_detail"):
            self.ledger.accept()
            return Answer()
        refused = self.ledger.reject(together=self._complete)
        return Answer(self._new or (EVERYTHING,) if self._complete else refused, reason(request))

    def _ask(self, names: tuple[str, ...]) -> None:
        before = set(self._names or ())
        if self._names is not None and names != self._names:
            added = set(names) - before
            # What is newly asked for is said, also where it was said before without having been asked for.
            self.ledger.forget([EVERYTHING] if self._complete and (added or not names) else before - set(names))
        self._names = names
        self._named = self._named or bool(names)

    def _choose(self, offer: Offer) -> None:
        names = self._names or ()
        if self._seen is not None and self._seen[0] is offer and self._seen[1] is names:
            return
        self._seen = (offer, names)
        if self._everything:
            self._chosen = offer.resources
        else:
            self._chosen = {name: offer.resources[name] for name in names if name in offer.resources}
        self._version = _digest(self._chosen)

    def _wanted(self) -> Mapping[str, str]:
        return {EVERYTHING: self._version} if self._complete else versions(self._chosen.values())


def _digest(resources: Mapping[str, Resource]) -> str:
    code = hashlib.sha256()
    for name in sorted(resources):
        code.update(f"{name}\0{resources[name].version}\n".encode())
    return code.hexdigest()[:16]
