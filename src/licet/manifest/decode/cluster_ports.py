"""Ports of cluster policies, in the form of v1alpha2 (`protocols`) and of v1alpha1 (`ports`)."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from licet.diag.place import Path
from licet.manifest.decode.fields import Reader
from licet.model.ports import FIRST_PORT, LAST_PORT, NamedPort, PortRange, PortRule, Protocol


class _Fields(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Wire types without null."""


class Range(_Fields):
    """PortRange of v1alpha2."""

    start: int
    end: int


class Number(_Fields):
    """Port: a number or a range."""

    number: int | UnsetType = UNSET
    range: Range | UnsetType = UNSET


class Destination(_Fields):
    """What is asked of one protocol."""

    destinationPort: Number | UnsetType = UNSET


class ProtocolFields(_Fields):
    """ClusterNetworkPolicyProtocol; exactly one field is set."""

    tcp: Destination | UnsetType = UNSET
    udp: Destination | UnsetType = UNSET
    sctp: Destination | UnsetType = UNSET
    destinationNamedPort: str | UnsetType = UNSET


class PortNumber(_Fields):
    """Port of v1alpha1."""

    port: int
    protocol: str = "TCP"


class PortSpan(_Fields):
    """PortRange of v1alpha1."""

    start: int
    end: int
    protocol: str = "TCP"


class AdminPort(_Fields):
    """AdminNetworkPolicyPort; exactly one field is set."""

    portNumber: PortNumber | UnsetType = UNSET
    portRange: PortSpan | UnsetType = UNSET
    namedPort: str | UnsetType = UNSET


_NOTHING = PortRange(Protocol.TCP, LAST_PORT, FIRST_PORT)


def protocol_ports(wire: ProtocolFields, path: Path, reader: Reader) -> PortRule:
    """One entry of `protocols`; a named port is looked up whatever its protocol."""
    fields = [name for name in wire.__struct_fields__ if getattr(wire, name) is not UNSET]
    if len(fields) != 1:
        reader.refuse(path, "does not set exactly one field", f"set one of {', '.join(wire.__struct_fields__)}")
        return _NOTHING
    if wire.destinationNamedPort is not UNSET:
        return _named(wire.destinationNamedPort, (*path, "destinationNamedPort"), reader)
    asked: Destination = getattr(wire, fields[0])
    at = (*path, fields[0], "destinationPort")
    protocol = Protocol[fields[0].upper()]
    port = asked.destinationPort
    if port is UNSET or (port.number is UNSET) == (port.range is UNSET):
        reader.refuse(at, "is neither a `number` nor a `range`", "set exactly one of them")
        return _NOTHING
    if port.number is not UNSET:
        return _span(protocol, port.number, port.number, (*at, "number"), reader)
    if port.range is not UNSET and port.range.start == port.range.end:
        reader.refuse((*at, "range"), "starts where it ends", "use `number` for one port")
    return (
        _NOTHING if port.range is UNSET else _span(protocol, port.range.start, port.range.end, (*at, "range"), reader)
    )


def admin_port(wire: AdminPort, path: Path, reader: Reader) -> PortRule:
    """One entry of `ports` of v1alpha1."""
    fields = [name for name in wire.__struct_fields__ if getattr(wire, name) is not UNSET]
    if len(fields) != 1:
        reader.refuse(path, "does not set exactly one field", f"set one of {', '.join(wire.__struct_fields__)}")
        return _NOTHING
    if wire.namedPort is not UNSET:
        return _named(wire.namedPort, (*path, "namedPort"), reader)
    asked: PortNumber | PortSpan = getattr(wire, fields[0])
    at = (*path, fields[0])
    if asked.protocol not in Protocol.__members__:
        reader.refuse((*at, "protocol"), f"is `{asked.protocol}`", "use TCP, UDP or SCTP")
        return _NOTHING
    protocol = Protocol[asked.protocol]
    if isinstance(asked, PortNumber):
        return _span(protocol, asked.port, asked.port, (*at, "port"), reader)
    return _span(protocol, asked.start, asked.end, at, reader)


def _named(name: str, path: Path, reader: Reader) -> PortRule:
    if not name:
        reader.refuse(path, "is empty", "name a container port")
    return NamedPort(name, None)


def _span(protocol: Protocol, first: int, last: int, path: Path, reader: Reader) -> PortRange:
    if not FIRST_PORT <= first <= last <= LAST_PORT:
        text = str(first) if first == last else f"{first} to {last}"
        reader.refuse(path, f"is {text}", "ports are numbers from 1 to 65535, and a range does not run backwards")
    return PortRange(protocol, first, last)
