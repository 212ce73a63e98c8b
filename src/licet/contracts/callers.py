"""The callees' side: callers that need no contract of their own, and those who are admitted and do not call."""

from __future__ import annotations

from licet.contracts import disagreement
from licet.contracts.agreement import Addresses, Agreement, EdgeKind, Identity, end_text
from licet.contracts.binding import Bound, Entry
from licet.contracts.contract import (
    Caller,
    CidrPeer,
    DnsPeer,
    From,
    GatewayPeer,
    MutualTls,
    NamespacePeer,
    PlatformPeer,
    SelfPeer,
    ServicePeer,
    SpiffePeer,
    WorkloadPeer,
    peer_text,
)
from licet.contracts.ledger import Ledger
from licet.contracts.surroundings import FIELDS, Part
from licet.model.key import Pattern


class Callers:
    """Goes through entries after every call has been followed."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def admit(self, bound: Bound, entry: Entry) -> None:
        """Agreements with those who are admitted and can declare nothing; findings for those who could and do not."""
        if not entry.ports:
            return
        for caller in entry.serve.callers:
            self._admit_one(bound, entry, caller)
        if entry.serve.place not in self.ledger.used and entry.serve.admits is not From.NONE:
            self.ledger.report(
                disagreement.never_called(entry.serve.place.at("name"), str(bound.key), entry.serve.name)
            )

    def _admit_one(self, bound: Bound, entry: Entry, caller: Caller) -> None:
        match caller.peer:
            case WorkloadPeer(pattern=pattern):
                if pattern.cluster not in (None, bound.key.cluster):
                    self._let_in(bound, entry, caller, Part(EdgeKind.CLUSTER, Identity(peer_text(caller.peer))))
                else:
                    self._admit_workloads(bound, entry, caller, pattern)
            case GatewayPeer(namespace=namespace, name=name):
                part = self.ledger.surroundings.gateway(namespace, name)
                if part is None:
                    where = caller.place.at("gateway")
                    self.ledger.report(disagreement.no_gateway(where, peer_text(caller.peer)))
                else:
                    self._let_in(bound, entry, caller, part)
            case SpiffePeer(id=identity):
                self._let_in(bound, entry, caller, Part(EdgeKind.IDENTITY, Identity(identity)))
            case CidrPeer(addresses=addresses, text=text):
                self._let_in(bound, entry, caller, Part(EdgeKind.CIDR, Addresses(addresses, text)))
            case PlatformPeer(part=named):
                parts = self.ledger.surroundings.part(named)
                if not parts:
                    where = caller.place.at("platform")
                    self.ledger.report(disagreement.undefined_part(where, named.value, FIELDS[named]))
                for part in parts:
                    self._let_in(bound, entry, caller, part)
            case NamespacePeer() | SelfPeer() | ServicePeer() | DnsPeer():
                pass

    def _admit_workloads(self, bound: Bound, entry: Entry, caller: Caller, pattern: Pattern) -> None:
        bindings = self.ledger.bindings
        fitting = self.ledger.roster.named(pattern)
        where = caller.place.at("workload", "name")
        if not fitting:
            self.ledger.report(disagreement.no_caller(where, peer_text(caller.peer), self.ledger.roster.close(pattern)))
        if len(fitting) > 1:
            self.ledger.report(disagreement.ambiguous_caller(where, peer_text(caller.peer), [str(k) for k in fitting]))
        for key in fitting:
            closed = bindings.bound.get(key) or bindings.isolated.get(key)
            if closed is None:
                self._let_in(bound, entry, caller, Part(EdgeKind.WORKLOAD, key))
            elif key not in bindings.bound or caller.place not in self.ledger.used:
                about = str(key), str(bound.key), entry.serve.name
                self.ledger.report(disagreement.does_not_call(where, *about, closed.place))

    def _let_in(self, bound: Bound, entry: Entry, caller: Caller, part: Part) -> None:
        closed = self.ledger.closing(part)
        if closed is not None:
            if caller.place not in self.ledger.used:
                names = end_text(part.end), str(bound.key), entry.serve.name
                self.ledger.report(disagreement.closed_caller(caller.place, *names, closed))
            return
        self.ledger.assume(part)
        self.ledger.used.update((entry.serve.place, caller.place))
        if isinstance(part.end, Addresses) and entry.serve.mtls is MutualTls.STRICT:
            about = entry.serve.name, end_text(part.end)
            self.ledger.report(disagreement.nameless_caller(caller.place, *about))
        self.ledger.found.append(
            Agreement(
                part.kind,
                part.end,
                bound.key,
                entry.ports,
                None,
                caller.place,
                bound.mode,
                http=caller.http,
                grpc=caller.grpc,
                application=entry.serve.application,
                mtls=entry.serve.mtls,
            )
        )
