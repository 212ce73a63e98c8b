"""A node's sockets over a source: what `identity serve` and `identity agent` have in common."""

from __future__ import annotations

from pathlib import Path

import msgspec

from licet.identity.attest.api_server import IN_CLUSTER, ApiServer
from licet.identity.attest.attestor import Attestor, Plugin
from licet.identity.attest.kubernetes import Kubernetes
from licet.identity.attest.unix import Unix
from licet.identity.workload.limits import Limits
from licet.identity.workload.server import WorkloadServer
from licet.identity.workload.source import Source


class Cluster(msgspec.Struct, frozen=True):
    """The Kubernetes API server that knows this node's pods, and the files to reach it with."""

    url: str
    node: str
    authorities: Path = IN_CLUSTER / "ca.crt"
    token: Path = IN_CLUSTER / "token"

    def api(self) -> ApiServer:
        """A way to ask it."""
        return ApiServer(self.url, self.authorities, self.token)


def sockets(path: Path, source: Source, api: ApiServer | None, node: str, limits: Limits) -> WorkloadServer:
    """The Workload API and SDS at `path`; workloads are known by the kernel, and with an API by their pods."""
    return WorkloadServer(path, source, Attestor(plugins(api, node)).attest, limits)


def plugins(api: ApiServer | None, node: str) -> list[Plugin]:
    """What is known of processes on this machine: by the kernel, and with an API by their pods."""
    return [Unix()] if api is None else [Unix(), Kubernetes(api, node)]
