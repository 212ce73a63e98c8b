"""Contracts as written become values, strictly: a contract with a fault is left out whole.

What is agreed must never hang on a guess, so nothing is mended here: neither a misspelt field nor a null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from licet.contracts import findings, peers, wire
from licet.contracts.contract import (
    Call,
    Caller,
    Contract,
    Contracts,
    From,
    Mode,
    NamespaceContract,
    Serve,
)
from licet.contracts.peers import Home
from licet.contracts.structure import shape
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.manifest.decode import assertions
from licet.manifest.documents import Document
from licet.manifest.group import GROUP, VERSION, is_ours
from licet.manifest.platform import KIND as PLATFORM
from licet.model.key import Key

_KINDS = (wire.CONTRACT, wire.NAMESPACE_CONTRACT, PLATFORM, assertions.KIND)


def is_contract(document: Document) -> bool:
    """Whether the document is of Licet's group, or meant to be, and read here.

    It may be of a kind that the group does not have. Assertions are read by whoever asks for them, but for those that
    nobody would read, for they miss the group.
    """
    if not is_ours(document) or document.kind == PLATFORM:
        return False
    return document.kind != assertions.KIND or not document.api_version.startswith(f"{GROUP}/")


def decode(
    documents: Iterable[Document], *, namespace: str, cluster: str, mode: str
) -> tuple[Contracts, list[Diagnostic]]:
    """Everything that the documents declare, in their order, and what is wrong with them; never raises.

    `namespace` is that of documents that name none, `mode` what the Platform says, empty where it says nothing.
    Of two objects of one name the first counts.
    """
    decoder = _Decoder(namespace, cluster)
    for document in documents:
        if is_contract(document):
            decoder.take(document)
    found = Contracts(
        tuple(decoder.contracts.values()), tuple(decoder.namespaces.values()), Mode(mode) if mode else None
    )
    return found, decoder.diagnostics


class _Decoder:
    """What was read so far."""

    def __init__(self, namespace: str, cluster: str) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.contracts: dict[Key, Contract] = {}
        self.namespaces: dict[str, NamespaceContract] = {}
        self._namespace = namespace
        self._cluster = cluster
        self._first: dict[Key, Place] = {}

    def take(self, document: Document) -> None:
        """Read one document; with a fault it leaves findings and nothing else."""
        place = Place(document.origin)
        if document.kind not in _KINDS:
            self.diagnostics.append(findings.unknown_kind(place.at("kind"), document.kind, _KINDS))
        elif document.api_version != VERSION:
            self.diagnostics.append(
                findings.unknown_version(place.at("apiVersion"), document.api_version, VERSION, document.kind)
            )
        elif document.kind == wire.CONTRACT:
            self._contract(document, place)
        else:
            self._namespace_contract(document, place)

    def _contract(self, document: Document, place: Place) -> None:
        read = shape(document.value, wire.Contract, place)
        if isinstance(read, list):
            self.diagnostics.extend(read)
            return
        key = Key(self._cluster, GROUP, wire.CONTRACT, read.metadata.namespace or self._namespace, read.metadata.name)
        faults: list[Diagnostic] = []
        made = _contract(read, key, place, faults)
        self._note(key, place, faults)
        self.diagnostics.extend(faults)
        if not faults:
            self.contracts[key] = made

    def _namespace_contract(self, document: Document, place: Place) -> None:
        read = shape(document.value, wire.NamespaceContract, place)
        if isinstance(read, list):
            self.diagnostics.extend(read)
            return
        namespace, name = read.metadata.namespace or self._namespace, read.metadata.name
        faults: list[Diagnostic] = []
        if name != wire.DEFAULT_NAME:
            faults.append(findings.not_default(place.at("metadata", "name"), wire.NAMESPACE_CONTRACT, name))
        self._note(Key(self._cluster, GROUP, wire.NAMESPACE_CONTRACT, namespace, name), place, faults)
        self.diagnostics.extend(faults)
        if not faults:
            mode = read.spec.mode or None
            self.namespaces[namespace] = NamespaceContract(namespace, place.origin, read.spec.isolate, mode)

    def _note(self, key: Key, place: Place, faults: list[Diagnostic]) -> None:
        """Remember that there is an object of this name, be it faulty, and tell of a second one."""
        where = place.at("metadata", "name")
        first = self._first.setdefault(key, where)
        if first is not where:
            faults.append(findings.contract_twice(where, key.kind, f"{key.namespace}/{key.name}", first))


def _contract(read: wire.Contract, key: Key, place: Place, faults: list[Diagnostic]) -> Contract:
    spec, at = read.spec, place.at("spec")
    home = Home(key.cluster, key.namespace, faults)
    _once([serve.name for serve in spec.serves], at.at("serves"), faults)
    _once([call.name for call in spec.calls], at.at("calls"), faults)
    return Contract(
        key,
        peers.target(spec.targetRef, at.at("targetRef"), home),
        tuple(_serve(serve, at.at("serves", i), home) for i, serve in enumerate(spec.serves)),
        tuple(_call(call, at.at("calls", i), home) for i, call in enumerate(spec.calls)),
        place.origin,
        spec.owner or "",
        spec.sensitivity,
        spec.mode or None,
    )


def _serve(read: wire.Serve, place: Place, home: Home) -> Serve:
    callers = read.callers or wire.Callers(From.NONE)
    given = callers.peers or []
    if callers.admits is From.SELECTED and not given:
        problem, help = "selects nobody", "list them in `peers`, or write `from: None`"
        home.faults.append(findings.conflict(place.at("callers", "from"), problem, help))
    elif callers.admits is not From.SELECTED and given:
        problem, help = f"goes with `from: Selected`, not `{callers.admits}`", "write `from: Selected`, or take it out"
        home.faults.append(findings.conflict(place.at("callers", "peers"), problem, help))
    peers.check_application(read, place, home)
    base = place.at("callers", "peers")
    _once([caller.name for caller in given], base, home.faults)
    return Serve(
        read.name,
        tuple(peers.port(port, place.at("ports", i), home) for i, port in enumerate(read.ports)),
        callers.admits,
        tuple(_caller(caller, base.at(i), read, home) for i, caller in enumerate(given)),
        place,
        read.application or None,
        read.mtls or None,
    )


def _caller(read: wire.Caller, place: Place, serve: wire.Serve, home: Home) -> Caller:
    peers.check_requests(read, serve.application or None, serve.ports, place, home)
    return Caller(
        read.name, peers.caller(read, place, home), place, peers.http(read.http or []), peers.grpc(read.grpc or [])
    )


def _call(read: wire.Call, place: Place, home: Home) -> Call:
    peers.check_requests(read, None, read.ports or [], place, home)
    _check_ports(read, place, home.faults)
    return Call(
        read.name,
        peers.callee(read.to, place.at("to"), home),
        place,
        read.serves or "",
        tuple(peers.port(port, place.at("ports", i), home) for i, port in enumerate(read.ports or [])),
        peers.http(read.http or []),
        peers.grpc(read.grpc or []),
        read.need,
        read.reason or "",
        _time(read.notAfter, place.at("notAfter"), home.faults) if read.notAfter else None,
        read.mode or None,
    )


def _check_ports(read: wire.Call, place: Place, faults: list[Diagnostic]) -> None:
    """Where the callee has no contract, nothing but the call says the ports."""
    outside = next((name for name in ("dns", "cidr", "platform") if getattr(read.to, name)), None)
    if read.serves and read.ports:
        help = "name the callee's entry with `serves`, or `ports` where the callee has no contract"
        faults.append(findings.conflict(place.at("ports"), "stands beside `serves`", help))
    elif read.serves and outside:
        help = "write `ports`: only workloads have entries"
        faults.append(findings.conflict(place.at("serves"), f"names an entry of a `{outside}`", help))
    elif not read.ports and not read.serves and (read.to.own or (outside and read.to.platform != "APIServer")):
        faults.append(findings.missing(place, "ports", f"the ports of the `{outside or 'self'}` called"))


def _time(text: str, place: Place, faults: list[Diagnostic]) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError as problem:
        faults.append(findings.wrong_value(place, f"is `{text}`, which is no time: {problem}", "correct it"))
        return None


def _once(names: list[str], place: Place, faults: list[Diagnostic]) -> None:
    first: dict[str, Place] = {}
    for at, name in enumerate(names):
        where = place.at(at, "name")
        earlier = first.setdefault(name, where)
        if earlier is not where:
            faults.append(findings.name_twice(where, name, earlier))
