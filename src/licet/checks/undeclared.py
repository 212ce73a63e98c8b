"""Calls that manifests make and contracts do not declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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
    ServicePeer,
    WorkloadPeer,
)
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.discover.edge import Evidence, end_text
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortSet
from licet.model.ternary import Ternary
from licet.model.workload import Workload


class Undeclared(msgspec.Struct, frozen=True):
    """A call without a declaration, the contract that should have it (None: there is none), and the finding."""

    evidence: Evidence
    contract: Contract | None
    finding: Diagnostic


def undeclared(evidence: Iterable[Evidence], agreements: Agreements, cluster: Cluster) -> list[Undeclared]:
    """Every certain call of a default-deny workload, or lead to one, that contracts do not know; each once.

    What policies allow is not looked at: a proof does that.
    """
    policies = {policy.origin for policy in cluster.network_policies}
    policies |= {policy.origin for policy in cluster.cluster_policies}
    known = _Known(agreements, cluster)
    found: dict[tuple[object, ...], Undeclared] = {}
    for one in evidence:
        if one.doubtful or one.place.origin in policies:
            continue
        faulty = _call(one, agreements, known) or _lead(one, agreements.contracts, known)
        if faulty is not None:
            found.setdefault((one.caller, one.callee, one.port), faulty)
    return list(found.values())


def _call(one: Evidence, agreements: Agreements, known: _Known) -> Undeclared | None:
    if not isinstance(one.caller, Key) or one.caller not in agreements.isolated or known.declares(one):
        return None
    contract = agreements.contracts.get(one.caller)
    where = None if contract is None else _list(contract, "calls", bool(contract.calls))
    return Undeclared(
        one, contract, findings.undeclared(one.place, str(one.caller), _callee_text(one), one.text, where)
    )


def _lead(one: Evidence, contracts: Mapping[Key, Contract], known: _Known) -> Undeclared | None:
    """Gateways, collectors of metrics and the API server are known by manifests that lead them to a workload."""
    if isinstance(one.caller, Key) or not isinstance(one.callee, Key) or isinstance(one.caller, CidrPeer):
        return None
    contract = contracts.get(one.callee)
    if contract is None or contract.annotated or known.admits(one):
        return None
    scraped = one.caller == PlatformPeer(PlatformPart.METRICS)
    where = _list(contract, "serves", bool(contract.serves))
    return Undeclared(
        one, contract, findings.not_admitted(one.place, end_text(one.caller), _callee_text(one), where, scraped)
    )


def _list(contract: Contract, field: str, there: bool) -> Place:
    if contract.annotated:
        return Place(contract.origin, ("metadata", "annotations"))
    return Place(contract.origin, ("spec", field) if there else ("spec",))


def _callee_text(one: Evidence) -> str:
    if one.port is None:
        return end_text(one.callee)
    return f"{end_text(one.callee)} {PortSet.of(one.port)}"


class _Known:
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
            self._workloads.setdefault(workload.owner or workload.key, []).append(workload)

    def declares(self, one: Evidence) -> bool:
        """Whether the caller's contract has the call; one that its callee does not admit is another finding."""
        assert isinstance(one.caller, Key)
        ports = None if one.port is None else PortSet.of(one.port)
        agreed = (a for a in self._calls.get(one.caller, ()) if ports is None or not ports - a.ports)
        return any(self._is(one, a.dst) for a in agreed) or any(
            _may_mean(one, unmet.call.peer) for unmet in self._unmet.get(one.caller, ())
        )

    def admits(self, one: Evidence) -> bool:
        """Whether the callee's contract admits the part of the platform that is led to it."""
        assert isinstance(one.callee, Key)
        ports = None if one.port is None else PortSet.of(one.port)
        return any(
            agreement.kind in _kinds(one) and (ports is None or bool(ports & agreement.ports))
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
                return isinstance(callee, DnsPeer) and _covers(name, callee.name)
            case Addresses(addresses=addresses):
                return isinstance(callee, CidrPeer) and not callee.addresses - addresses
            case _:
                return False

    def _bears(self, end: Pods, pods: Workload) -> bool:
        return (
            pods.key.namespace == end.namespace and end.pods.matches(pods.labels, pods.runtime_labels) is not Ternary.NO
        )


def _kinds(one: Evidence) -> Iterator[EdgeKind]:
    if isinstance(one.caller, GatewayPeer):
        yield EdgeKind.GATEWAY
    elif isinstance(one.caller, PlatformPeer):
        yield {
            PlatformPart.INGRESS: EdgeKind.GATEWAY,
            PlatformPart.METRICS: EdgeKind.METRICS,
            PlatformPart.API_SERVER: EdgeKind.API_SERVER,
            PlatformPart.NODES: EdgeKind.NODES,
            PlatformPart.WORLD: EdgeKind.WORLD,
        }[one.caller.part]


def _may_mean(one: Evidence, peer: Peer) -> bool:
    """Whether a call that came to nothing was meant for this callee."""
    match peer:
        case WorkloadPeer(pattern=pattern):
            return isinstance(one.callee, Key) and pattern.matches(one.callee)
        case ServicePeer():
            return peer in (one.service, one.callee)
        case DnsPeer(name=name):
            return isinstance(one.callee, DnsPeer) and _covers(name, one.callee.name)
        case CidrPeer(addresses=addresses):
            return isinstance(one.callee, CidrPeer) and not one.callee.addresses - addresses
        case PlatformPeer():
            return peer == one.callee
        case _:
            return False


def _covers(declared: str, name: str) -> bool:
    """Whether a DNS name is the one declared; `*.` stands for exactly one label."""
    declared, name = declared.lower().rstrip("."), name.lower().rstrip(".")
    if declared.startswith("*."):
        return name.partition(".")[2] == declared[2:]
    return name == declared
