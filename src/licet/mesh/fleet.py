"""Everything that the configuration of sidecars follows from, at one moment, as one value."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from licet.mesh.intent import Intent
from licet.mesh.sidecar import Instance
from licet.model.addresses import NEVER_A_PODS, AddressSet
from licet.model.key import Key

_METADATA = AddressSet.of(["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"])
"""Where clouds (AWS, Google, Alibaba, Azure) tell a machine its secrets, beside 169.254.169.254."""
_MAPPED = AddressSet.of(["::ffff:0:0/96"])
"""Addresses of IPv4 in the form of IPv6: no DNS server has reason to give one."""


class Stage(enum.Enum):
    """What one sidecar does with what its workload's contract does not admit.

    OBSERVE lets it pass and says nothing of it, SHADOW lets it pass and reports that it would be refused, ENFORCE
    refuses it. Callers without a certificate are heard in the first two, also where the port is strict.
    """

    OBSERVE = "observe"
    SHADOW = "shadow"
    ENFORCE = "enforce"


class Settings(msgspec.Struct, frozen=True):
    """What holds for every sidecar. `connection_age` ends every connection: no certificate outlives it by more."""

    connection_age: timedelta = timedelta(hours=1)
    bind_addresses: bool = True
    """Whether an identity is believed from the addresses of its workload alone, where those are known."""
    collector: str = ""
    """Where spans go by OTLP over gRPC, as `host:port`; empty: nowhere."""
    traced: float = 100.0
    """Percent of the requests that come without a trace of which one begins; a trace that is there is gone on with."""
    resolvers: tuple[str, ...] = ()
    """IP addresses of DNS servers that sidecars ask for names outside, or with a port; empty: the machine's own."""
    never_named: AddressSet = NEVER_A_PODS | _METADATA | _MAPPED
    """Addresses that no DNS name outside leads to, whatever its owner says."""


class Front(msgspec.Struct, frozen=True, order=True):
    """An address of a Service, and the pods' port that one of its own leads to."""

    address: str
    port: int
    target: int


class Fleet(msgspec.Struct, frozen=True):
    """What is known of all sidecars.

    `instances` are those of each workload that are known, `denied` the SPIFFE IDs that are revoked, `stages` stand by
    node id (who has none enforces), `prober` is the SPIFFE ID of whoever proves that sidecars are alive. `bound` holds
    the IP addresses that an identity is believed from; one that is not in it is believed from anywhere. `services` are
    the addresses that a workload is called at beside those of its instances.
    """

    trust_domain: str
    intents: Mapping[Key, Intent]
    instances: Mapping[Key, tuple[Instance, ...]] = {}
    stages: Mapping[str, Stage] = {}
    denied: frozenset[str] = frozenset()
    bound: Mapping[str, frozenset[str]] = {}
    prober: str = ""
    settings: Settings = Settings()
    services: Mapping[Key, tuple[Front, ...]] = {}

    def stage(self, id: str) -> Stage:
        """The stage of the sidecar with this node id."""
        return self.stages.get(id, Stage.ENFORCE)
