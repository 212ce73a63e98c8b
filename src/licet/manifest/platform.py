"""The `Platform` of a cluster: facts that no Kubernetes object holds, L0150 to L0199."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import msgspec

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Path, Place
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.documents import Document
from licet.model.addresses import AddressSet
from licet.model.platform import GatewayFact, Platform

VERSION = "licet.dev/v1alpha1"
KIND = "Platform"

BAD_BLOCK = "L0160"
BAD_EXPOSURE = "L0161"
SECOND_PLATFORM = "L0162"
BAD_VERSION = "L0163"

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
    version = document.value.get("apiVersion")
    return document.value.get("kind") == KIND and isinstance(version, str) and version.startswith(_GROUP)


def decode(documents: Sequence[Document]) -> tuple[Platform | None, list[Diagnostic]]:
    """The first Platform that can be read, and what is wrong with them; blocks that are none are left out."""
    reader = Reader()
    found: Platform | None = None
    for document in documents:
        wire = reader.read(document.value, _Wire, document.origin, KIND)
        if wire is None:
            continue
        if found is not None:
            reader.report(_second(document))
        elif wire.apiVersion != VERSION:
            reader.report(_version(document, wire.apiVersion))
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
            reader.report(
                Diagnostic(
                    BAD_BLOCK,
                    Severity.ERROR,
                    f"`{block}` is not a block of addresses",
                    Place(document.origin, (*path, at)),
                    help="write it as address/length, such as `10.244.0.0/16`",
                    notes=("Platform: this block is left out",),
                )
            )
        else:
            good.append(block)
    return AddressSet.of(good)


def _gateway(gateway: _Gateway, at: int, document: Document, reader: Reader) -> GatewayFact:
    exposure = gateway.exposure or _EXPOSURES[0]
    if exposure not in _EXPOSURES:
        reader.report(
            Diagnostic(
                BAD_EXPOSURE,
                Severity.ERROR,
                f"`{exposure}` is not an exposure",
                Place(document.origin, ("spec", "gateways", at, "exposure")),
                help="write `World` where the internet reaches it, `Cluster` where only the cluster does",
                notes=("Platform: taken as `World`",),
            )
        )
        exposure = _EXPOSURES[0]
    return GatewayFact(gateway.name, gateway.namespace, exposure)


def _second(document: Document) -> Diagnostic:
    return Diagnostic(
        SECOND_PLATFORM,
        Severity.ERROR,
        "a second Platform; a cluster has one",
        Place(document.origin, ("kind",)),
        help="keep one of them, or name the one that is meant with `--platform`",
        notes=("the first one counts",),
    )


def _version(document: Document, version: str) -> Diagnostic:
    return Diagnostic(
        BAD_VERSION,
        Severity.ERROR,
        f"`{version}` is not a version of Platform that is known",
        Place(document.origin, ("apiVersion",)),
        help=f"write `apiVersion: {VERSION}`",
        notes=("Platform: it is left out",),
    )
