"""One sidecar: which workload it stands before, where, and how traffic comes to it."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from licet.model.key import Key


class Capture(enum.Enum):
    """How the traffic of a workload comes to its sidecar.

    REDIRECTED: rules in the pod's network namespace lead every connection through it, whose original destination the
    sidecar asks the kernel for. EXPLICIT: peers connect to a listener on the workload's address, and the workload calls
    what stands on addresses of its own for the purpose.
    """

    EXPLICIT = "explicit"
    REDIRECTED = "redirected"


class Sidecar(msgspec.Struct, frozen=True):
    """A sidecar that has proved its identity.

    `id` is Envoy's node id, one for each instance of a workload. `address` is where others reach the instance. `apps`
    says for a served port where the program itself listens, as `host:port` or an absolute path of a unix socket; a port
    left out is served at the same number on 127.0.0.1. `exits` is for EXPLICIT alone: for what the workload calls, as
    `shop/cart[Deployment]:8080`, `api.example.com:443` or `192.0.2.1:5432`, the `host:port` that it finds it on.
    """

    id: str
    workload: Key
    identity: str
    address: str
    capture: Capture
    apps: Mapping[int, str] = {}
    exits: Mapping[str, str] = {}


class Instance(msgspec.Struct, frozen=True, order=True):
    """A running instance of a workload, as others reach it: the node id of its sidecar, and its IP address."""

    id: str
    address: str
