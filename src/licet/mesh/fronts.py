"""Addresses of Services, as far as manifests say them: what redirected traffic calls beside those of instances."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.contracts.roster import Roster
from licet.contracts.services import Services
from licet.mesh.fleet import Front
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import Protocol


def fronts(cluster: Cluster) -> Mapping[Key, tuple[Front, ...]]:
    """Those of each workload. A port of a Service that leads to several workloads is nobody's: it pins no identity."""
    services = Services(cluster, Roster(cluster))
    found: dict[Key, set[Front]] = {}
    for service in cluster.services:
        if not service.addresses or service.selector is None:
            continue
        for port in service.ports:
            arrivals = services.follow(msgspec.structs.replace(service, ports=(port,)), ())
            ends = {arrival.end for arrival in arrivals if arrival.ports}
            if port.protocol is not Protocol.TCP or len(ends) != 1:
                continue
            [end] = ends
            spans = [span for arrival in arrivals for span in arrival.ports.ranges()]
            if isinstance(end, Key) and len(spans) == 1:
                found.setdefault(end, set()).update(
                    Front(address, port.port, spans[0].first) for address in service.addresses
                )
    return {key: tuple(sorted(held)) for key, held in found.items()}
