"""Services, and the addresses behind them: EndpointSlices and Endpoints."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address

import msgspec

from licet.diag.place import Path
from licet.manifest.decode.blocks import address
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.network_policy import PORT_NAME, PROTOCOLS, is_port_name
from licet.manifest.decode.selectors import Selectors
from licet.model import intervals
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import FIRST_PORT, LAST_PORT, Protocol
from licet.model.service import EndpointSlice, Service, ServicePort, SlicePort

_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_SERVICE_NAME = "kubernetes.io/service-name"


class PortFields(msgspec.Struct, gc=False):
    """ServicePort, and the ports of slices."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    targetPort: int | str | None = None


class ServiceSpec(msgspec.Struct, gc=False):
    """What is read of a Service's spec."""

    type: str | None = None
    selector: dict[str, str | None] | None = None
    ports: list[PortFields | None] | None = None
    clusterIP: str | None = None
    clusterIPs: list[str | None] | None = None
    externalName: str | None = None


class ServiceFields(msgspec.Struct, gc=False):
    """v1 Service."""

    metadata: Meta | None = None
    spec: ServiceSpec | None = None


class Target(msgspec.Struct, gc=False):
    """The object behind an address."""

    kind: str | None = None
    name: str | None = None


class Endpoint(msgspec.Struct, gc=False):
    """One entry of an EndpointSlice."""

    addresses: list[str | None] | None = None
    targetRef: Target | None = None


class SliceFields(msgspec.Struct, gc=False):
    """discovery.k8s.io EndpointSlice."""

    metadata: Meta | None = None
    addressType: str | None = None
    endpoints: list[Endpoint | None] | None = None
    ports: list[PortFields | None] | None = None


class SubsetAddress(msgspec.Struct, gc=False):
    """One address of Endpoints."""

    ip: str | None = None
    targetRef: Target | None = None


class Subset(msgspec.Struct, gc=False):
    """One subset of Endpoints."""

    addresses: list[SubsetAddress | None] | None = None
    notReadyAddresses: list[SubsetAddress | None] | None = None
    ports: list[PortFields | None] | None = None


class EndpointsFields(msgspec.Struct, gc=False):
    """v1 Endpoints."""

    metadata: Meta | None = None
    subsets: list[Subset | None] | None = None


def service(wire: ServiceFields, key: Key, reader: Reader, selectors: Selectors) -> Service:
    """A Service. An empty selector selects nothing; `targetPort` is `port` where it is not given."""
    spec = wire.spec or ServiceSpec()
    kind = spec.type or "ClusterIP"
    if kind not in _TYPES:
        reader.refuse(("spec", "type"), f"is `{kind}`", f"use one of {', '.join(_TYPES)}")
    selector = None
    if spec.selector and kind != "ExternalName":
        selector = selectors.exactly(spec.selector, ("spec", "selector"))
    headless = spec.clusterIP == "None"
    ports = tuple([_service_port(port, ("spec", "ports", i), reader) for i, port in enumerate(spec.ports or ())])
    if not ports and not headless and kind != "ExternalName":
        reader.refuse(("spec", "ports"), "is empty", "a Service has at least one port unless it is headless")
    name = (spec.externalName or "") if kind == "ExternalName" else ""
    return Service(key, kind, selector, ports, headless, name, reader.origin, _own_addresses(spec))


def _own_addresses(spec: ServiceSpec) -> tuple[str, ...]:
    """The cluster's addresses of a Service, in one spelling each."""
    found = []
    for text in dict.fromkeys((spec.clusterIP, *(spec.clusterIPs or ()))):
        with contextlib.suppress(ValueError):
            found.append(str(ip_address(text or "")))
    return tuple(dict.fromkeys(found))


