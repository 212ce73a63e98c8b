"""The `Platform` of a cluster: facts that no Kubernetes object holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Path, Place
from licet.manifest import findings
from licet.manifest.decode.blocks import address
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import LabelSelector, Selectors
from licet.manifest.documents import Document
from licet.manifest.group import VERSION, is_ours
from licet.model.addresses import AddressSet
from licet.model.platform import GatewayFact, Platform, Resolver, Scraper
from licet.model.profiles import PROFILES
from licet.model.selector import Selector

KIND = "Platform"
NAME = "default"

_ABOVE = ("envoy", "istio", "linkerd")
"""What enforces identities and requests, and has no profile: it says nothing of NetworkPolicies."""
_EXPOSURES = ("World", "Cluster")
_MODES = ("Observe", "Shadow", "Canary", "Enforce")


def _said(description: str, *examples: object, **schema: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, examples=list(examples) or None, extra_json_schema=schema)


class Enforcer(msgspec.Struct, forbid_unknown_fields=True):
    """Something that enforces policies."""

    name: Annotated[str, _said("What it is called.", "Calico")]


class ServiceName(msgspec.Struct, forbid_unknown_fields=True):
    """A Service by name."""

    name: Annotated[str, _said("The Service's name.", "kube-dns")]
    namespace: Annotated[
        str | None, _said("Its namespace; left out, `kube-system`.", "kube-system", default="kube-system")
    ] = None


class Gateway(msgspec.Struct, forbid_unknown_fields=True):
    """Where a gateway or an ingress controller runs."""

    name: Annotated[str, _said("What contracts name it by.", "public")]
    namespace: Annotated[str, _said("The namespace of its pods.", "infra")]
    exposure: Annotated[
        str | None,
        _said(
            "Who reaches it: `World`, the internet; `Cluster`, the cluster only.",
            enum=_EXPOSURES,
            default=_EXPOSURES[0],
        ),
    ] = None
    selector: Annotated[LabelSelector | None, _said("Its pods; left out, every pod of the namespace.")] = None


class ApiServer(msgspec.Struct, forbid_unknown_fields=True):
    """Where the API server answers, and whence it calls webhooks: it has no pod."""

    cidrs: Annotated[list[str] | None, _said("Its addresses, as blocks.", ["10.96.0.1/32"])] = None


class Dns(msgspec.Struct, forbid_unknown_fields=True):
    """Where cluster DNS answers."""

    service: Annotated[ServiceName | None, _said("Its Service; left out, `kube-dns` in `kube-system`.")] = None
    nodeLocal: Annotated[str | None, _said("The address of NodeLocal DNS, where there is one.", "169.254.20.10")] = None


class Metrics(msgspec.Struct, forbid_unknown_fields=True):
    """The pods that collect metrics."""

    namespace: Annotated[str, _said("Their namespace.", "monitoring")]
    selector: Annotated[LabelSelector | None, _said("Which pods of it; left out, every one.")] = None


class PlatformSpec(msgspec.Struct, forbid_unknown_fields=True):
    """Facts of a cluster."""

    cluster: Annotated[str | None, _said("What this cluster is called in contracts of others.", "eu-central")] = None
    trustDomain: Annotated[str | None, _said("The trust domain of its SPIFFE IDs.", "shop.example")] = None
    mode: Annotated[
        str | None, _said("How far contracts are enforced that say nothing else; left out, `Enforce`.", enum=_MODES)
    ] = None
    enforcers: Annotated[list[Enforcer] | None, _said("What enforces policies, by name.")] = None
    podCIDRs: Annotated[
        list[str] | None, _said("The blocks that pods get their addresses from.", ["10.244.0.0/16"])
    ] = None
    nodeCIDRs: Annotated[list[str] | None, _said("The blocks that nodes have addresses of.", ["192.168.0.0/24"])] = None
    apiServer: Annotated[ApiServer | None, _said("Where the API server answers, and whence it calls webhooks.")] = None
    dns: Annotated[Dns | None, _said("Where cluster DNS answers.")] = None
    metrics: Annotated[Metrics | None, _said("The pods that collect metrics.")] = None
    gateways: Annotated[list[Gateway] | None, _said("Gateways and ingress controllers.")] = None


class PlatformFields(msgspec.Struct, forbid_unknown_fields=True):
    """Facts of a cluster that no Kubernetes object holds; one a cluster, named `default`."""

    apiVersion: Annotated[str, _said("The version of this form.", enum=(VERSION,))]
    kind: Annotated[str, _said("The kind.", enum=(KIND,))]
    metadata: Annotated[Meta | None, _said("Its name is `default`.")] = None
    spec: Annotated[PlatformSpec | None, _said("The facts.")] = None
    status: Annotated[Any, _said("Written by Licet in a cluster; never read from a file.")] = None


def is_platform(document: Document) -> bool:
    """Whether the document says that it is a Platform, in whatever version."""
    return document.kind == KIND and is_ours(document)


def decode(documents: Sequence[Document]) -> tuple[Platform | None, list[Diagnostic]]:
    """The first Platform that can be read, and what is wrong with them; what is no fact is left out."""
    reader = Reader()
    found: Platform | None = None
    for document in documents:
        wire = reader.read(document.content, PlatformFields, document.origin, KIND)
        if wire is None:
            continue
        place = Place(document.origin)
        if found is not None:
            reader.report(findings.second_platform(place.at("kind")))
        elif wire.apiVersion != VERSION:
            reader.report(findings.unknown_platform_version(place.at("apiVersion"), wire.apiVersion, VERSION))
        else:
            if wire.metadata is not None and wire.metadata.name not in (None, NAME):
                reader.report(findings.platform_name(place.at("metadata", "name"), wire.metadata.name or "", NAME))
            found = _Decoder(place, reader).platform(wire.spec or PlatformSpec())
    return found, reader.diagnostics


class _Decoder:
    """Decodes one Platform."""

    def __init__(self, place: Place, reader: Reader) -> None:
        self._place = place
        self._reader = reader
        self._selectors = Selectors(reader)

    def platform(self, spec: PlatformSpec) -> Platform:
        """What it says."""
        mode = spec.mode or ""
        if mode and mode not in _MODES:
            self._reader.report(findings.bad_mode(self._place.at("spec", "mode"), mode, _MODES))
            mode = ""
        for at, enforcer in enumerate(spec.enforcers or ()):
            if enforcer.name.lower() not in (*PROFILES, *_ABOVE):
                where = self._place.at("spec", "enforcers", at, "name")
                self._reader.report(findings.unknown_enforcer(where, enforcer.name, (*PROFILES, *_ABOVE)))
        gateways = self._gateways(spec.gateways or [])
        return Platform(
            cluster=spec.cluster or "",
            trust_domain=spec.trustDomain or "",
            mode=mode,
            enforcers=tuple(enforcer.name for enforcer in spec.enforcers or ()),
            pod_addresses=self._blocks(spec.podCIDRs or [], ("spec", "podCIDRs")),
            node_addresses=self._blocks(spec.nodeCIDRs or [], ("spec", "nodeCIDRs")),
            api_server=self._blocks((spec.apiServer or ApiServer()).cidrs or [], ("spec", "apiServer", "cidrs")),
            resolver=self._resolver(spec.dns),
            metrics=self._metrics(spec.metrics),
            gateways=gateways,
        )

    def _blocks(self, blocks: list[str], path: Path) -> AddressSet:
        good: list[str] = []
        for at, block in enumerate(blocks):
            try:
                AddressSet.of([block])
            except ValueError:
                self._reader.report(findings.bad_block(self._place.at(*path, at), block))
            else:
                good.append(block)
        return AddressSet.of(good)

    def _resolver(self, dns: Dns | None) -> Resolver | None:
        if dns is None:
            return None
        local, usual = dns.nodeLocal or "", Resolver()
        if local:
            try:
                address(local)
            except ValueError:
                self._reader.report(findings.bad_address(self._place.at("spec", "dns", "nodeLocal"), local))
                local = ""
        service = dns.service or ServiceName(usual.service)
        return Resolver(service.namespace or usual.namespace, service.name, local)

    def _metrics(self, metrics: Metrics | None) -> Scraper | None:
        if metrics is None:
            return None
        pods = self._pods(metrics.selector, ("spec", "metrics", "selector"))
        return None if pods is None else Scraper(metrics.namespace, pods)

    def _gateways(self, given: Sequence[Gateway]) -> tuple[GatewayFact, ...]:
        """Those that can be read; of one name the first, so that a second with a fault is told of, too."""
        firsts: dict[tuple[str, str], int] = {}
        found: list[GatewayFact] = []
        for at, gateway in enumerate(given):
            fact = self._gateway(gateway, at)
            first = firsts.setdefault((gateway.namespace, gateway.name), at)
            if first != at:
                here, there = (self._place.at("spec", "gateways", one, "name") for one in (at, first))
                self._reader.report(findings.second_gateway(here, f"{gateway.namespace}/{gateway.name}", there))
            elif fact is not None:
                found.append(fact)
        return tuple(found)

    def _gateway(self, gateway: Gateway, at: int) -> GatewayFact | None:
        path = ("spec", "gateways", at)
        exposure = gateway.exposure or _EXPOSURES[0]
        if exposure not in _EXPOSURES:
            self._reader.report(findings.bad_exposure(self._place.at(*path, "exposure"), exposure))
            exposure = _EXPOSURES[0]
        pods = self._pods(gateway.selector, (*path, "selector"))
        return None if pods is None else GatewayFact(gateway.name, gateway.namespace, exposure, pods)

    def _pods(self, wire: LabelSelector | None, path: Path) -> Selector | None:
        """The selector, or None where it has a fault: read without it, it would select more."""
        faults = len(self._reader.diagnostics)
        selector = self._selectors.selector(wire, path)
        dropped = any(where[: len(path)] == path for where in self._reader.dropped)
        return None if dropped or len(self._reader.diagnostics) > faults else selector
