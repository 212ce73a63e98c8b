"""The callers' side: where each call goes, and on which ports."""

from __future__ import annotations

from datetime import datetime, timedelta

from licet.contracts import disagreement
from licet.contracts.agreement import Addresses, Domain, EdgeKind, End, Identity, Unmet, end_text
from licet.contracts.binding import Bound, served
from licet.contracts.consent import Consent
from licet.contracts.contract import (
    Call,
    CidrPeer,
    DnsPeer,
    GatewayPeer,
    NamespacePeer,
    PlatformPart,
    PlatformPeer,
    Port,
    SelfPeer,
    ServicePeer,
    SpiffePeer,
    WorkloadPeer,
    peer_text,
)
from licet.contracts.ledger import Ledger
from licet.contracts.services import missing_ports
from licet.contracts.surroundings import API_SERVER, FIELDS
from licet.diag.place import Place
from licet.model.key import Key, Pattern
from licet.model.ports import NamedPort, PortRange, PortSet
from licet.model.service import Service

_SOON = timedelta(days=30)


class Calls:
    """Follows calls to their callees, at one time."""

    def __init__(self, ledger: Ledger, at: datetime) -> None:
        self.ledger = ledger
        self._at = at
        self._consent = Consent(ledger)

    def follow(self, bound: Bound, call: Call) -> None:
        """Agree on a call as far as its callee does; keep it as unmet where nothing comes of it."""
        before = len(self.ledger.found)
        if self._is_over(call):
            self.ledger.unmet.append(Unmet(bound.key, call))
            return
        match call.peer:
            case WorkloadPeer(pattern=pattern):
                self._call_workload(bound, call, pattern)
            case SelfPeer():
                self._call_self(bound, call)
            case ServicePeer():
                self._call_service(bound, call, call.peer)
            case DnsPeer(name=name):
                self._call_outside(bound, call, EdgeKind.DOMAIN, Domain(name))
            case CidrPeer(addresses=addresses, text=text):
                self._call_outside(bound, call, EdgeKind.CIDR, Addresses(addresses, text))
            case PlatformPeer(part=part):
                self._call_platform(bound, call, part)
            case NamespacePeer() | GatewayPeer() | SpiffePeer():
                raise AssertionError("decoding lets these be callers only")
        if len(self.ledger.found) == before:
            self.ledger.unmet.append(Unmet(bound.key, call))

    def _is_over(self, call: Call) -> bool:
        if call.not_after is None:
            return False
        where = call.place.at("notAfter")
        if call.not_after <= self._at:
            self.ledger.report(disagreement.expired(where, call.name, peer_text(call.peer)))
            return True
        if call.not_after - self._at <= _SOON:
            days = (call.not_after - self._at).days
            self.ledger.report(disagreement.expires(where, call.name, peer_text(call.peer), days))
        return False

    def _call_workload(self, bound: Bound, call: Call, pattern: Pattern) -> None:
        if pattern.cluster not in (None, bound.key.cluster):
            far = Identity(peer_text(call.peer))
            self._call_outside(bound, call, EdgeKind.CLUSTER, far)
            return
        fitting = self.ledger.roster.named(pattern)
        where = call.place.at("to", "workload", "name")
        if not fitting:
            self.ledger.report(
                disagreement.no_callee(where, call.name, peer_text(call.peer), self.ledger.roster.close(pattern))
            )
        elif len(fitting) > 1:
            self.ledger.report(disagreement.ambiguous(where, call.name, [str(key) for key in fitting]))
        else:
            asked = self._ports(call.ports, fitting[0], call.place.at("ports")) if call.ports else None
            self._consent.meet(bound, call, EdgeKind.WORKLOAD, fitting[0], asked)

    def _call_self(self, bound: Bound, call: Call) -> None:
        if call.ports:
            ports = self._ports(call.ports, bound.key, call.place.at("ports"))
        else:
            ports = served(entry for entry in bound.entries if call.serves in ("", entry.serve.name))
        if not ports:
            self.ledger.report(disagreement.which_ports(call.place, call.name, str(bound.key)))
            return
        for entry in bound.entries:
            spoken = entry.ports & ports
            ports -= spoken
            if spoken:
                self._consent.agree(bound, call, EdgeKind.SELF, bound.key, spoken, None, entry, call.http, call.grpc)
        if ports:
            self._consent.agree(bound, call, EdgeKind.SELF, bound.key, ports, None)

    def _call_service(self, bound: Bound, call: Call, peer: ServicePeer) -> None:
        service = self.ledger.services.find(peer.namespace, peer.name)
        where = call.place.at("to", "service", "name")
        if service is None:
            meant = self.ledger.services.close(peer.namespace, peer.name)
            self.ledger.report(disagreement.no_callee(where, call.name, peer_text(peer), meant))
            return
        unserved = missing_ports(service, call.ports)
        for missing in unserved:
            known = [_service_port(port.port, port.name) for port in service.ports]
            shown = missing.name if isinstance(missing, NamedPort) else str(PortSet.of(missing))
            at = call.place.at("ports")
            self.ledger.report(disagreement.no_service_port(at, call.name, peer_text(peer), shown, known))
        arrivals = self.ledger.services.follow(service, call.ports)
        if not arrivals:
            self.ledger.report(disagreement.leads_nowhere(where, call.name, peer_text(peer)))
        if arrivals and not unserved and not call.serves and not any(arrival.ports for arrival in arrivals):
            self._closed_behind(call, service, [a.end for a in arrivals if isinstance(a.end, Key)], where)
            return
        known_callees = [a.end for a in arrivals if isinstance(a.end, Key) and a.end in self.ledger.bindings.bound]
        for arrival in arrivals:
            if not isinstance(arrival.end, Key):
                kind = EdgeKind.DOMAIN if isinstance(arrival.end, Domain) else EdgeKind.CIDR
                if arrival.ports:
                    self._consent.agree(bound, call, kind, arrival.end, arrival.ports, None)
            elif known_callees and arrival.end not in self.ledger.bindings.bound:
                self._stranger(call, service, arrival.end, where)
            elif arrival.ports or not call.ports:
                asked = None if call.serves and not call.ports else arrival.ports
                self._consent.meet(bound, call, EdgeKind.SERVICE, arrival.end, asked)

    def _closed_behind(self, call: Call, service: Service, callees: list[Key], where: Place) -> None:
        """A Service's targets are names of ports, and none of its pods has one."""
        names = [port.target for port in service.ports if isinstance(port.target, str)]
        for key in callees:
            for name in dict.fromkeys(names):
                known = self.ledger.bindings.port_names(key)
                self.ledger.report(disagreement.no_named_port(where, str(key), name, known))
        if not names:
            self.ledger.report(disagreement.which_ports(call.place, call.name, peer_text(call.peer)))

    def _stranger(self, call: Call, service: Service, stranger: Key, where: Place) -> None:
        name = f"{service.key.namespace}/{service.key.name}"
        self.ledger.report(disagreement.stranger(where, call.name, name, str(stranger), service.origin))

    def _call_platform(self, bound: Bound, call: Call, part: PlatformPart) -> None:
        parts = self.ledger.surroundings.part(part)
        if not parts:
            where = call.place.at("to", "platform")
            self.ledger.report(disagreement.undefined_part(where, part.value, FIELDS[part]))
        for found in parts:
            self.ledger.assume(found)
            usual = API_SERVER if part is PlatformPart.API_SERVER else None
            self._call_outside(bound, call, found.kind, found.end, usual)

    def _call_outside(self, bound: Bound, call: Call, kind: EdgeKind, end: End, usual: PortSet | None = None) -> None:
        ports = PortSet.of(*(one for one in call.ports if isinstance(one, PortRange))) if call.ports else usual
        if ports is None:
            self.ledger.report(disagreement.which_ports(call.place, call.name, end_text(end)))
            return
        self._consent.agree(bound, call, kind, end, ports, None)

    def _ports(self, asked: tuple[Port, ...], callee: Key, where: Place) -> PortSet:
        """The ports of a call to a workload; a name is one of its containers' ports."""
        ports, unknown = self.ledger.bindings.numbers(asked, callee)
        for name in unknown:
            self.ledger.report(
                disagreement.no_named_port(where, str(callee), name, self.ledger.bindings.port_names(callee))
            )
        return ports


def _service_port(number: int, name: str) -> str:
    return f"{number} ({name})" if name else str(number)
