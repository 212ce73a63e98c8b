"""What runs in these tests: stand-ins, an Envoy before one of them, and a node that knows all of them as kin."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from licet.app.up.attest import Kin, selector
from licet.app.up.children import Child, Children
from licet.app.up.claim import Claim
from licet.app.up.orders import Begin
from licet.app.up.worker import Worker
from licet.identity.attest.attestor import Attestor
from licet.identity.errors import RefusedError
from licet.identity.spiffeid import SpiffeID
from licet.identity.svid import JwtSvid, View
from licet.identity.workload.limits import Limits
from licet.identity.workload.server import WorkloadServer
from licet.identity.workload.source import Peer
from licet.model.key import Key
from tests.identity.drills.proxy import executable
from tests.identity.workload.sources import Authority

HTTP, EXIT = 8080, 20000
_BYTES = 5432
_PROGRAM = "program"


def deployment(name: str) -> Key:
    """A workload."""
    return Key("", "apps", "Deployment", "shop", name)


class ByKin:
    """A source that gives kin the identity `spiffe://example.org/NAME`, and others none."""

    def __init__(self, *workloads: Key) -> None:
        self.authority = Authority("example.org")
        self._names = {selector(key): key.name for key in workloads}

    async def views(self, peer: Peer, *, keys: bool) -> AsyncGenerator[View, None]:
        """What the peer is given, once."""
        names = [self._names[each] for each in peer.selectors if each in self._names]
        if not names:
            raise RefusedError("nobody knows this process", "be started by the command")
        svids = tuple(self.authority.svid(f"/{name}") for name in names) if keys else ()
        yield View(svids, self.authority.bundle(), {})
        await asyncio.get_running_loop().create_future()

    async def tokens(self, peer: Peer, audience: tuple[str, ...], wanted: SpiffeID | None) -> tuple[JwtSvid, ...]:
        """None at all."""
        raise RefusedError(f"{peer.pid} is given no token for {audience} as {wanted}", "ask for certificates")


class Standing:
    """Children of one test, and the addresses that are theirs."""

    def __init__(self, home: Path, children: Children, addresses: Sequence[str]) -> None:
        self.home = home
        self.children = children
        self.callee, self.caller = addresses

    async def worker(self, key: Key, *, serves: bool = True, sidecar: int = 0) -> Worker:
        """A stand-in; it serves requests at `http` of its home and bytes at `tcp`, or calls."""
        sockets = {HTTP: (str(self.home / "http"), False), _BYTES: (str(self.home / "tcp"), True)} if serves else {}
        address = self.callee if serves else self.caller
        begin = Begin(str(key), address, str(self.home / "api.sock"), sockets, sidecar)
        return await Worker.start(self.children, key.name, key, begin)

    async def inbound(self, key: Key, admitted: str) -> Child:
        """The sidecar of a callee that admits this caller alone."""
        listeners = [_listener(self.callee, HTTP, [_manager(admitted)], _TLS_IN)]
        clusters = [_cluster(_PROGRAM, _pipe(self.home / "http"))]
        return await self._envoy(key, "inbound", listeners, clusters, (self.callee, HTTP))

    async def outbound(self, key: Key) -> Child:
        """The sidecar of a caller, which carries bytes to the callee's."""
        listeners = [_listener(self.caller, EXIT, [_forward()])]
        clusters = [{**_cluster(_PROGRAM, _at(self.callee, HTTP)), **_socket(_TLS_OUT)}]
        return await self._envoy(key, "outbound", listeners, clusters, (self.caller, EXIT))

    async def _envoy(
        self, key: Key, name: str, listeners: Sequence[object], clusters: Sequence[object], at: tuple[str, int]
    ) -> Child:
        written = self.home / f"{name}.json"
        resources = {"listeners": listeners, "clusters": [_node(self.home / "api.sock"), *clusters]}
        written.write_text(json.dumps({"node": {"id": name, "cluster": "test"}, "static_resources": resources}))
        options = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warning")
        child = self.children.start(name, key, (str(executable()), "-c", str(written), *options))
        async with asyncio.timeout(30):
            while not await _accepts(*at):
                assert not child.ended.done(), child.log.read_text()
                await asyncio.sleep(0.02)
        return child


@asynccontextmanager
async def standing(home: Path, *workloads: Key) -> AsyncGenerator[Standing, None]:
    """Children, and a node that gives these workloads an identity."""
    home.chmod(0o755)
    kin = Kin()
    attestor = Attestor([kin])
    async with AsyncExitStack() as stack:
        addresses = stack.enter_context(Claim(2)).addresses
        await stack.enter_async_context(WorkloadServer(home / "api.sock", ByKin(*workloads), attestor.attest, Limits()))
        yield Standing(home, await stack.enter_async_context(Children(home, kin)), addresses)


async def _accepts(host: str, port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False


def _typed(name: str, kind: str, **fields: object) -> dict[str, object]:
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **fields}}


def _secret(name: str) -> dict[str, object]:
    peer = {"envoy_grpc": {"cluster_name": "node"}}
    api = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [peer]}
    return {"name": name, "sds_config": {"resource_api_version": "V3", "api_config_source": api}}


_COMMON = {
    "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
    "tls_certificate_sds_secret_configs": [_secret("default")],
    "validation_context_sds_secret_config": _secret("ALL"),
}
_TLS_IN = _typed(
    "tls",
    "transport_sockets.tls.v3.DownstreamTlsContext",
    require_client_certificate=True,
    common_tls_context={**_COMMON, "alpn_protocols": ["h2", "http/1.1"]},
)
_TLS_OUT = _typed("tls", "transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context=_COMMON)


def _socket(tls: object) -> dict[str, object]:
    return {"transport_socket": tls} if tls else {}


def _listener(address: str, port: int, filters: Sequence[object], tls: object = None) -> dict[str, object]:
    chain = {"filters": filters, **_socket(tls)}
    return {"name": f"listener-{port}", "address": _at(address, port), "filter_chains": [chain]}


def _forward() -> dict[str, object]:
    return _typed("tcp", "filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster=_PROGRAM)


def _manager(admitted: str) -> dict[str, object]:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": _PROGRAM}}]
    return _typed(
        "http",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="http",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        http_filters=[
            _typed("judge", "filters.http.rbac.v3.RBAC", rules=_rules(admitted)),
            _typed("router", "filters.http.router.v3.Router"),
        ],
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
    )


def _rules(admitted: str) -> dict[str, object]:
    principal = {"authenticated": {"principal_name": {"exact": admitted}}}
    return {"action": "ALLOW", "policies": {"admitted": {"permissions": [{"any": True}], "principals": [principal]}}}


def _cluster(name: str, address: object) -> dict[str, object]:
    spoken: dict[str, object] = {"use_downstream_protocol_config": {"http2_protocol_options": {}}}
    return {"name": name, "load_assignment": _assignment(name, address), **_options(spoken)}


def _node(socket: Path) -> dict[str, object]:
    spoken: dict[str, object] = {"explicit_http_config": {"http2_protocol_options": {}}}
    return {"name": "node", "load_assignment": _assignment("node", _pipe(socket)), **_options(spoken)}


def _options(spoken: dict[str, object]) -> dict[str, object]:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {"typed_extension_protocol_options": {kind: {"@type": f"type.googleapis.com/{kind}", **spoken}}}


def _assignment(name: str, address: object) -> dict[str, object]:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


def _at(address: str, port: int) -> dict[str, object]:
    return {"socket_address": {"address": address, "port_value": port}}


def _pipe(path: Path) -> dict[str, object]:
    return {"pipe": {"path": str(path)}}