def endpoint_slice(wire: SliceFields, key: Key, reader: Reader, _selectors: Selectors) -> EndpointSlice:
    """An EndpointSlice; one without the label of a Service leads from none (`service` is empty)."""
    labels = wire.metadata.labels if wire.metadata else None
    found: list[tuple[Path, str]] = []
    pods: list[str] = []
    for i, endpoint in enumerate(wire.endpoints or ()):
        if endpoint is None:
            continue
        if wire.addressType != "FQDN":
            found.extend((("endpoints", i, "addresses", j), a or "") for j, a in enumerate(endpoint.addresses or ()))
        pods.extend(_pod(endpoint.targetRef))
    return EndpointSlice(
        key,
        (labels or {}).get(_SERVICE_NAME) or "",
        _addresses(found, reader),
        tuple(pods),
        _slice_ports(wire.ports, ("ports",), reader),
        reader.origin,
    )


def endpoints(wire: EndpointsFields, key: Key, reader: Reader, _selectors: Selectors) -> list[EndpointSlice]:
    """Endpoints, one value for each subset; from the second on the key's name carries the subset's number."""
    slices: list[EndpointSlice] = []
    for i, subset in enumerate(wire.subsets or ()):
        if subset is None:
            continue
        found: list[tuple[Path, str]] = []
        pods: list[str] = []
        for name in ("addresses", "notReadyAddresses"):
            entries: list[SubsetAddress | None] = getattr(subset, name) or []
            for j, entry in enumerate(entries):
                if entry is not None:
                    found.append((("subsets", i, name, j, "ip"), entry.ip or ""))
                    pods.extend(_pod(entry.targetRef))
        own = key if i == 0 else msgspec.structs.replace(key, name=f"{key.name}#{i}")
        ports = _slice_ports(subset.ports, ("subsets", i, "ports"), reader)
        slices.append(EndpointSlice(own, key.name, _addresses(found, reader), tuple(pods), ports, reader.origin))
    return slices


def protocol_of(text: str | None, path: Path, reader: Reader) -> Protocol:
    """A protocol, TCP where none is given."""
    protocol = PROTOCOLS.get(text or "TCP")
    if protocol is None:
        reader.refuse((*path, "protocol"), f"is `{text}`", "use TCP, UDP or SCTP")
        return Protocol.TCP
    return protocol


def check_number(number: int | None, path: Path, reader: Reader) -> int:
    """A port's number; a finding and the first port where there is none, or none that exists."""
    if number is None or not FIRST_PORT <= number <= LAST_PORT:
        reader.refuse(path, "is missing" if number is None else f"is {number}", "a port is a number from 1 to 65535")
        return FIRST_PORT
    return number


def _service_port(wire: PortFields | None, path: Path, reader: Reader) -> ServicePort:
    wire = wire or PortFields()
    number = check_number(wire.port, (*path, "port"), reader)
    target: int | str = wire.targetPort or number
    if isinstance(target, str):
        if not is_port_name(target):
            at, problem = (*path, "targetPort"), f"is not a port name: `{target}`"
            reader.tolerate(at, problem, PORT_NAME, "the name is taken as it is")
    else:
        check_number(target, (*path, "targetPort"), reader)
    return ServicePort(wire.name or "", protocol_of(wire.protocol, path, reader), number, target)


def _slice_ports(wires: list[PortFields | None] | None, path: Path, reader: Reader) -> tuple[SlicePort, ...]:
    ports: list[SlicePort] = []
    for i, wire in enumerate(wires or ()):
        port = wire or PortFields()
        number = check_number(port.port, (*path, i, "port"), reader) if port.port is not None else None
        ports.append(SlicePort(port.name or "", protocol_of(port.protocol, (*path, i), reader), number))
    return tuple(ports)


def _addresses(texts: list[tuple[Path, str]], reader: Reader) -> AddressSet:
    spans: list[tuple[int, int]] = []
    for path, text in texts:
        try:
            spans.extend(address(text).spans)
        except ValueError:
            reader.refuse(path, f"is not an address: `{text}`", "write an IPv4 or IPv6 address")
    return AddressSet(intervals.normal(spans))


def _pod(target: Target | None) -> list[str]:
    return [target.name] if target is not None and target.kind == "Pod" and target.name else []
