"""Make before break: in which order a node is told of a snapshot.

What is new or changed is said in the order of `Kind`, and listeners and routes wait until the node has taken whatever
they may refer to. What is gone is said when the node has taken everything that does without it. A kind that was refused
holds up listeners and routes, and keeps what is old; policies and the like (EXTENSION) wait for nobody's consent.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from functools import lru_cache

from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError

from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.xds.track import Offer

_BEFORE_LISTENERS = (Kind.CLUSTER, Kind.ENDPOINTS, Kind.SECRET)


class Standing(enum.Enum):
    """How far a node is with what it was told of a kind."""

    UNASKED = "never asked for"
    WAITING = "a response is under way"
    REFUSED = "not all was taken"
    SETTLED = "all that may be said is held"


class Order:
    """What one node may be told. `standing` says how far it is, `holds` whether it has a version of some endpoints."""

    def __init__(self, standing: Callable[[Kind], Standing], holds: Callable[[str, str], bool]) -> None:
        self._standing = standing
        self._holds = holds
        self._opened: set[Kind] = set()
        self._offers: dict[Kind, Offer] = {}
        self._taken: dict[Kind, Mapping[str, Resource]] = {}
        self.target: Snapshot | None = None
        self.finished = False
        """Whether everything was said, what is gone too."""

    def see(self, snapshot: Snapshot) -> None:
        """From now on the node is led to this; what it may still use of before stays on offer."""
        self.target = snapshot
        self.finished = False
        self._opened.clear()
        for kind, offer in self._offers.items():
            self._offers[kind] = Offer(offer.resources, False, snapshot.resources[kind].keys())

    def offer(self, kind: Kind) -> Offer | None:
        """What may be said of a kind."""
        return self._offers.get(kind)

    def opened(self, kind: Kind) -> bool:
        """Whether what is new of a kind may be said."""
        return kind in self._opened

    def open(self, kind: Kind) -> None:
        """Offer what is new of a kind, where it is asked for and its turn has come."""
        if self.target is None or kind in self._opened or self._standing(kind) is Standing.UNASKED:
            return
        if not self._turn(kind):
            return
        self._opened.add(kind)
        self.finished = False
        new = self.target.resources[kind]
        if kind is Kind.LISTENER:
            self._offers[kind] = Offer(new, True)
        else:
            self._offers[kind] = Offer({**self._taken.get(kind, {}), **new}, False)

    def note(self) -> None:
        """Remember what the node has taken: of all that is old it may be using that, and nothing else."""
        for kind, offer in self._offers.items():
            if self._standing(kind) is Standing.SETTLED:
                self._taken[kind] = offer.resources

    def finish(self) -> bool:
        """Offer nothing but the snapshot, where the node has taken all of it; whether it has just now."""
        if self.target is None or self.finished or not all(map(self._through, Kind)):
            return False
        self.finished = True
        for kind in self._opened:
            # What is old is in use no more from now on, and not when the node has said that it is gone.
            self._taken[kind] = self.target.resources[kind]
            self._offers[kind] = Offer(self._taken[kind], True)
        return True

    def _through(self, kind: Kind) -> bool:
        standing = self._standing(kind)
        return standing is Standing.UNASKED or (standing is Standing.SETTLED and kind in self._opened)

    def _turn(self, kind: Kind) -> bool:
        match kind:
            case Kind.CLUSTER | Kind.ENDPOINTS | Kind.SECRET:
                return True
            case Kind.LISTENER:
                return all(map(self._quiet, _BEFORE_LISTENERS)) and self._warm()
            case Kind.ROUTES:
                return Kind.LISTENER in self._opened and all(map(self._quiet, (*_BEFORE_LISTENERS, Kind.LISTENER)))
            case Kind.EXTENSION:
                return Standing.WAITING not in map(self._standing, (Kind.CLUSTER, Kind.LISTENER))

    def _quiet(self, kind: Kind) -> bool:
        return self._standing(kind) in (Standing.UNASKED, Standing.SETTLED)

    def _warm(self) -> bool:
        """Whether the clusters have their endpoints: until then they are there in name only."""
        assert self.target is not None
        if self._standing(Kind.CLUSTER) is Standing.UNASKED:
            return True
        endpoints = self.target.resources[Kind.ENDPOINTS]
        if not endpoints:
            return True
        names = (assigned(each.body) for each in self.target.resources[Kind.CLUSTER].values())
        return all(self._holds(name, endpoints[name].version) for name in names if name in endpoints)


@lru_cache(maxsize=4096)
def assigned(cluster: bytes) -> str:
    """The name of the endpoints that a cluster waits for, empty where they are not discovered."""
    read = Cluster()
    try:
        read.ParseFromString(cluster)
    except DecodeError:
        return ""
    if read.type != Cluster.EDS:
        return ""
    return str(read.eds_cluster_config.service_name or read.name)
