"""Calls that manifests make and contracts do not declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from licet.checks import findings
from licet.contracts.agreement import Addresses, Agreement, Agreements, Domain, EdgeKind, End, Pods, Unmet
from licet.contracts.contract import (
    CidrPeer,
    Contract,
    DnsPeer,
    GatewayPeer,
    Peer,
    PlatformPart,
    PlatformPeer,
    SelfPeer,
    ServicePeer,
    WorkloadPeer,
)
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.discover.edge import Evidence, end_text
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import NO_PORTS, PortSet
from licet.model.ternary import Ternary
from licet.model.workload import Workload


class Undeclared(msgspec.Struct, frozen=True):
    """A call without a declaration, or somebody without a contract who is led to a workload that does not admit it.

    `caller` is the workload that calls, None where somebody is led. `contract` is what should declare or admit it,
    None where there is none. `evidence` is all that points to it; the finding is about the first.
    """

    caller: Key | None
    evidence: tuple[Evidence, ...]
    contract: Contract | None
    finding: Diagnostic


def undeclared(evidence: Iterable[Evidence], agreements: Agreements, cluster: Cluster) -> list[Undeclared]:
    """Every certain call of a default-deny workload, or lead to one, that contracts do not know; each once.

    What policies allow is not looked at: a proof does that.
    """
    policies = {policy.origin for policy in cluster.network_policies}
    policies |= {policy.origin for policy in cluster.cluster_policies}
    subjects = {workload.key: workload.subject for workload in cluster.workloads}
    calls: dict[tuple[object, ...], list[Evidence]] = {}
    for one in evidence:
        if not one.doubtful and one.place.origin not in policies:
            meant = one.of_subjects(subjects)
            calls.setdefault((meant.caller, meant.callee, meant.port), []).append(meant)
    declared = _Declarations(agreements, cluster)
    faulty = (
        _call(found, agreements, declared) or _lead(found, agreements.contracts, declared) for found in calls.values()
    )
    return [one for one in faulty if one is not None]


def _call(found: Sequence[Evidence], agreements: Agreements, declared: _Declarations) -> Undeclared | None:
    one = found[0]
    if not isinstance(one.caller, Key) or one.caller not in agreements.isolated:
        return None
    if any(declared.declares(each) for each in found):
        return None
    contract = agreements.contracts.get(one.caller)
    where = None if contract is None else _list(contract, "calls", bool(contract.calls))
    annotated = contract is not None and contract.annotated
    told = findings.undeclared(
        [(each.place, each.text) for each in found], str(one.caller), _callee_text(one), where, annotated=annotated
    )
    return Undeclared(one.caller, tuple(found), contract, told)


def _lead(found: Sequence[Evidence], contracts: Mapping[Key, Contract], declared: _Declarations) -> Undeclared | None:
    """Gateways, collectors of metrics and the API server are known by manifests that lead them to a workload."""
    one = found[0]
    if isinstance(one.caller, Key) or not isinstance(one.callee, Key) or isinstance(one.caller, CidrPeer):
        return None
    contract = contracts.get(one.callee)
    if contract is None or contract.annotated or declared.admits(one):
        return None
    scraped = one.caller == PlatformPeer(PlatformPart.METRICS)
    where = _list(contract, "serves", bool(contract.serves))
    told = findings.not_admitted(one.place, end_text(one.caller), _callee_text(one), where, scraped)
    return Undeclared(None, tuple(found), contract, told)


def _list(contract: Contract, field: str, there: bool) -> Place:
    if contract.annotated:
        return Place(contract.origin, ("metadata", "annotations"))
    return Place(contract.origin, ("spec", field) if there else ("spec",))


def _callee_text(one: Evidence) -> str:
    if one.port is None:
        return end_text(one.callee)
    return f"{end_text(one.callee)} {PortSet.of(one.port)}"


class _Declarations:
    """What contracts declare, by the workload that declares it."""

    def __init__(self, agreements: Agreements, cluster: Cluster) -> None:
        self._calls: dict[Key, list[Agreement]] = {}
        self._callers: dict[Key, list[Agreement]] = {}
        self._unmet: dict[Key, list[Unmet]] = {}
        self._workloads: dict[Key, list[Workload]] = {}
        for agreement in agreements.agreements:
            if isinstance(agreement.src, Key):
                self._calls.setdefault(agreement.src, []).append(agreement)
            elif isinstance(agreement.dst, Key):
                self._callers.setdefault(agreement.dst, []).append(agreement)
        for unmet in agreements.unmet:
            self._unmet.setdefault(unmet.caller, []).append(unmet)
        for workload in cluster.workloads:
            self._workloads.setdefault(workload.subject, []).append(workload)

    def declares(self, one: Evidence) -> bool:
        """Whether the caller's contract has the call; one that its callee does not admit is another finding."""
        assert isinstance(one.caller, Key)
        fitting = [agreement for agreement in self._calls.get(one.caller, ()) if self._leads_to(one, agreement)]
        ports = NO_PORTS
        for agreement in fitting:
            ports |= agreement.ports
        if fitting and (one.port is None or not PortSet.of(one.port) - ports):
            return True
        return any(_may_mean(one, unmet.call.peer) for unmet in self._unmet.get(one.caller, ()))

    def _leads_to(self, one: Evidence, agreement: Agreement) -> bool:
        if isinstance(one.callee, PlatformPeer):
            return agreement.kind is _KINDS[one.callee.part]
        return self._is(one, agreement.dst)

    def admits(self, one: Evidence) -> bool:
        """Whether the callee's contract admits the part of the platform that is led to it."""
        assert isinstance(one.callee, Key)
        ports = None if one.port is None else PortSet.of(one.port)
        return any(
            agreement.kind is _kind(one.caller) and (ports is None or bool(ports & agreement.ports))
            for agreement in self._callers.get(one.callee, ())
        )

    def _is(self, one: Evidence, end: End) -> bool:
        """Whether evidence points to an end that is agreed."""
        callee = one.callee
        match end:
            case Key():
                return end == callee
            case Pods():
                return isinstance(callee, Key) and any(self._bears(end, pods) for pods in self._workloads[callee])
            case Domain(name=name):
                return isinstance(callee, DnsPeer) and DnsPeer(name).covers(callee.name)
            case Addresses(addresses=addresses):
                return isinstance(callee, CidrPeer) and not callee.addresses - addresses
            case _:
                return False

    def _bears(self, end: Pods, pods: Workload) -> bool:
        return pods.key.namespace == end.namespace and pods.bears(end.pods) is not Ternary.NO


