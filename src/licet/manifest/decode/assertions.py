"""`Assertions`: what must hold of who reaches whom, kept beside the manifests.

Peers and ports are written as in a Contract. An entry with a fault is left out, and the fault is an error: a
misspelt field would make it assert something else.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Path, Place
from licet.manifest.decode import findings
from licet.manifest.decode.blocks import without
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.network_policy import PROTOCOLS, check_port_name
from licet.manifest.decode.selectors import LabelSelector, Selectors
from licet.manifest.documents import Document
from licet.model.assertion import (
    AddressesWithin,
    Anything,
    Assertion,
    Expectation,
    GatewayNamed,
    IngressController,
    NamespaceNamed,
    Party,
    PodsLabelled,
    Who,
    WorkloadNamed,
    World,
)
from licet.model.key import Pattern
from licet.model.ports import FIRST_PORT, LAST_PORT, NamedPort, PortRange, PortRule, Protocol
from licet.model.selector import EVERYTHING

VERSION = "licet.dev/v1alpha1"
KIND = "Assertions"

_PLATFORM: dict[str, Who] = {"World": World(), "Ingress": IngressController()}
_VERBS = tuple(expectation.value for expectation in Expectation)


class _Workload(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    namespace: str | None = None
    kind: str | None = None
    group: str | None = None


class _Namespace(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class _Pods(msgspec.Struct, forbid_unknown_fields=True):
    namespaceSelector: LabelSelector | None = None
    podSelector: LabelSelector | None = None


class _Cidr(msgspec.Struct, forbid_unknown_fields=True):
    block: str
    excluded: list[str] = msgspec.field(name="except", default_factory=list)


class _Gateway(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    namespace: str | None = None


class _Any(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Peer(msgspec.Struct, forbid_unknown_fields=True):
    workload: _Workload | None = None
    namespace: _Namespace | None = None
    pods: _Pods | None = None
    cidr: _Cidr | None = None
    platform: str | None = None
    gateway: _Gateway | None = None
    any: _Any | None = None


class _Port(msgspec.Struct, forbid_unknown_fields=True):
    port: int | str | None = None
    endPort: int | None = None
    transport: str | None = None


class _Claim(msgspec.Struct, forbid_unknown_fields=True):
    sources: list[_Peer] = msgspec.field(name="from")
    destinations: list[_Peer] = msgspec.field(name="to")
    ports: list[_Port] | None = None


class _Assertion(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    reason: str = ""
    deny: _Claim | None = None
    allow: _Claim | None = None
    only: _Claim | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    assertions: list[Any]


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    apiVersion: str
    kind: str
    spec: _Spec
    metadata: Meta | None = None


def is_assertions(document: Document) -> bool:
    """Whether the document says that it holds assertions, in whatever version."""
    return document.kind == KIND and document.api_version.startswith("licet.dev/")


def decode(documents: Iterable[Document]) -> tuple[tuple[Assertion, ...], list[Diagnostic]]:
    """The assertions of the documents, in their order, and what is wrong with them; names are unique among all."""
    decoder = _Decoder()
    found = tuple(assertion for document in documents for assertion in decoder.document(document))
    return found, [_strict(finding) for finding in decoder.reader.diagnostics]


class _Decoder:
    def __init__(self) -> None:
        self.reader = Reader()
        self._selectors = Selectors(self.reader)
        self._names: dict[str, Origin] = {}
        self._namespace: str | None = None

    def document(self, document: Document) -> list[Assertion]:
        """The assertions of one document that have no fault."""
        if not is_assertions(document):
            where = Place(document.origin, ("kind",))
            self.reader.report(findings.no_assertions(where, f"`{document.value['kind']}` where `{KIND}` is due"))
            return []
        wire = self.reader.read(document.value, _Wire, document.origin, KIND)
        if wire is None:
            return []
        if wire.apiVersion != VERSION:
            self.reader.report(findings.unknown_version(document.origin, wire.apiVersion, KIND, [VERSION]))
        if not wire.spec.assertions:
            where = Place(document.origin, ("spec", "assertions"))
            self.reader.report(findings.no_assertions(where, "no assertion at all"))
        self._namespace = wire.metadata.namespace if wire.metadata is not None else None
        found = (self._entry(entry, ("spec", "assertions", at)) for at, entry in enumerate(wire.spec.assertions))
        return [assertion for assertion in found if assertion is not None]

    def _entry(self, value: object, path: Path) -> Assertion | None:
        faults = len(self.reader.diagnostics)
        wire = self.reader.read_part(value, _Assertion, path)
        if wire is None or len(self.reader.diagnostics) > faults:
            return None
        made = self._assertion(wire, path)
        return made if len(self.reader.diagnostics) == faults else None

    def _assertion(self, wire: _Assertion, path: Path) -> Assertion | None:
        origin = self.reader.origin
        if wire.name in self._names:
            self.reader.report(findings.assertion_twice(Place(origin, (*path, "name")), wire.name))
        self._names[wire.name] = origin
        claims = [(verb, claim) for verb in _VERBS if (claim := getattr(wire, verb)) is not None]
        if len(claims) != 1:
            said = " and ".join(f"`{verb}`" for verb, _ in claims) or "none of them"
            self.reader.report(findings.not_one_verb(Place(origin, path), wire.name, said))
            return None
        [(verb, claim)] = claims
        at = (*path, verb)
        return Assertion(
            wire.name,
            wire.reason,
            Expectation(verb),
            self._parties(claim.sources, (*at, "from")),
            self._parties(claim.destinations, (*at, "to")),
            None
            if claim.ports is None
            else tuple(self._port(port, (*at, "ports", i)) for i, port in enumerate(claim.ports)),
            Place(origin, (*path, "name")),
        )

    def _parties(self, wires: list[_Peer], path: Path) -> tuple[Party, ...]:
        if not wires:
            self._wrong(path, "names nobody", "name at least one peer; `any: {}` is everyone")
        made = (self._party(wire, (*path, at), path[-1] == "to") for at, wire in enumerate(wires))
        return tuple(party for party in made if party is not None)

    def _party(self, wire: _Peer, path: Path, is_destination: bool) -> Party | None:
        given = [name for name in wire.__struct_fields__ if getattr(wire, name) is not None]
        if len(given) != 1:
            has = " and ".join(f"`{name}`" for name in given) or "no peer"
            self._wrong(path, f"has {has}", f"set exactly one of {', '.join(wire.__struct_fields__)}")
            return None
        who = self._who(wire, path)
        if is_destination and isinstance(who, IngressController | GatewayNamed):
            self._wrong(path, "is only a source", "name the workloads that it leads to, or put it into `from`")
        return None if who is None else Party(who, Place(self.reader.origin, path))

    def _who(self, wire: _Peer, path: Path) -> Who | None:
        if wire.workload is not None:
            own = wire.workload
            return WorkloadNamed(Pattern(own.name, own.namespace or self._namespace, own.kind, own.group))
        if wire.namespace is not None:
            return NamespaceNamed(wire.namespace.name)
        if wire.pods is not None:
            return self._pods(wire.pods, (*path, "pods"))
        if wire.cidr is not None:
            return self._cidr(wire.cidr, (*path, "cidr"))
        if wire.gateway is not None:
            return GatewayNamed(wire.gateway.name, wire.gateway.namespace or self._namespace)
        if wire.platform is not None:
            return self._platform(wire.platform, (*path, "platform"))
        return Anything()

    def _pods(self, wire: _Pods, path: Path) -> Who:
        pods = self._selectors.selector(wire.podSelector, (*path, "podSelector"))
        if wire.namespaceSelector is None:
            return PodsLabelled(EVERYTHING if self._namespace is None else self._namespace, pods)
        return PodsLabelled(self._selectors.selector(wire.namespaceSelector, (*path, "namespaceSelector")), pods)

    def _cidr(self, wire: _Cidr, path: Path) -> Who:
        blocks = ((*path, "block"), (*path, "except"))
        found = without(wire.block, wire.excluded, *blocks, self.reader, lenient=False)
        text = f"{wire.block} except {', '.join(wire.excluded)}" if wire.excluded else wire.block
        return AddressesWithin(found, text)

    def _platform(self, name: str, path: Path) -> Who | None:
        who = _PLATFORM.get(name)
        if who is None:
            close = difflib.get_close_matches(name, _PLATFORM, 1)
            self._wrong(path, f"is `{name}`", f"did you mean `{close[0]}`?" if close else "use World or Ingress")
        return who

    def _port(self, wire: _Port, path: Path) -> PortRule:
        transport = wire.transport or Protocol.TCP.name
        protocol = PROTOCOLS.get(transport, Protocol.TCP)
        if transport not in PROTOCOLS:
            self._wrong((*path, "transport"), f"is `{transport}`", "use TCP, UDP or SCTP")
        first, last = wire.port, wire.endPort
        if last is not None and not (isinstance(first, int) and first <= last <= LAST_PORT):
            self._wrong((*path, "endPort"), f"is {last}", f"at least `port`, a number, and at most {LAST_PORT}")
            return PortRange(protocol)
        if first is None:
            return PortRange(protocol)
        if isinstance(first, str):
            check_port_name(first, (*path, "port"), self.reader)
            return NamedPort(first, protocol)
        if not FIRST_PORT <= first <= LAST_PORT:
            self._wrong((*path, "port"), f"is {first}", f"a port is a number from {FIRST_PORT} to {LAST_PORT}")
        return PortRange(protocol, first, first if last is None else last)

    def _wrong(self, path: Path, problem: str, help: str) -> None:
        self.reader.refuse(path, problem, help)


def _strict(finding: Diagnostic) -> Diagnostic:
    """The finding as an error on an assertion, which no API server ever sees."""
    if finding.code not in (findings.REFUSED, findings.WRONG_TYPE, findings.UNKNOWN_FIELD, findings.NULL_LABEL):
        return finding
    assert isinstance(finding.where, Place)
    path = finding.where.path
    help = finding.help
    if path[-1:] == ("protocol",):
        help = "did you mean `transport`?"
    left = (
        "the assertion is left out" if path[:2] == ("spec", "assertions") and len(path) > 2 else "nothing is asserted"
    )
    return findings.bad_assertion(finding.where, finding.message, help, left)
