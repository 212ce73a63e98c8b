"""The incremental form: every response has what is new and names what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse  # type: ignore[import-untyped]
from envoy.service.discovery.v3.discovery_pb2 import Resource as DeltaResource
from google.protobuf.any_pb2 import Any

from licet.mesh.resource import Kind, Resource
from licet.mesh.xds.ledger import ABSENT, UNSURE, Ledger
from licet.mesh.xds.track import COMPLETE, EVERYTHING, Answer, Offer, Request, Saying, reason, require_few, versions


class Delta:
    """A `Track`."""

    def __init__(self, kind: Kind) -> None:
        self.ledger = Ledger()
        self._kind = kind
        self._names: set[str] = set()
        self._everything = False
        self._heard = False
        self._nonce = 0

    def hear(self, request: Request) -> Answer | None:
        """As `Track` has it. Whom the node holds something from since an earlier stream, it says in the first one."""
        answer = self._answer(request)
        self._subscribe(request.resource_names_subscribe)
        if not self._heard:
            self._heard = True
            held = dict(request.initial_resource_versions)
            require_few(held)
            asked = held if self._everything else held.keys() & self._names
            self.ledger.held.update({name: held[name] for name in asked if held[name] != ABSENT})
        self._unsubscribe(request.resource_names_unsubscribe)
        require_few(self._names)
        return answer

    def say(self, offer: Offer, version: str) -> Saying | None:
        """As `Track` has it."""
        if self.ledger.waiting:
            return None
        wanted = self._choose(offer)
        news = self.ledger.news(wanted)
        if not news and not self._waits_for_nothing():
            return None
        sent = {name: wanted[name] for name in news}
        self.ledger.send(sent)
        self._nonce += 1
        present = [offer.resources[name] for name in news if sent[name] != ABSENT]
        response = DeltaDiscoveryResponse(
            system_version_info=version,
            type_url=self._kind.value,
            nonce=str(self._nonce),
            resources=[
                DeltaResource(
                    name=each.name, version=each.version, resource=Any(type_url=self._kind.value, value=each.body)
                )
                for each in present
            ],
            removed_resources=[name for name in news if sent[name] == ABSENT],
        )
        return Saying(response, tuple(each.name for each in present))

    def refusing(self, target: Mapping[str, Resource]) -> bool:
        """As `Track` has it."""
        return any(name in target and self.ledger.refuses(name, target[name].version) for name in self.ledger.refused)

    def _answer(self, request: Request) -> Answer | None:
        if not self.ledger.waiting or request.response_nonce != str(self._nonce):
            return None
        if not request.HasField("error_detail"):
            self.ledger.accept()
            self._drop(name for name, version in tuple(self.ledger.held.items()) if version == ABSENT)
            return Answer()
        return Answer(self.ledger.reject(together=self._kind in COMPLETE), reason(request))

    def _drop(self, absent: Iterable[str]) -> None:
        """What is gone is remembered where it was asked for by name, so that it is not said to be gone again."""
        self.ledger.forget([name for name in absent if name not in self._names])

    def _subscribe(self, names: Iterable[str]) -> None:
        names = set(names)
        if not self._heard and not names and self._kind in COMPLETE:
            self._everything = True
        if EVERYTHING in names:
            self._everything = True
            names.discard(EVERYTHING)
        # Who subscribes again is told again.
        self.ledger.forget(names)
        self._names |= names

    def _unsubscribe(self, names: Iterable[str]) -> None:
        names = set(names)
        if EVERYTHING in names:
            self._everything = False
            self.ledger.forget(self.ledger.held.keys() - self._names)
        self._names -= names
        if self._everything:
            # It dropped what it may still have a use for: it is told once more, also that there is none.
            self.ledger.held.update(dict.fromkeys(names & self.ledger.held.keys(), UNSURE))
        else:
            self.ledger.forget(names)

    def _choose(self, offer: Offer) -> Mapping[str, str]:
        """Versions of all that the node should know of, ABSENT for what it has or asked for and is not there."""
        if self._everything:
            wanted = versions(offer.resources.values())
        else:
            wanted = {name: offer.resources[name].version for name in self._names if name in offer.resources}
        for name in self._names - wanted.keys() - self.ledger.held.keys():
            if name not in offer.coming:
                wanted[name] = ABSENT
        if offer.final:
            wanted.update((name, ABSENT) for name in self.ledger.held.keys() - wanted.keys())
        return wanted

    def _waits_for_nothing(self) -> bool:
        """An Envoy that starts waits for clusters and listeners, also where there are none."""
        return self._everything and not self._nonce and not self.ledger.held
