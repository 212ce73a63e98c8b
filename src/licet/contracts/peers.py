"""Whom contracts name, on which ports and with which requests."""

from __future__ import annotations

import msgspec

from licet.contracts import findings, wire
from licet.contracts.contract import (
    Application,
    CidrPeer,
    DnsPeer,
    GatewayPeer,
    GrpcMatch,
    HttpMatch,
    NamespacePeer,
    Peer,
    PlatformPart,
    PlatformPeer,
    Port,
    SelfPeer,
    ServicePeer,
    SpiffePeer,
    WorkloadPeer,
)
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Path, Place
from licet.manifest.decode.blocks import without
from licet.manifest.decode.fields import Reader
from licet.manifest.decode.kinds import BUILT_IN as BUILT_IN_GROUPS
from licet.manifest.decode.kinds import READ
from licet.model.key import Pattern
from licet.model.ports import NamedPort, PortRange, Protocol

CALLERS = ("workload", "namespace", "gateway", "spiffeID", "cidr", "platform")
CALLEES = ("workload", "service", "dns", "cidr", "self", "platform")
BUILT_IN = tuple(name for (group, name), kind in READ.items() if kind.into == "workloads" and group in BUILT_IN_GROUPS)
"""Kinds of workloads that need no group."""

_APPLICATIONS = {"http": (Application.HTTP, Application.HTTP2), "grpc": (Application.GRPC,)}


class Home(msgspec.Struct, frozen=True):
    """What a contract fills in where names are left out, and where its faults gather."""

    cluster: str
    namespace: str
    faults: list[Diagnostic]


def target(read: wire.TargetRef, place: Place, home: Home) -> Pattern:
    """The workload that the contract is about."""
    _check_kind(read.kind, read.group, place, home)
    return Pattern(read.name, home.namespace, read.kind, _group(read.group), home.cluster)


def caller(read: wire.Caller, place: Place, home: Home) -> Peer:
    """Who is admitted; anybody at all where exactly one peer was not named, which is a fault."""
    _check_one(read, CALLERS, place, home)
    if read.workload:
        return _workload(read.workload, place.at("workload"), home)
    if read.namespace:
        return NamespacePeer(read.namespace.name)
    if read.gateway:
        return GatewayPeer(read.gateway.namespace or home.namespace, read.gateway.name)
    if read.spiffeID:
        return SpiffePeer(read.spiffeID)
    if read.cidr:
        return _cidr(read.cidr, place.at("cidr"), home)
    return PlatformPeer(PlatformPart(read.platform or PlatformPart.WORLD))


def callee(read: wire.To, place: Place, home: Home) -> Peer:
    """Whom a call goes to; like `caller`."""
    _check_one(read, CALLEES, place, home)
    if read.workload:
        return _workload(read.workload, place.at("workload"), home)
    if read.service:
        return ServicePeer(read.service.namespace or home.namespace, read.service.name)
    if read.dns:
        return DnsPeer(read.dns.name)
    if read.cidr:
        return _cidr(read.cidr, place.at("cidr"), home)
    if read.own:
        return SelfPeer()
    return PlatformPeer(PlatformPart(read.platform or PlatformPart.WORLD))


def port(read: wire.Port, place: Place, home: Home) -> Port:
    """One entry of `ports`."""
    protocol = Protocol[read.transport]
    if isinstance(read.port, str):
        if read.endPort:
            home.faults.append(
                findings.conflict(place.at("endPort"), "needs a `port` that is a number", "write both as numbers")
            )
        return NamedPort(read.port, protocol)
    last = read.endPort or read.port
    if last < read.port:
        help = "make it at least `port`"
        home.faults.append(findings.conflict(place.at("endPort"), f"is {last}, before `port`, {read.port}", help))
    return PortRange(protocol, read.port, last)


def http(read: list[wire.Http]) -> tuple[HttpMatch, ...]:
    """HTTP requests."""
    return tuple(
        HttpMatch(tuple(one.methods or ()), one.path.value, one.path.type == "Exact")
        if one.path
        else HttpMatch(tuple(one.methods or ()))
        for one in read
    )


def grpc(read: list[wire.Grpc]) -> tuple[GrpcMatch, ...]:
    """GRPC requests."""
    return tuple(GrpcMatch(one.service, tuple(one.methods or ())) for one in read)


def check_requests(
    read: wire.Caller | wire.Call, application: Application | None, ports: list[wire.Port], place: Place, home: Home
) -> None:
    """One kind of requests, of the application that is spoken there, over TCP."""
    given = [name for name in _APPLICATIONS if getattr(read, name)]
    if len(given) > 1:
        help = "keep one; gRPC is matched by `grpc` alone"
        home.faults.append(findings.conflict(place.at("grpc"), "stands beside `http`", help))
    for name in given:
        if application and application not in _APPLICATIONS[name]:
            help = f"write `application: {_APPLICATIONS[name][0]}`, or take `{name}` out"
            home.faults.append(
                findings.conflict(place.at(name), f"does not go with `application: {application}`", help)
            )
        _check_tcp(ports, place.at(name), home)


def check_application(read: wire.Serve, place: Place, home: Home) -> None:
    """Whatever is spoken has a name over TCP only."""
    if read.application:
        _check_tcp(read.ports, place.at("application"), home)


def _check_tcp(ports: list[wire.Port], place: Place, home: Home) -> None:
    if any(one.transport != Protocol.TCP.name for one in ports):
        help = "make two entries of it, one for each transport"
        home.faults.append(findings.conflict(place, "is of TCP, and some of the ports are not", help))


def _workload(read: wire.WorkloadRef, place: Place, home: Home) -> WorkloadPeer:
    if read.kind:
        _check_kind(read.kind, read.group, place, home)
    return WorkloadPeer(
        Pattern(
            read.name,
            read.namespace or home.namespace,
            read.kind or None,
            _group(read.group),
            read.cluster or home.cluster,
        )
    )


def _group(group: str | msgspec.UnsetType) -> str | None:
    return None if isinstance(group, msgspec.UnsetType) else group


def _check_kind(kind: str, group: str | msgspec.UnsetType, place: Place, home: Home) -> None:
    if isinstance(group, msgspec.UnsetType) and kind not in BUILT_IN:
        home.faults.append(findings.not_built_in(place.at("kind"), kind, BUILT_IN))


def _check_one(read: wire.Caller | wire.To, known: tuple[str, ...], place: Place, home: Home) -> None:
    fields = zip(read.__struct_encode_fields__, read.__struct_fields__, strict=True)
    given = [name for name, field in fields if name in known and getattr(read, field)]
    if len(given) != 1:
        home.faults.append(findings.not_one_peer(place, given, known))


def _cidr(read: wire.CidrRef, place: Place, home: Home) -> CidrPeer:
    text = f"{read.block} except {', '.join(read.excluded)}" if read.excluded else read.block
    reader = _BlockReader(place, home.faults)
    found = without(read.block, read.excluded, (*place.path, "block"), (*place.path, "except"), reader, lenient=False)
    return CidrPeer(found, text)


class _BlockReader(Reader):
    """Takes faults of blocks in as faults of the contract."""

    __slots__ = ("_faults",)

    def __init__(self, place: Place, faults: list[Diagnostic]) -> None:
        super().__init__()
        self.origin = place.origin
        self._faults = faults

    def refuse(self, path: Path, problem: str, help: str, *, key: bool = False) -> None:
        """Keep a fault."""
        self._faults.append(findings.wrong_value(Place(self.origin, path, key), problem, help))
