"""A node as Envoy is one, without a network: it asks for what it needs, takes or refuses, and is never left in need.

Of clusters and listeners it takes the good ones of a response that it refuses, as Envoy does; of others none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from licet.mesh.resource import Kind
from licet.mesh.xds.track import COMPLETE
from tests.mesh.xds.resources import Body, body

KINDS = {kind.value: kind for kind in Kind}


class Node:
    """What a node holds; `heard` are the responses that it was sent and `said` the requests that it wants to send."""

    def __init__(self, id: str = "node", *, strict: bool = True) -> None:
        self.id = id
        self.strict = strict
        self.held: dict[Kind, dict[str, Body]] = {kind: {} for kind in Kind}
        self.warm: set[str] = set()
        self.asked: dict[Kind, list[str]] = {}
        self.refused: list[tuple[Kind, tuple[str, ...]]] = []
        self.heard: list[tuple[Kind, tuple[str, ...], tuple[str, ...]]] = []
        self.said: deque[Any] = deque()

    def begin(self) -> None:
        """Ask for clusters, and for all else that was asked for on a stream before."""
        for kind in Kind:
            if kind in self.asked or kind is Kind.CLUSTER:
                self.asked.setdefault(kind, [])
                self.ask(kind, self.asked[kind], ())

    def take(self, response: Any) -> None:
        """Take or refuse a response, answer it, and ask for what is needed now."""
        kind = KINDS[response.type_url]
        resources, removed = self.read(kind, response)
        self.heard.append((kind, tuple(sorted(resources)), tuple(sorted(removed))))
        bad = tuple(sorted(name for name, each in resources.items() if each.bad))
        good = {name: each for name, each in resources.items() if not each.bad}
        if bad:
            self.refused.append((kind, bad))
        if not bad or kind in COMPLETE:
            self._apply(kind, good, removed)
        self.answer(kind, response, "refused: " + ", ".join(bad) if bad else "")
        self._need()
        self.check()

    def check(self) -> None:
        """Nothing in use names a cluster that is not there, or has no endpoints."""
        if self.strict:
            used = {
                name
                for kind in (Kind.LISTENER, Kind.ROUTES)
                for each in self.held[kind].values()
                for name in each.clusters
            }
            assert used <= self.warm, (used - self.warm, self.heard)

    def _apply(self, kind: Kind, good: Mapping[str, Body], removed: Iterable[str]) -> None:
        asked = self.asked[kind]
        self.held[kind].update({name: each for name, each in good.items() if kind in COMPLETE or name in asked})
        for name in removed:
            self.held[kind].pop(name, None)
        match kind:
            case Kind.CLUSTER:
                self.warm -= set(removed)
                self.warm |= {each.name for each in good.values() if not each.endpoints}
            case Kind.ENDPOINTS:
                self.warm |= good.keys() & self.held[Kind.CLUSTER].keys()
            case Kind.LISTENER:
                # Routes that no listener needs any more are gone with it.
                needed = {name for each in self.held[Kind.LISTENER].values() for name in each.routes}
                self.held[Kind.ROUTES] = {n: each for n, each in self.held[Kind.ROUTES].items() if n in needed}
            case _:
                pass

    def _need(self) -> None:
        listeners = self.held[Kind.LISTENER].values()
        self._ask(Kind.ENDPOINTS, {each.endpoints for each in self.held[Kind.CLUSTER].values() if each.endpoints})
        self._ask(Kind.ROUTES, {name for each in listeners for name in each.routes})
        self._ask(Kind.EXTENSION, {name for each in listeners for name in each.policies})
        if Kind.LISTENER not in self.asked and self.held[Kind.CLUSTER].keys() <= self.warm:
            self.asked[Kind.LISTENER] = []
            self.ask(Kind.LISTENER, [], ())

    def _ask(self, kind: Kind, names: set[str]) -> None:
        before = self.asked.get(kind)
        if before is None and not names:
            return
        if before is None or set(before) != names:
            self.asked[kind] = sorted(names)
            self.ask(kind, sorted(names - set(before or ())), sorted(set(before or ()) - names))

    def ask(self, kind: Kind, added: list[str], dropped: Iterable[str]) -> None:
        """Say what is asked for now."""
        raise NotImplementedError

    def answer(self, kind: Kind, response: Any, refusal: str) -> None:
        """Say what was made of a response."""
        raise NotImplementedError

    def read(self, kind: Kind, response: Any) -> tuple[dict[str, Body], set[str]]:
        """The resources of a response, and the names of those that are gone."""
        raise NotImplementedError


class WholeNode(Node):
    """By the state of the world."""

    def __init__(self, id: str = "node", *, strict: bool = True) -> None:
        super().__init__(id, strict=strict)
        self._nonces: dict[Kind, str] = {}
        self._versions: dict[Kind, str] = {}

    def begin(self) -> None:
        """As `Node` has it."""
        self._nonces.clear()
        super().begin()

    def ask(self, kind: Kind, added: list[str], dropped: Iterable[str]) -> None:  # noqa: ARG002 - all is said
        """As `Node` has it."""
        self.said.append(self._request(kind))

    def answer(self, kind: Kind, response: DiscoveryResponse, refusal: str) -> None:
        """As `Node` has it."""
        self._nonces[kind] = response.nonce
        if not refusal:
            self._versions[kind] = response.version_info
        request = self._request(kind)
        if refusal:
            request.error_detail.message = refusal
        self.said.append(request)

    def read(self, kind: Kind, response: DiscoveryResponse) -> tuple[dict[str, Body], set[str]]:
        """As `Node` has it."""
        resources = {(each := body(kind, packed.value)).name: each for packed in response.resources}
        return resources, self.held[kind].keys() - resources.keys() if kind in COMPLETE else set()

    def _request(self, kind: Kind) -> DiscoveryRequest:
        return DiscoveryRequest(
            type_url=kind.value,
            node={"id": self.id},
            resource_names=self.asked[kind],
            version_info=self._versions.get(kind, ""),
            response_nonce=self._nonces.get(kind, ""),
        )


class DeltaNode(Node):
    """By the incremental form."""

    def __init__(self, id: str = "node", *, strict: bool = True) -> None:
        super().__init__(id, strict=strict)
        self._versions: dict[Kind, dict[str, str]] = {kind: {} for kind in Kind}
        self._begun: set[Kind] = set()

    def begin(self) -> None:
        """As `Node` has it."""
        self._begun.clear()
        super().begin()

    def ask(self, kind: Kind, added: list[str], dropped: Iterable[str]) -> None:
        """As `Node` has it."""
        first = kind not in self._begun
        self._begun.add(kind)
        for name in dropped:
            self._versions[kind].pop(name, None)
        self.said.append(
            DeltaDiscoveryRequest(
                type_url=kind.value,
                node={"id": self.id},
                resource_names_subscribe=added,
                resource_names_unsubscribe=dropped,
                initial_resource_versions=self._versions[kind] if first else {},
            )
        )

    def answer(self, kind: Kind, response: DeltaDiscoveryResponse, refusal: str) -> None:
        """As `Node` has it."""
        request = DeltaDiscoveryRequest(type_url=kind.value, response_nonce=response.nonce)
        if refusal:
            request.error_detail.message = refusal
        else:
            self._versions[kind].update({each.name: each.version for each in response.resources})
            for name in response.removed_resources:
                self._versions[kind].pop(name, None)
        self.said.append(request)

    def read(self, kind: Kind, response: DeltaDiscoveryResponse) -> tuple[dict[str, Body], set[str]]:
        """As `Node` has it."""
        resources = {each.name: body(kind, each.resource.value) for each in response.resources}
        return resources, set(response.removed_resources)
