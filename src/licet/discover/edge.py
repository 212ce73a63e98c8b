"""A connection that something points to, and what that is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from licet.contracts.contract import CidrPeer, DnsPeer, GatewayPeer, PlatformPeer, ServicePeer, peer_text
from licet.diag.place import Place
from licet.model.key import Key
from licet.model.ports import PortRange

Caller: TypeAlias = Key | GatewayPeer | PlatformPeer | CidrPeer
"""A Key is a workload's."""
Callee: TypeAlias = Key | ServicePeer | DnsPeer | CidrPeer | PlatformPeer
"""A Key is a workload's; a ServicePeer is a Service behind which the manifests hold no workload."""


class Lack(enum.Enum):
    """What a setting that surely holds an address asks for in vain."""

    PORT = enum.auto()
    """The Service is there, and has no such port."""
    SERVICE = enum.auto()
    """No Service has that name where it is resolved, and the public DNS holds no such name."""


class Evidence(msgspec.Struct, frozen=True):
    """One line that says, or seems to say, that `caller` calls `callee`.

    `service` is the Service that is called by name, where one leads to the callee. `port` is the port of the callee's
    pods (or of whoever is outside), `service_port` the Service's; None where they are not known. `place` is the field
    that says so and `below` the line inside its text, counted from 0, where the field is a text of many lines. `text`
    is what was read there, never with a password in it. `doubt` says why it may be no call; empty where it is one.
    `lack` is set where it surely is meant as one, and comes to nothing.
    """

    caller: Caller
    callee: Callee
    place: Place
    text: str
    service: ServicePeer | None = None
    port: PortRange | None = None
    service_port: int | None = None
    doubt: str = ""
    below: int | None = None
    lack: Lack | None = None

    @property
    def doubtful(self) -> bool:
        """Whether it may be no call, or not to this callee or port."""
        return bool(self.doubt)

    def of_subjects(self, subjects: Mapping[Key, Key]) -> Evidence:
        """The same, said of the workloads that pods belong to where it is said of such pods."""
        caller = subjects.get(self.caller, self.caller) if isinstance(self.caller, Key) else self.caller
        callee = subjects.get(self.callee, self.callee) if isinstance(self.callee, Key) else self.callee
        return msgspec.structs.replace(self, caller=caller, callee=callee)


def end_text(end: Caller | Callee) -> str:
    """The end as people know it."""
    match end:
        case Key():
            return str(end)
        case ServicePeer(namespace=namespace, name=name):
            return f"{namespace}/{name}[Service]"
        case GatewayPeer(namespace=namespace, name=name):
            return f"{namespace}/{name}[Gateway]"
        case DnsPeer() | CidrPeer():
            return peer_text(end)
        case PlatformPeer(part=part):
            return f"{{{part.value}}}"
