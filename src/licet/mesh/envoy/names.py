"""Names that several resources, the bootstrap, access logs and their readers have in common."""

from __future__ import annotations

CONTROL = "licet_control"
"""The cluster of the bootstrap that xDS, access logs and everything else of the control plane goes to."""
NODE = "licet_node"
"""The cluster of the bootstrap for the node's own socket: the sidecar's key, certificate and trust come from there."""

OWN_SECRET = "default"
TRUST_SECRET = "ALL"
"""The node's names for the sidecar's own X509-SVID, and for a SPIFFE validator of every trust domain it believes."""

METADATA = "licet"
"""The key of a node's metadata that what is meant for the control plane stands under."""

ALIVE_PATH = "/.well-known/licet/alive/"
ALIVE_NAME = "alive.licet.invalid"
"""What the prober asks for: this path and the mark of a policy, or that mark and this as the name in TLS."""


def policy(port: int) -> str:
    """The RBAC filter of a served port, an EXTENSION that requests and connections are judged by."""
    return f"policy/{port}"


def plain_policy(port: int) -> str:
    """The same for callers without a certificate."""
    return f"policy/{port}/plain"


def admission(port: int) -> str:
    """What decides, before a byte is said, whether a connection is led to the program; an EXTENSION, too."""
    return f"admission/{port}"


def plain_admission(port: int) -> str:
    """The same for callers without a certificate."""
    return f"admission/{port}/plain"


def inbound(port: int) -> str:
    """What stands before a served port: its listener (EXPLICIT) or filter chain, its routes, its access log."""
    return f"inbound/{port}"


def app(port: int) -> str:
    """The cluster of the program itself."""
    return f"app/{port}"


def outbound(destination: str) -> str:
    """What stands before a destination, `shop/cart[Deployment]:8080`: listener or chain, routes, log, cluster."""
    return f"outbound/{destination}"


def direct(destination: str) -> str:
    """Of redirected traffic: the chain and the cluster of one instance of a destination, called by its own address."""
    return f"direct/{destination}"


def refused(destination: str) -> str:
    """The access log of a destination that nothing was agreed for, and that the workload has an exit to."""
    return f"refused/{destination}"


CAPTURED_IN, CAPTURED_OUT = "captured/in", "captured/out"
"""The two listeners of a sidecar whose traffic is redirected to it."""
PORT_IN, PORT_OUT = 15006, 15001
"""Where they listen."""
PORT_PROBES = 15020
"""Where the node asks, in plain HTTP, whether the sidecar and its programs are well."""
REFUSED = "refused"
"""The access log, and the cluster without endpoints, of what nothing was agreed for."""
NOWHERE = "nowhere"
"""The cluster of what is not admitted: an address that nothing can be at."""
OUTSIDE, NAMED = "outside", "named"
"""The clusters of what has no identity: by the address that was called, and by the DNS name that was asked for."""
COLLECTOR = "licet_collector"
"""The cluster that spans go to."""
