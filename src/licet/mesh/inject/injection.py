"""What is to be put into pods."""

from __future__ import annotations

import enum

import msgspec

from licet.mesh.envoy.bootstrap import Control
from licet.mesh.redirect import UID
from licet.mesh.sidecar import Capture

MARK = "licet.dev/injected"
"""The annotation of a pod template that says what was put in, by a digest of it."""
WAY_BACK = "licet.dev/restores"
"""The annotation that says what stood there before."""
APPS, EXITS = "licet.dev/apps", "licet.dev/exits"
"""Annotations of people: `port=address` and `destination=address`, parted by spaces, where nothing is redirected."""

SIDECAR, BOOTSTRAP, REDIRECT = "licet-sidecar", "licet-bootstrap", "licet-redirect"
CONFIG, NODE, CONTROL = "licet-config", "licet-node", "licet-control"
NAMES = frozenset({SIDECAR, BOOTSTRAP, REDIRECT})
VOLUMES = frozenset({CONFIG, NODE, CONTROL})


class Rules(enum.Enum):
    """Who applies the rules that lead a pod's traffic through its sidecar.

    INIT: a container that may do that and ends before anything else starts. NODE: an agent of the node's; a container
    without any privilege then sees that they hold, and until they do nothing else of the pod starts.
    """

    INIT = "init"
    NODE = "node"


class Injection(msgspec.Struct, frozen=True):
    """What is put in. `image` holds Licet, Envoy and nft.

    `control` is the control plane; a local one's socket is a path on the node. `node` is the name of a CSI driver, or
    a folder of the node, that holds the socket `socket` of the node's identities. `lag` is how many seconds load
    balancers may take to notice that a pod ends, `uid` the user that the sidecar runs as.
    """

    image: str
    control: Control
    capture: Capture = Capture.REDIRECTED
    rules: Rules = Rules.INIT
    node: str = "csi.spiffe.io"
    socket: str = "agent.sock"
    lag: int = 15
    uid: int = UID