_KINDS = {
    PlatformPart.INGRESS: EdgeKind.GATEWAY,
    PlatformPart.METRICS: EdgeKind.METRICS,
    PlatformPart.API_SERVER: EdgeKind.API_SERVER,
    PlatformPart.NODES: EdgeKind.NODES,
    PlatformPart.WORLD: EdgeKind.WORLD,
}


def _kind(caller: object) -> EdgeKind | None:
    match caller:
        case GatewayPeer():
            return EdgeKind.GATEWAY
        case PlatformPeer(part=part):
            return _KINDS[part]
        case _:
            return None


def _may_mean(one: Evidence, peer: Peer) -> bool:
    """Whether a call that came to nothing was meant for this callee."""
    match peer:
        case WorkloadPeer(pattern=pattern):
            return isinstance(one.callee, Key) and pattern.matches(one.callee)
        case ServicePeer():
            return peer in (one.service, one.callee)
        case DnsPeer():
            return isinstance(one.callee, DnsPeer) and peer.covers(one.callee.name)
        case CidrPeer(addresses=addresses):
            return isinstance(one.callee, CidrPeer) and not one.callee.addresses - addresses
        case PlatformPeer():
            return peer == one.callee
        case SelfPeer():
            return one.callee == one.caller
        case _:
            return False
