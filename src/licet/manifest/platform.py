"""The `Platform` of a cluster: facts that no Kubernetes object holds."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Path, Place
from licet.manifest import findings
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.documents import Document
from licet.model.addresses import AddressSet
from licet.model.platform import GatewayFact, Platform

VERSION = "licet.dev/v1alpha1"
KIND = "Platform"

_GROUP = "licet.dev/"
_EXPOSURES = ("World", "Cluster")


class _Name(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    namespace: str | None = None


class _Gateway(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    namespace: str
    exposure: str | None = None


class _ApiServer(msgspec.Struct, forbid_unknown_fields=True):
    cidrs: list[str] | None = None


class _Dns(msgspec.Struct, forbid_unknown_fields=True):
    service: _Name | None = None
    nodeLocal: str | None = None


class _Metrics(msgspec.Struct, forbid_unknown_fields=True):
    namespace: str
    selector: Any = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    cluster: str | None = None
    trustDomain: str | None = None
    enforcers: list[_Name] | None = None
    podCIDRs: list[str] | None = None
    nodeCIDRs: list[str] | None = None
    apiServer: _ApiServer | None = None
    dns: _Dns | None = None
    metrics: _Metrics | None = None
    gateways: list[_Gateway] | None = None


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    apiVersion: str
    kind: str
    metadata: Meta | None = None
    spec: _Spec | None = None
    status: Any = None


def is_platform(document: Document) -> bool:
    """Whether the document says that it is a Platform, in whatever version."""
    return document.kind == KIND and document.api_version.startswith(_GROUP)


def decode(documents: Sequence[Document]) -> tuple[Platform | None, list[Diagnostic]]:
    """The first Platform that can be read, and what is wrong with them; blocks that are none are left out."""
    reader = Reader()
    found: Platform | None = None
    for document in documents:
        wire = reader.read(document.value, _Wire, document.origin, KIND)
        if wire is None:
            continue
        if found is not None:
            reader.report(findings.second_platform(Place(document.origin, ("kind",))))
        elif wire.apiVersion != VERSION:
            where = Place(document.origin, ("apiVersion",))
            reader.report(findings.unknown_platform_version(where, wire.apiVersion, VERSION))
        else:
            found = _platform(wire.spec or _Spec(), document, reader)
    return found, reader.diagnostics


def _platform(spec: _Spec, document: Document, reader: Reader) -> Platform:
    return Platform(
        cluster=spec.cluster or "",
        pod_addresses=_blocks(spec.podCIDRs or [], ("spec", "podCIDRs"), document, reader),
        node_addresses=_blocks(spec.nodeCIDRs or [], ("spec", "nodeCIDRs"), document, reader),
        gateways=tuple(_gateway(gateway, at, document, reader) for at, gateway in enumerate(spec.gateways or [])),
    )


def _blocks(blocks: list[str], path: Path, document: Document, reader: Reader) -> AddressSet:
    good: list[str] = []
    for at, block in enumerate(blocks):
        try:
            ipaddress.ip_network(block, strict=False)
        except ValueError:
            reader.report(findings.bad_block(Place(document.origin, (*path, at)), block))
        else:
            good.append(block)
    return AddressSet.of(good)


def _gateway(gateway: _Gateway, at: int, document: Document, reader: Reader) -> GatewayFact:
    exposure = gateway.exposure or _EXPOSURES[0]
    if exposure not in _EXPOSURES:
        where = Place(document.origin, ("spec", "gateways", at, "exposure"))
        reader.report(findings.bad_exposure(where, exposure))
        exposure = _EXPOSURES[0]
    return GatewayFact(gateway.name, gateway.namespace, exposure)
