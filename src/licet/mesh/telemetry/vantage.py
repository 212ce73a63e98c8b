"""What the name of a sidecar's access log says of where its entries were seen."""

from __future__ import annotations

from collections.abc import Mapping

from licet.flows.envoy import Vantage
from licet.flows.record import Endpoint, Side
from licet.mesh.envoy import names
from licet.mesh.intent import DEFAULT_DENY
from licet.mesh.sidecar import Sidecar
from licet.model.addresses import AddressSet
from licet.model.key import Key

_INBOUND, _OUTBOUND = names.inbound(0)[:-1], names.outbound("")
_REFUSED = names.refused("")


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
    if log.startswith(_OUTBOUND):
        return Vantage(Side.SOURCE, sidecar.id, own, _destination(log.removeprefix(_OUTBOUND), workloads))
    if log == names.REFUSED:
        return Vantage(Side.SOURCE, sidecar.id, own, refused_by=DEFAULT_DENY)
    if log.startswith(_REFUSED):
        refused = _destination(log.removeprefix(_REFUSED), workloads)
        return Vantage(Side.SOURCE, sidecar.id, own, refused, refused_by=DEFAULT_DENY)
    if log == names.CAPTURED_OUT:
        return Vantage(Side.SOURCE, sidecar.id, own)
    port = _port(log.removeprefix(_INBOUND))
    placed = Endpoint(
        own.identity, "", own.workload, own.namespace, own.cluster, own.instance, own.name, own.address, port
    )
    return Vantage(Side.DESTINATION, sidecar.id, placed)


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
