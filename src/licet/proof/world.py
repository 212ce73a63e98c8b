"""In which world a proof is led: what neither manifests nor the enforcer's documents settle is assumed once, aloud."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from licet.analysis.population import contains
from licet.model.addresses import EVERY_V4, EVERY_V6, NEVER_A_PODS, AddressSet
from licet.model.cluster import Cluster
from licet.model.policy import BlockPeer
from licet.model.profile import Profile
from licet.model.ternary import Ternary

_SHOWN = 3


class World(msgspec.Struct, frozen=True):
    """A cluster and a profile in which every address block has an answer, and the sentences that make it so."""

    cluster: Cluster
    profile: Profile
    assumptions: tuple[str, ...]


def settled(cluster: Cluster, profile: Profile) -> World:
    """The world in which blocks that may match pods do not, and blocks that may match nodes do.

    Where nobody says which addresses are pods', they live where no block is that holds only a part of what may be
    theirs. Of a block that holds a part of what is said to be theirs, and of one that would leave no room for them,
    nothing is assumed, and what hangs on it stays undetermined.
    """
    of_networks = list(_blocks(cluster, of_networks=True))
    of_policies = list(_blocks(cluster, of_networks=False))
    assumptions: list[str] = []
    platform = cluster.platform
    said = platform.pod_addresses
    candidates = () if said else (*of_networks, *(of_policies if profile.block_matches_pods is not Ternary.NO else ()))
    room = EVERY_V4 - NEVER_A_PODS
    kept_out: list[BlockPeer] = []
    for peer in candidates:
        if contains(peer.addresses, said) is Ternary.UNKNOWN and _leaves_room(room, peer):
            room = room - peer.addresses
            kept_out.append(peer)
    if kept_out:
        platform = msgspec.structs.replace(platform, pod_addresses=room)
        assumptions.append(f"no pod has an address in {_listed(kept_out)}: `podCIDRs` of the Platform would settle it")
    matched = [peer for peer in of_policies if contains(peer.addresses, platform.pod_addresses) is not Ternary.NO]
    if matched and profile.block_matches_pods is Ternary.UNKNOWN:
        profile = msgspec.structs.replace(profile, block_matches_pods=Ternary.NO)
        assumptions.append(
            f"the enforcer does not match {_listed(matched)} against pods: `except` the pods' range, or name the "
            "enforcer, to be sure"
        )
    nodes = platform.node_addresses
    if nodes and profile.block_matches_nodes is Ternary.UNKNOWN:
        if any(peer.addresses & nodes for peer in of_policies):
            assumptions.append("the enforcer matches an ipBlock against nodes' addresses")
        profile = msgspec.structs.replace(profile, block_matches_nodes=Ternary.YES)
    return World(msgspec.structs.replace(cluster, platform=platform), profile, tuple(assumptions))


def _leaves_room(room: AddressSet, peer: BlockPeer) -> bool:
    return all(held - peer.addresses for family in (EVERY_V4, EVERY_V6) if (held := room & family))


def _blocks(cluster: Cluster, *, of_networks: bool) -> Iterator[BlockPeer]:
    for policy in cluster.cluster_policies if of_networks else cluster.network_policies:
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            yield from (peer for peer in rule.peers or () if isinstance(peer, BlockPeer))


def _listed(peers: list[BlockPeer]) -> str:
    texts = list(dict.fromkeys(peer.text for peer in peers))
    more = f" and {len(texts) - _SHOWN} more blocks" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
