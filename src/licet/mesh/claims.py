"""What a sidecar says of itself beyond its identity, held against what else is known.

Others are led to its address and believe its identity from there, so that one that lies could take what is another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

from licet.mesh.errors import SidecarError
from licet.mesh.intent import Intent
from licet.mesh.sidecar import Sidecar
from licet.mesh.xds.source import Caller
from licet.model.key import Key

_LEAF = "|--"
_LOCAL = ["host", "LOCAL"]


def require_there(sidecar: Sidecar, caller: Caller) -> None:
    """Raise SidecarError where the caller is not at the address that others are told."""
    if caller.address and ip_address(caller.address) != ip_address(sidecar.address):
        raise SidecarError(
            f"`{sidecar.id}` says that it is at {sidecar.address} and calls from {caller.address}",
            "its `address` is the pod's own",
        )
    if caller.pid and not has_address(caller.pid, sidecar.address):
        raise SidecarError(
            f"`{sidecar.id}` says that it is at {sidecar.address}, which its network namespace does not have",
            "its `address` is the pod's own",
        )


def require_free(sidecar: Sidecar, connected: Iterable[Sidecar], intents: Mapping[Key, Intent]) -> None:
    """Raise SidecarError where its id, or a port that it serves, is that of another that is connected.

    What is of one that has gone may be taken.
    """
    own = _ports(intents, sidecar.workload)
    for other in connected:
        here = other.address == sidecar.address
        if other.id == sidecar.id and not here:
            raise SidecarError(
                f"`{sidecar.id}` is connected from {other.address}", "give each instance an id of its own"
            )
        if other.id == sidecar.id or not here:
            continue
        if other.workload == sidecar.workload or own & _ports(intents, other.workload):
            raise SidecarError(
                f"`{sidecar.id}` says that it is at {sidecar.address}, and so does `{other.id}`",
                "end the one that is not there",
            )


def has_address(pid: int, address: str) -> bool:
    """Whether the network namespace of a process has this address, as proc(5) tells it."""
    wanted = ip_address(address)
    try:
        if not isinstance(wanted, IPv4Address):
            rows = Path(f"/proc/{pid}/net/if_inet6").read_text().split("\n")
            return any(row.startswith(wanted.packed.hex()) for row in rows)
        # The table of local routes: of the loopback it has the whole network.
        rows = Path(f"/proc/{pid}/net/fib_trie").read_text().split("\n")
    except OSError:
        return False
    leaf = ""
    for row in rows:
        words = row.split()
        if words[:1] == [_LEAF]:
            leaf = words[1]
        elif words[1:] == _LOCAL and wanted in ip_network(leaf + words[0], strict=False):
            return True
    return False


def _ports(intents: Mapping[Key, Intent], workload: Key) -> frozenset[int]:
    intent = intents.get(workload)
    return frozenset(served.port for served in intent.serves) if intent is not None else frozenset()
