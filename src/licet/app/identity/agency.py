"""`identity agent`: a node alone, fed by servers across the network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

import msgspec
import structlog

from licet.app.identity.node import Cluster, sockets
from licet.app.identity.place import now
from licet.app.identity.running import begin, leave_no_core, open_files, until_told
from licet.app.identity.watching import Watching
from licet.identity.address import host_and_port
from licet.identity.errors import IdentityError
from licet.identity.keys import KeyKind
from licet.identity.node import bootstrap
from licet.identity.node.agent import Agent
from licet.identity.node.credentials import Credentials
from licet.identity.node.join import Door, JoinProof, KubernetesProof, Proof
from licet.identity.node.remote import Remote
from licet.identity.spiffeid import TrustDomain
from licet.identity.watch.subject import Subject
from licet.identity.workload.limits import Limits

_log = structlog.get_logger("licet.identity")

_LONGEST_TOKEN = 1 << 10


class Agency(msgspec.Struct, frozen=True, kw_only=True):
    """What `identity agent` was asked for. Addresses are `host:port`."""

    home: Path
    trust_domain: TrustDomain
    servers: tuple[str, ...]
    doors: tuple[str, ...]
    socket: Path
    trust: bootstrap.Trust | None = None
    join_token: Path | None = None
    kubernetes_token: Path | None = None
    cluster: Cluster | None = None
    key_kind: KeyKind = KeyKind.EC_P256
    limits: Limits = Limits()
    watching: Watching | None = None

    def proof(self) -> Proof:
        """How this node proves what it is, which is asked for where no certificate of an earlier run is valid."""
        if self.kubernetes_token is not None:
            return KubernetesProof(self.kubernetes_token)
        if self.join_token is None:
            return JoinProof("")
        try:
            return JoinProof(self.join_token.read_text("ascii")[:_LONGEST_TOKEN].strip())
        except (OSError, UnicodeDecodeError):
            raise IdentityError(
                f"no join token can be read from `{self.join_token}`", "`licet identity agents token` makes one"
            ) from None


async def attend(agency: Agency, ready: Callable[[str], None]) -> None:
    """Serve workloads until SIGTERM or SIGINT; `ready` is called once the node is attested."""
    open_files()
    leave_no_core()
    for address in (*agency.servers, *agency.doors):
        host_and_port(address)
    random = SystemRandom()
    door = Door(agency.doors, agency.trust, agency.proof())
    credentials = Credentials(agency.home, agency.trust_domain, door, now, random)
    await credentials.start()
    remote = Remote(agency.servers, agency.trust_domain, credentials, random)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(remote.close)
        api = agency.cluster.api() if agency.cluster is not None else None
        if api is not None:
            stack.push_async_callback(api.close)
        agent = Agent(remote, agency.key_kind, now, random)
        work = [
            begin(stack, credentials.keep(remote.renew), "credentials"),
            begin(stack, agent.run(), "node"),
        ]
        node = agency.cluster.node if agency.cluster is not None else ""
        served = await stack.enter_async_context(sockets(agency.socket, agent, api, node, agency.limits))
        if agency.watching is not None:
            await agency.watching.begin(Subject(now, None, agent, served.front, credentials), stack, ready)
        ready(f"workloads at {agency.socket} as {credentials.spiffe_id}")
        await until_told(work)
    _log.info("stopped")
