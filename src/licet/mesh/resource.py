"""What is said to a sidecar over xDS, as values that are told apart by their content."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from google.protobuf.message import Message


class Kind(enum.Enum):
    """Resource types by their type URL, in the order in which what is new is said: nothing before what it refers to."""

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
    EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"


class Resource(msgspec.Struct, frozen=True):
    """One resource; `version` says its content, `body` is the serialised message."""

    name: str
    version: str
    body: bytes

    @classmethod
    def of(cls, name: str, message: Message) -> Resource:
        """A resource whose version follows from its bytes."""
        body = message.SerializeToString(deterministic=True)
        return cls(name, hashlib.sha256(body).hexdigest()[:16], body)


class Snapshot(msgspec.Struct, frozen=True):
    """Everything for one sidecar at one moment. Two with the same `version` have the same content."""

    resources: Mapping[Kind, Mapping[str, Resource]]
    versions: Mapping[Kind, str]
    version: str

    @classmethod
    def of(cls, resources: Mapping[Kind, Iterable[Resource]]) -> Snapshot:
        """A snapshot of these; kinds that are left out are empty."""
        by_name = {kind: {each.name: each for each in sorted(resources.get(kind, ()), key=_name)} for kind in Kind}
        versions = {
            kind: _digest(f"{each.name}\0{each.version}\n" for each in held.values()) for kind, held in by_name.items()
        }
        return cls(by_name, versions, _digest(versions.values()))


def _name(resource: Resource) -> str:
    return resource.name


def _digest(parts: Iterable[str]) -> str:
    code = hashlib.sha256()
    for part in parts:
        code.update(part.encode())
    return code.hexdigest()[:16]
