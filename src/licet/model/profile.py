"""What an enforcer really does where the API leaves it open."""

from __future__ import annotations

import msgspec

from licet.model.ternary import Ternary


class Profile(msgspec.Struct, frozen=True):
    """One enforcer's answers. UNKNOWN makes verdicts that hang on the answer `undetermined`.

    `sources` names, per field, the document that the answer was read from.
    """

    name: str
    block_matches_pods: Ternary
    """Does an ipBlock of a NetworkPolicy match the address of a pod of the cluster?"""
    block_matches_nodes: Ternary
    """Does an ipBlock of a NetworkPolicy match the address of a node, and so of a hostNetwork pod?"""
    selects_host_network: Ternary
    """Does a NetworkPolicy select hostNetwork pods?"""
    end_port: Ternary
    """Is endPort honoured? Where it is not, only the first port of a range matches."""
    other_protocols_denied: Ternary
    """Are ICMP and other protocols denied where a policy isolates?"""
    experimental: bool
    """Does ClusterNetworkPolicy have its experimental fields (nodes, domainNames)?"""
    sources: tuple[tuple[str, str], ...] = ()
