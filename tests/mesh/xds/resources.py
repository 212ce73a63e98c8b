"""Resources that are easy to read: clusters are real, the others say in JSON what they refer to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import msgspec
from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]

from licet.mesh.resource import Kind, Resource, Snapshot


class Body(msgspec.Struct, frozen=True):
    """What a test's node reads: a name, a mark that makes versions, what it needs, and whether it is refused."""

    name: str
    mark: str = ""
    clusters: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    endpoints: str = ""
    bad: bool = False


def cluster(name: str, mark: str = "", *, discovered: bool = True, bad: bool = False) -> Resource:
    """A cluster, whose endpoints are discovered under the same name unless told otherwise."""
    message = Cluster(name=name, alt_stat_name=json.dumps([mark, bad]))
    if discovered:
        message.type = Cluster.EDS
    return Resource.of(name, message)


def other(
    name: str,
    mark: str = "",
    *,
    clusters: Sequence[str] = (),
    routes: Sequence[str] = (),
    policies: Sequence[str] = (),
    bad: bool = False,
) -> Resource:
    """A resource of any other kind."""
    body = msgspec.json.encode(Body(name, mark, tuple(clusters), tuple(routes), tuple(policies), bad=bad))
    return Resource(name, hashlib.sha256(body).hexdigest()[:16], body)


def body(kind: Kind, data: bytes) -> Body:
    """What stands in a resource."""
    if kind is not Kind.CLUSTER:
        return msgspec.json.decode(data, type=Body)
    read = Cluster.FromString(data)
    mark, bad = json.loads(read.alt_stat_name)
    return Body(read.name, mark, endpoints=read.name if read.type == Cluster.EDS else "", bad=bad)


def snapshot(
    *,
    clusters: Iterable[Resource] = (),
    endpoints: Iterable[Resource] = (),
    secrets: Iterable[Resource] = (),
    listeners: Iterable[Resource] = (),
    routes: Iterable[Resource] = (),
    policies: Iterable[Resource] = (),
) -> Snapshot:
    """A snapshot of these."""
    return Snapshot.of(
        {
            Kind.CLUSTER: clusters,
            Kind.ENDPOINTS: endpoints,
            Kind.SECRET: secrets,
            Kind.LISTENER: listeners,
            Kind.ROUTES: routes,
            Kind.EXTENSION: policies,
        }
    )


def simple(mark: str, *, bad: Kind | None = None, others: Sequence[str] = ()) -> Snapshot:
    """One listener with its policy and routes to a cluster that is named by the mark."""
    names = [f"cluster-{mark}", *others]
    return snapshot(
        clusters=[cluster(name, bad=bad is Kind.CLUSTER) for name in names],
        endpoints=[other(name, mark, bad=bad is Kind.ENDPOINTS) for name in names],
        listeners=[other("in", mark, routes=["in"], policies=["policy"], clusters=names, bad=bad is Kind.LISTENER)],
        routes=[other("in", mark, clusters=names, bad=bad is Kind.ROUTES)],
        policies=[other("policy", mark, bad=bad is Kind.EXTENSION)],
    )
