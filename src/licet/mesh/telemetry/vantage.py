"""What the name of a sidecar's access log says of where its entries were seen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.flows.envoy import Vantage
from licet.flows.record import Endpoint, Side
from licet.mesh.envoy import names
from licet.mesh.intent import DEFAULT_DENY
from licet.mesh.sidecar import Sidecar
from licet.model.addresses import AddressSet
from licet.model.key import Key

_INBOUND, _OUTBOUND, _REFUSED = names.inbound(0)[:-1], names.outbound(""), names.refused("")


def vantage(sidecar: Sidecar, log: str, workloads: Mapping[str, Key]) -> Vantage:
    """Where a log of this sidecar is kept; `workloads` are known by their ids. A strange name is of what is served."""
    own = Endpoint(
        sidecar.identity,
        workload=sidecar.workload,
        namespace=sidecar.workload.namespace,
        cluster=sidecar.workload.cluster,
        instance=sidecar.id,
        address=sidecar.address,
    )
    side, node, other = Side.SOURCE, sidecar.id, Endpoint()
    if log.startswith(_OUTBOUND):
        other = _destination(log.removeprefix(_OUTBOUND), workloads)
    elif log.startswith(_REFUSED):
        other = _destination(log.removeprefix(_REFUSED), workloads)
    elif log not in (names.REFUSED, names.CAPTURED_OUT):
        side, own = Side.DESTINATION, msgspec.structs.replace(own, port=_port(log.removeprefix(_INBOUND)))
    refuses = log == names.REFUSED or log.startswith(_REFUSED)
    return Vantage(side, node, own, other, DEFAULT_DENY, refuses, either=log == names.REFUSED)


def served_port(log: str) -> int:
    """The port that a log is of which is served, and 0 of others."""
    return (_port(log.removeprefix(_INBOUND)) or 0) if log.startswith(_INBOUND) else 0


def _destination(text: str, workloads: Mapping[str, Key]) -> Endpoint:
    name, _, number = text.rpartition(":")
    port = _port(number)
    workload = workloads.get(name)
    if workload is not None:
        return Endpoint(workload=workload, namespace=workload.namespace, cluster=workload.cluster, port=port)
    try:
        AddressSet.of([name])
    except ValueError:
        return Endpoint(name=name, port=port)
    return Endpoint(address=name, port=port)


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None
