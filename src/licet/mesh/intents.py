"""From agreements to what each sidecar is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from licet.contracts.agreement import Addresses, Agreement, Agreements, Domain, EdgeKind, Identity, Pods, end_text
from licet.contracts.contract import Application, Mode, MutualTls
from licet.diag.diagnostic import Diagnostic
from licet.mesh import findings
from licet.mesh.intent import (
    Call,
    Callee,
    Destination,
    From,
    Intent,
    Intents,
    Named,
    Outside,
    Proof,
    Rule,
    Served,
    Speaks,
    Who,
)
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.selector import Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload

_WIDEST = 1024
"""Ports of one entry that a sidecar listens on at most."""
_STRICT = (None, MutualTls.STRICT)
_REQUESTS = (Application.HTTP, Application.HTTP2, Application.GRPC)


def intents(agreements: Agreements, cluster: Cluster, trust_domain: str) -> Intents:
    """The intent of every isolated workload.

    Identities follow from service accounts, `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. What a proxy cannot enforce as
    it was agreed is a finding and is not let through: UDP and SCTP, callers known by nothing that a proxy sees. Names
    are asked of the cluster's resolver past the sidecar.
    """
    return _Reading(agreements, cluster, trust_domain).read()


class _Reading:
    def __init__(self, agreements: Agreements, cluster: Cluster, trust_domain: str) -> None:
        self._agreements = agreements
        self._cluster = cluster
        self._identities: dict[Key, set[str]] = {}
        for workload in cluster.workloads:
            name = f"spiffe://{trust_domain}/ns/{workload.key.namespace}/sa/{workload.service_account}"
            self._identities.setdefault(workload.subject, set()).add(name)
        self._found: dict[Diagnostic, None] = {}

    def read(self) -> Intents:
        into: dict[Key, list[Agreement]] = {}
        out: dict[Key, list[Agreement]] = {}
        for agreement in self._agreements.agreements:
            if agreement.kind is EdgeKind.RESOLVER:
                continue
            if isinstance(agreement.dst, Key):
                into.setdefault(agreement.dst, []).append(agreement)
            if isinstance(agreement.src, Key):
                out.setdefault(agreement.src, []).append(agreement)
        made = {
            key: Intent(
                key,
                min(self._identities.get(key, {""})),
                isolated.mode,
                self._served(into.get(key, ())) if isolated.ingress else (),
                tuple(self._calls(out.get(key, ()))),
                isolated.place,
            )
            for key, isolated in self._agreements.isolated.items()
        }
        self._tell_of_shared(into)
        return Intents(made, tuple(self._found))

    def _tell_of_shared(self, into: Mapping[Key, Iterable[Agreement]]) -> None:
        """Identities of several workloads with which not the same is agreed: sidecars let all of them do all of it."""
        rights: dict[Key, set[object]] = {}
        for dst, isolated in self._agreements.isolated.items():
            for each in into.get(dst, ()) if isolated.ingress else ():
                if isinstance(each.src, Key):
                    rights.setdefault(each.src, set()).add((dst, each.ports, each.http, each.grpc))
        bearers: dict[str, list[Key]] = {}
        for key, names in self._identities.items():
            for name in names:
                bearers.setdefault(name, []).append(key)
        for name, keys in sorted(bearers.items()):
            if any(rights.get(key, set()) != rights.get(keys[0], set()) for key in keys):
                bound = (self._agreements.isolated[key].place for key in keys if key in self._agreements.isolated)
                self._found[findings.shared(name, [str(key) for key in keys], next(bound, None))] = None

    def _served(self, agreements: Iterable[Agreement]) -> tuple[Served, ...]:
        """Ports with their rules: agreements on one port are rules of it, whichever entry they come from."""
        by_port: dict[int, list[Agreement]] = {}
        for agreement in agreements:
            for port in self._tcp(agreement):
                by_port.setdefault(port, []).append(agreement)
        return tuple(self._port(port, agreed) for port, agreed in sorted(by_port.items()))

    def _port(self, port: int, agreements: list[Agreement]) -> Served:
        speaks = Speaks.HTTP if any(_speaks(each) is Speaks.HTTP for each in agreements) else Speaks.TCP
        strict = all(each.mtls in _STRICT for each in agreements)
        rules: list[Rule] = []
        for each in agreements:
            who = self._who(each)
            if who is not None:
                rules.append(Rule(_name(each), who, each.http, each.grpc, each.callee or each.caller))
        return Served(port, speaks, strict, tuple(_distinct(rules)))

    def _who(self, agreement: Agreement) -> Who | None:
        """An entry that takes only who proves an identity does so beside another one on its port too."""
        match agreement.src:
            case Key() as key:
                return Proof(frozenset(self._identities.get(key, ()))) if key in self._identities else None
            case Pods(namespace=namespace, pods=pods):
                known = [each for each in self._cluster.workloads if _is_among(each, namespace, pods)]
                if not known:
                    self._found[findings.unknown_pods(agreement)] = None
                found = {name for each in known if self._is_free(each) for name in self._identities[each.subject]}
                return Proof(frozenset(found)) if found else None
            case Identity(text=text) if text.startswith("spiffe://"):
                return Proof(frozenset({text}))
            case Addresses(addresses=addresses) if agreement.mtls not in _STRICT:
                return From(addresses)
            case _:
                self._found[findings.no_proof(agreement)] = None
                return None

    def _is_free(self, workload: Workload) -> bool:
        """Whether it calls without a contract, which would have to declare the call where it is enforced."""
        own = self._agreements.isolated.get(workload.subject)
        return own is None or own.mode is not Mode.ENFORCE

    def _calls(self, agreements: Iterable[Agreement]) -> Iterable[Call]:
        for agreement in agreements:
            ports = PortSet.of(*(PortRange(Protocol.TCP, port, port) for port in self._tcp(agreement)))
            to = self._destination(agreement)
            if to is not None and ports:
                yield Call(
                    _name(agreement), to, ports, _speaks(agreement), agreement.http, agreement.grpc, agreement.caller
                )

    def _destination(self, agreement: Agreement) -> Destination | None:
        match agreement.dst:
            case Key() as key:
                return Callee(key, frozenset(self._identities.get(key, ())))
            case Addresses(addresses=addresses, text=text):
                return Outside(addresses, text)
            case Domain(name=name):
                return Named(name)
            case _:
                return None

    def _tcp(self, agreement: Agreement) -> list[int]:
        """The TCP ports of an agreement; what else it holds is told of once."""
        ports: list[int] = []
        for span in agreement.ports.ranges():
            if span.protocol is not Protocol.TCP or span.last - span.first >= _WIDEST:
                self._found[findings.no_proxy(agreement)] = None
            else:
                ports += range(span.first, span.last + 1)
        return ports


def _is_among(workload: Workload, namespace: str, pods: Selector) -> bool:
    return workload.key.namespace == namespace and workload.bears(pods) is Ternary.YES


def _speaks(agreement: Agreement) -> Speaks:
    spoken = agreement.application in _REQUESTS or agreement.http or agreement.grpc
    return Speaks.HTTP if spoken else Speaks.TCP


def _name(agreement: Agreement) -> str:
    return f"{end_text(agreement.src)}->{end_text(agreement.dst)}"


def _distinct(rules: Iterable[Rule]) -> Iterable[Rule]:
    """The rules with names of their own: of several with one name all but the first are numbered."""
    seen: dict[str, int] = {}
    for rule in rules:
        seen[rule.name] = seen.get(rule.name, 0) + 1
        number = seen[rule.name]
        yield rule if number == 1 else Rule(f"{rule.name}#{number}", rule.who, rule.http, rule.grpc, rule.place)
