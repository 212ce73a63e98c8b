"""What a whole answer rests on: sentences that belong to no single edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from licet.analysis import bits
from licet.model.addresses import EVERY_ADDRESS
from licet.model.policy import NodePeer
from licet.model.service import Service
from licet.model.ternary import Ternary

if TYPE_CHECKING:
    from licet.analysis.reach import Reach


def resting_on(reach: Reach) -> list[str]:
    """The assumptions of a whole map, in a fixed order."""
    return [*_free_gateways(reach), *_nodes_outside(reach), *_rewritten_sources(reach), *_other_protocols(reach)]


def _free_gateways(reach: Reach) -> Iterator[str]:
    """Policies on the gateways' own pods would have to be known to which pods these are."""
    if reach.routed and (reach.cluster.network_policies or reach.cluster.cluster_policies):
        yield "what serves ingresses and routes may send: egress policies on its own pods are not asked"


def _nodes_outside(reach: Reach) -> Iterator[str]:
    if reach.cluster.platform.node_addresses:
        return
    if any(
        isinstance(peer, NodePeer)
        for policy in reach.cluster.cluster_policies
        for rule in policy.egress
        for peer in rule.peers
    ):
        yield "addresses outside are taken to be no node's, since the platform names no `nodeCIDRs`"


def _rewritten_sources(reach: Reach) -> Iterator[str]:
    """Services through which the source address may be a node's or a load balancer's instead of the client's."""
    for service in reach.cluster.services:
        if service.type in ("LoadBalancer", "NodePort") and _tells_sources_apart(reach, service):
            yield (
                f"clients outside are met under their own addresses through `{service.key}`, though a "
                f"{service.type} may put a node's address in their place"
            )


def _tells_sources_apart(reach: Reach, service: Service) -> bool:
    classes = {at for lead in reach.leads.of_service(service) for at in bits.indices(lead.classes)}
    return any(set(reach.ingress[at].outside.values()) - {EVERY_ADDRESS} for at in classes)


def _other_protocols(reach: Reach) -> Iterator[str]:
    if reach.profile.other_protocols_denied is Ternary.UNKNOWN and (
        reach.cluster.network_policies or reach.cluster.cluster_policies
    ):
        yield "ICMP and protocols other than TCP, UDP and SCTP are not told: the enforcer may deny or let them through"
