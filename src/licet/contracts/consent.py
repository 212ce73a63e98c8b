"""Where a call meets its callee: the entry that is meant, and whether it admits the caller."""

from __future__ import annotations

from collections.abc import Iterable

from licet.contracts import disagreement
from licet.contracts.agreement import Agreement, EdgeKind, End
from licet.contracts.binding import Bound, Entry, served
from licet.contracts.contract import (
    Call,
    Caller,
    From,
    GatewayPeer,
    GrpcMatch,
    HttpMatch,
    NamespacePeer,
    Peer,
    PlatformPeer,
    WorkloadPeer,
)
from licet.contracts.ledger import Ledger
from licet.contracts.requests import both_grpc, both_http
from licet.diag.place import Place
from licet.model.key import Key
from licet.model.ports import ALL_PORTS, PortRange, PortSet


class Consent:
    """Asks callees."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def meet(self, bound: Bound, call: Call, kind: EdgeKind, callee: Key, asked: PortSet | None) -> None:
        """Agree with a workload of this cluster on the ports asked for, None standing for what its one entry serves."""
        other = self.ledger.bindings.bound.get(callee)
        if other is not None and not other.contract.annotated:
            for entry in self._entries(call, other, asked):
                self._consent(bound, call, kind, other, entry, asked)
            return
        isolated = self.ledger.bindings.isolated.get(callee)
        if isolated is not None and isolated.ingress:
            self.ledger.report(disagreement.isolated_callee(call.place, str(bound.key), str(callee), isolated.place))
        elif asked is None:
            named = self._by_port_name(call, callee)
            if named:
                self.agree(bound, call, kind, callee, named, None)
            else:
                self.ledger.report(disagreement.which_ports(call.place, call.name, str(callee)))
        else:
            self._warn_of_deaf(callee, asked, call.place.at("ports"))
            self.agree(bound, call, kind, callee, asked, None)

    def _by_port_name(self, call: Call, callee: Key) -> PortSet:
        """The ports that the containers of a callee without a contract give the name that the call asks for."""
        numbers = (
            PortRange(protocol, number, number)
            for member in self.ledger.roster.members[callee]
            for protocol, number in (member.port_numbers(call.serves, None) if call.serves else ())
        )
        return PortSet.of(*numbers)

    def _entries(self, call: Call, other: Bound, asked: PortSet | None) -> list[Entry]:
        """The entries of the callee's contract that a call means, or a finding."""
        known = [entry.serve.name for entry in other.entries]
        about = call.name, str(other.key)
        contract = Place(other.contract.origin, ("spec", "serves")) if other.entries else other.place
        if call.serves:
            found = [entry for entry in other.entries if entry.serve.name == call.serves]
            if not found:
                at = call.place.at("serves")
                self.ledger.report(disagreement.no_entry(at, *about, call.serves, known, contract))
        elif asked is None:
            found = list(other.entries) if len(other.entries) == 1 else []
            if not found:
                self.ledger.report(disagreement.which_entry(call.place, *about, known, contract))
        else:
            found = [entry for entry in other.entries if entry.ports & asked]
        if asked is not None and (found or not call.serves) and (lacking := asked - served(found)):
            at = call.place.at("ports") if call.ports else call.place
            whole = str(served(other.entries)) if other.entries else "nothing"
            self.ledger.report(disagreement.not_served(at, *about, str(lacking), whole, contract))
        return found

    def _consent(
        self, bound: Bound, call: Call, kind: EdgeKind, other: Bound, entry: Entry, asked: PortSet | None
    ) -> None:
        admitting = list(self._admitting(bound, other, entry))
        callers = entry.serve.place.at("callers")
        if not admitting:
            owner = other.contract.owner
            about = str(bound.key), str(other.key), entry.serve.name
            self.ledger.report(disagreement.no_consent(call.place, *about, callers, owner))
            return
        ports = entry.ports if asked is None else entry.ports & asked
        met = False
        for caller in admitting:
            http = both_http(call.http, caller.http if caller else ())
            grpc = both_grpc(call.grpc, caller.grpc if caller else ())
            if http is None or grpc is None or (http and grpc) or not ports:
                continue
            met = True
            if caller is not None:
                self.ledger.used.add(caller.place)
            callee = caller.place if caller is not None else callers
            self.agree(bound, call, kind, other.key, ports, callee, entry, http, grpc)
        if not met and ports:
            at = admitting[0].place if admitting[0] else callers
            self.ledger.report(disagreement.nothing_in_common(call.place, call.name, str(other.key), at))

    def _admitting(self, bound: Bound, other: Bound, entry: Entry) -> Iterable[Caller | None]:
        """The callers of an entry that are this workload; None where all of some set are admitted."""
        match entry.serve.admits:
            case From.NONE:
                return ()
            case From.ALL:
                return (None,)
            case From.SAME_NAMESPACE:
                return (None,) if bound.key.namespace == other.key.namespace else ()
            case From.SELECTED:
                return [caller for caller in entry.serve.callers if self._names(caller.peer, bound.key)]

    def _names(self, peer: Peer, key: Key) -> bool:
        """Whether a peer names a contracted workload of this cluster."""
        match peer:
            case WorkloadPeer(pattern=pattern):
                return pattern.matches(key)
            case NamespacePeer(name=name):
                return name == key.namespace
            case GatewayPeer(namespace=namespace, name=name):
                part = self.ledger.surroundings.gateway(namespace, name)
                return part is not None and not part.assumption and self.ledger.is_in(key, part)
            case PlatformPeer(part=part):
                return any(self.ledger.is_in(key, found) for found in self.ledger.surroundings.part(part))
            case _:
                return False

    def agree(
        self,
        bound: Bound,
        call: Call,
        kind: EdgeKind,
        dst: End,
        ports: PortSet,
        callee: Place | None,
        entry: Entry | None = None,
        http: tuple[HttpMatch, ...] = (),
        grpc: tuple[GrpcMatch, ...] = (),
    ) -> None:
        """Keep an agreement that a call led to. Who calls itself makes no entry one that anybody calls."""
        if entry is None:
            http, grpc = call.http, call.grpc
        elif kind is not EdgeKind.SELF:
            self.ledger.used.add(entry.serve.place)
        self.ledger.found.append(
            Agreement(
                kind,
                bound.key,
                dst,
                ports,
                call.place,
                callee,
                call.mode or bound.mode,
                call.need,
                http,
                grpc,
                entry.serve.application if entry else None,
                entry.serve.mtls if entry else None,
            )
        )

    def _warn_of_deaf(self, callee: Key, asked: PortSet, where: Place) -> None:
        declared = self.ledger.bindings.declared(callee)
        if declared and asked != ALL_PORTS and (deaf := asked - declared):
            self.ledger.report(disagreement.nobody_listens(where, str(callee), str(deaf), str(declared)))
