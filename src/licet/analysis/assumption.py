"""The sentences that an undetermined verdict hangs on."""

from __future__ import annotations

NAMESPACE_LABELS = "a namespace that no manifest declares has the labels that a policy asks for"
INGRESS_CONTROLLER = "the ingress controller's pods and namespace have the labels that a policy asks for"
BLOCK_MATCHES_PODS = "the enforcer matches an ipBlock against pods' own addresses"
POD_ADDRESSES = "pods' addresses lie in the block (no pod addresses, and no `podCIDRs` of the platform, that settle it)"
BLOCK_MATCHES_NODES = "the enforcer matches an ipBlock against nodes' addresses"
NODE_ADDRESSES = "nodes' addresses lie in the block (no `nodeCIDRs` of the platform that settle it)"
HOST_NETWORK = "hostNetwork: the traffic is the node's, and a pod and its own node always reach each other"
OWN_NODE = "the address is that of the node that runs the pod: these two always reach each other"
HOST_NETWORK_SELECTED = "the enforcer applies NetworkPolicies to hostNetwork pods"
END_PORT = "the enforcer honours endPort"
NODES = "nodes have the labels that a policy asks for"
DOMAIN_NAMES = "the DNS names of a policy resolve to the address"


def runtime_label(key: str) -> str:
    """The value of a label that a controller sets when pods run."""
    return f"label `{key}`, set when pods run, has the value that a policy asks for"


def tie(first: str, second: str) -> str:
    """Two policies of one priority that disagree."""
    return f"`{first}` and `{second}` have equal priority, and which decides is not defined"
