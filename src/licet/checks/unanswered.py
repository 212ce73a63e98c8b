"""Calls that reach nobody, whatever contracts say: of a port that a Service does not have, or of no Service at all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from licet.checks import findings
from licet.contracts.agreement import Agreements
from licet.contracts.contract import DnsPeer, Peer, ServicePeer
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.discover.edge import Evidence, Lack
from licet.manifest.documents import Document
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.service import Service

_MOST = 2
"""How many names are suggested."""


def unanswered(
    evidence: Iterable[Evidence], agreements: Agreements, cluster: Cluster, objects: Iterable[Document] = ()
) -> list[Diagnostic]:
    """Each call of a default-deny workload that comes to nothing, once.

    One of no Service that the caller's contract declares all the same is told of there. Of `objects`, custom
    resources may have their operator make Services of their name.
    """
    subject = {workload.key: workload.owner for workload in cluster.workloads if workload.owner is not None}
    calls: dict[tuple[Key, Lack, ServicePeer, int | None], list[Evidence]] = {}
    for one in evidence:
        if one.lack is None or one.service is None or not isinstance(one.caller, Key):
            continue
        caller = subject.get(one.caller, one.caller)
        port = one.service_port if one.lack is Lack.PORT else None
        if caller in agreements.isolated:
            calls.setdefault((caller, one.lack, one.service, port), []).append(one)
    services: dict[ServicePeer, list[Service]] = {}
    for service in cluster.services:
        services.setdefault(ServicePeer(service.key.namespace, service.key.name), []).append(service)
    missing = any(lack is Lack.SERVICE for _, lack, _, _ in calls)
    makers = [one for one in objects if _is_custom(one)] if missing else []
    found: list[Diagnostic] = []
    for (caller, _, peer, port), made in calls.items():
        read = list(dict.fromkeys((one.place, one.text) for one in made))
        if port is not None:
            found += _no_port(read, caller, services.get(peer, ()), port)
        elif not _declares(caller, peer, agreements) and not any(_may_make(one, peer) for one in makers):
            close = _close(peer, caller, services)
            found.append(findings.no_such_service(read, str(caller), peer.name, peer.namespace, close))
    return found


def _no_port(
    read: Sequence[tuple[Place, str]], caller: Key, services: Sequence[Service], port: int
) -> Iterable[Diagnostic]:
    """Nothing where one of several Services of that name has the port."""
    if not services or any(port == each.port for service in services for each in service.ports):
        return
    service = services[-1]
    there = [f"{each.port}{f' (`{each.name}`)' if each.name else ''}" for each in service.ports]
    name = f"{service.key.namespace}/{service.key.name}"
    yield findings.no_such_port(read, str(caller), name, port, there, Place(service.origin, ("spec", "ports")))


def _is_custom(document: Document) -> bool:
    group = document.api_version.rpartition("/")[0]
    return "." in group and not group.endswith((".k8s.io", "licet.dev"))


def _may_make(document: Document, peer: ServicePeer) -> bool:
    metadata = document.value.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace", peer.namespace) != peer.namespace:
        return False
    name = metadata.get("name")
    return isinstance(name, str) and name != "" and f"{peer.name}-".startswith(f"{name}-")


def _declares(caller: Key, peer: ServicePeer, agreements: Agreements) -> bool:
    contract = agreements.contracts.get(caller)
    return contract is not None and any(_means(call.peer, peer) for call in contract.calls)


def _means(declared: Peer, peer: ServicePeer) -> bool:
    if isinstance(declared, DnsPeer):
        front = f"{peer.name}.{peer.namespace}"
        return declared.name.lower() in (peer.name, front) or declared.name.lower().startswith(f"{front}.svc")
    return declared == peer


def _close(peer: ServicePeer, caller: Key, services: Mapping[ServicePeer, object]) -> list[str]:
    """Names that may be meant, as the caller would write them: first of the same name, then of one that is alike."""
    same = [one for one in services if one.name == peer.name]
    near = [one.name for one in services if one.namespace in (peer.namespace, caller.namespace)]
    alike = difflib.get_close_matches(peer.name, dict.fromkeys(near), n=_MOST)
    like = [one for name in alike for one in services if one.name == name and one not in same]
    like = [one for one in like if one.namespace in (peer.namespace, caller.namespace)]
    found = [*sorted(same, key=lambda one: (one.namespace != caller.namespace, one.namespace)), *like]
    return [one.name if one.namespace == caller.namespace else f"{one.name}.{one.namespace}" for one in found[:_MOST]]
