"""What a sidecar says of itself in Envoy's node message, and what of that is believed."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from ipaddress import ip_address

from envoy.config.core.v3.base_pb2 import Node  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict, SerializeToJsonError
from google.protobuf.struct_pb2 import Struct

from licet.mesh.envoy import names
from licet.mesh.envoy.address import host_port
from licet.mesh.errors import SidecarError
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.key import Key
from licet.model.ports import port_number

_CLUSTER = "licet"
_LONGEST_ID = 256
_LONGEST_SOCKET = 107
"""Bytes of a unix socket's path that the kernel takes."""
_MOST = 2048
"""Programs and exits of one sidecar."""


def write(sidecar: Sidecar) -> Node:
    """The node message that `read` makes this sidecar of."""
    key = sidecar.workload
    said = Struct()
    said.update(
        {
            "workload": {part: getattr(key, part) for part in key.__struct_fields__},
            "address": sidecar.address,
            "capture": sidecar.capture.value,
            "apps": {str(port): target for port, target in sidecar.apps.items()},
            "exits": dict(sidecar.exits),
        }
    )
    metadata = Struct()
    metadata.update({names.METADATA: said})
    return Node(id=sidecar.id, cluster=_CLUSTER, metadata=metadata)


def read(node: Node, identity: str) -> Sidecar:
    """The sidecar that has proved this SPIFFE ID; raises SidecarError.

    Where its program listens and what it finds on which address is its own to say, but on the loopback or as a unix
    socket alone: no claim leads traffic to another machine, or takes an address that others reach.
    """
    if not 0 < len(node.id) <= _LONGEST_ID or not node.id.isprintable():
        raise SidecarError(
            "a sidecar has no id of its own", f"say 1 to {_LONGEST_ID} printable characters as the node's `id`"
        )
    try:
        said = MessageToDict(node.metadata).get(names.METADATA)
    except (SerializeToJsonError, RecursionError, ValueError):
        said = None
    if not isinstance(said, dict):
        raise _wrong(node, "says nothing of itself", f"its node metadata lack `{names.METADATA}`")
    return Sidecar(
        node.id,
        _workload(node, said.get("workload")),
        identity,
        _address(node, said.get("address")),
        _capture(node, said.get("capture")),
        _apps(node, _texts(node, said, "apps")),
        _exits(node, _texts(node, said, "exits")),
    )


def local(text: str) -> bool:
    """Whether this is `host:port` of a loopback address, or an absolute path of a unix socket."""
    if text.startswith("/"):
        return len(text.encode()) <= _LONGEST_SOCKET and text.isprintable() and posixpath.normpath(text) == text
    found = host_port(text)
    try:
        return found is not None and ip_address(found[0]).is_loopback and "%" not in found[0]
    except ValueError:
        return False


def _workload(node: Node, said: object) -> Key:
    parts = Key.__struct_fields__
    if (
        not isinstance(said, dict)
        or said.keys() != set(parts)
        or not all(isinstance(each, str) for each in said.values())
    ):
        raise _wrong(node, "names no workload", f"`workload` has the parts {', '.join(parts)}")
    if not said["kind"] or not said["name"]:
        raise _wrong(node, "names no workload", "`kind` and `name` of `workload` are not empty")
    return Key(**said)


def _address(node: Node, said: object) -> str:
    try:
        address = ip_address(said if isinstance(said, str) else "")
    except ValueError:
        address = None
    if address is None or address.is_unspecified or address.is_multicast or "%" in str(address):
        raise _wrong(node, f"has no address `{said}`", "`address` is the IP address that others reach it at")
    return str(address)


def _capture(node: Node, said: object) -> Capture:
    known = {each.value: each for each in Capture}
    if not isinstance(said, str) or said not in known:
        raise _wrong(node, f"captures nothing by `{said}`", f"`capture` is one of {', '.join(known)}")
    return known[said]


def _apps(node: Node, said: Mapping[str, str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for digits, target in said.items():
        port = port_number(digits)
        if port is None or port in found:
            raise _wrong(node, f"serves no port `{digits}`", "the keys of `apps` are ports, each once")
        if not local(target):
            raise _wrong(
                node, f"has its program at `{target}`", "`apps` are on the loopback, `127.0.0.1:8080`, or unix sockets"
            )
        found[port] = target
    return found


def _exits(node: Node, said: Mapping[str, str]) -> dict[str, str]:
    for destination, at in said.items():
        if host_port(destination) is None:
            raise _wrong(node, f"calls nothing by `{destination}`", "the keys of `exits` end in a port")
        if at.startswith("/") or not local(at):
            raise _wrong(node, f"has an exit at `{at}`", "`exits` are on the loopback, as `127.0.0.1:9001`")
    taken = list(map(host_port, said.values()))
    if len(set(taken)) < len(taken):
        raise _wrong(node, "has two exits at one address", "give each of `exits` a `host:port` of its own")
    return dict(said)


def _texts(node: Node, said: Mapping[str, object], part: str) -> dict[str, str]:
    found = said.get(part, {})
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()) or len(found) > _MOST:
        raise _wrong(node, f"has no `{part}` that can be read", f"it is an object of at most {_MOST} texts")
    return found


def _wrong(node: Node, what: str, help: str) -> SidecarError:
    return SidecarError(f"the sidecar `{node.id}` {what}", help)
