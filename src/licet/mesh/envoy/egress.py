"""What a workload may reach that has no identity: addresses, and DNS names outside.

A name is believed where it is asked for, in TLS (SNI) or as the host of plain HTTP on port 80, and then resolved by the
sidecar itself: at which address the workload asked is nothing to go by. What a name's owner has it resolve to must
not lead back inside (DNS rebinding): addresses of the machine and the link, where cloud metadata are, are refused.
Private networks are not, since names of a company's own stand there; whoever serves in the mesh takes nobody without an
identity. No name that is asked for is no name that was agreed to.
"""

from __future__ import annotations

import re

from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.core.v3.address_pb2 import Address  # type: ignore[import-untyped]
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import (  # type: ignore[import-untyped]
    Filter,
    FilterChain,
)
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Permission, Policy, Principal  # type: ignore[import-untyped]
from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import (  # type: ignore[import-untyped]
    ClusterConfig,
)
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import (  # type: ignore[import-untyped]
    DnsCacheConfig,
)
from envoy.extensions.filters.http.dynamic_forward_proxy.v3.dynamic_forward_proxy_pb2 import (  # type: ignore[import-untyped]
    FilterConfig as HttpForward,
)
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpFilter,
)
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.sni_dynamic_forward_proxy_pb2 import (  # type: ignore[import-untyped]
    FilterConfig as SniForward,
)
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import (  # type: ignore[import-untyped]
    CaresDnsResolverConfig,
)
from envoy.extensions.rbac.matchers.upstream_ip_port.v3.upstream_ip_port_matcher_pb2 import (  # type: ignore[import-untyped]
    UpstreamIpPortMatcher,
)

from licet.mesh.envoy import clusters, forwarding, names
from licet.mesh.envoy.address import block, inet, literal, local, networks
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Settings
from licet.mesh.intent import DEFAULT_DENY, Named, Speaks
from licet.mesh.sidecar import Sidecar
from licet.mesh.ways import Way

_HTTP_PORT = 80
_DNS_PORT = 53
_LABEL = "[^.]+"


def by_host(way: Way) -> bool:
    """Whether the name is read from plain HTTP, and not from TLS."""
    return way.port == _HTTP_PORT and way.speaks is Speaks.HTTP


def by_server_name(way: Way) -> bool:
    """Whether the name is read from TLS. In there no requests could be told apart, where only some were agreed to."""
    return not by_host(way) and not way.narrowed


def pattern(way: Way) -> str:
    """The regular expression that the name asked for is, whole: `*` is exactly one label."""
    assert isinstance(way.to, Named)
    parent = way.to.name.removeprefix("*.")
    return re.escape(parent) if parent == way.to.name else rf"{_LABEL}\.{re.escape(parent)}"


def host_pattern(way: Way) -> str:
    """The same of a `host`, with or without the port."""
    return f"(?i){pattern(way)}(:{way.port})?"


def cluster(settings: Settings) -> Cluster:
    """Whatever name was asked for, at the address that the sidecar finds it at."""
    made = clusters.plain(names.NAMED)
    made.lb_policy = Cluster.CLUSTER_PROVIDED
    # There is no TLS of its own here, in which names would have to be verified: the workload does that.
    config = ClusterConfig(dns_cache_config=_cache(settings), allow_insecure_cluster_options=True)
    made.cluster_type.CopyFrom(
        Cluster.CustomClusterType(name="envoy.clusters.dynamic_forward_proxy", typed_config=packed(config))
    )
    return made


def in_tls(way: Way, settings: Settings) -> FilterChain:
    """The chain of connections that ask for this name in TLS, which goes on untouched."""
    forward = SniForward(dns_cache_config=_cache(settings), port_value=way.port, save_upstream_address=True)
    kept = NetworkRbac(rules=_nowhere_inside(settings), stat_prefix=names.NAMED)
    log = names.outbound(way.destination)
    return FilterChain(
        name=log,
        filters=[
            _filter("envoy.filters.network.sni_dynamic_forward_proxy", packed(forward)),
            _filter("envoy.filters.network.rbac", packed(kept)),
            forwarding.connections(log, names.NAMED, heard=True),
        ],
    )


def in_http(name: str, sidecar: Sidecar, settings: Settings) -> FilterChain:
    """The chain of plain HTTP, whose requests say in `host` where they are meant for."""
    forward = HttpForward(dns_cache_config=_cache(settings), save_upstream_address=True)
    filters = [
        HttpFilter(name="envoy.filters.http.dynamic_forward_proxy", typed_config=packed(forward)),
        HttpFilter(name=names.NAMED, typed_config=packed(HttpRbac(rules=_nowhere_inside(settings)))),
    ]
    return FilterChain(name=name, filters=[forwarding.requests(sidecar, settings, name, name, filters)])


def _filter(name: str, config: object) -> Filter:
    return Filter(name=name, typed_config=config)


def _nowhere_inside(settings: Settings) -> RBAC:
    """What refuses addresses that no name may lead to. One address is resolved to at a time, and that is the one."""
    to = [
        Permission(
            matcher=TypedExtensionConfig(
                name="envoy.rbac.matchers.upstream_ip_port",
                typed_config=packed(UpstreamIpPortMatcher(upstream_ip=block(network))),
            )
        )
        for network in networks(settings.never_named)
    ]
    if not to:
        return RBAC(action=RBAC.DENY)
    policy = Policy(permissions=to, principals=[Principal(any=True)])
    return RBAC(action=RBAC.DENY, policies={DEFAULT_DENY: policy})


def _cache(settings: Settings) -> DnsCacheConfig:
    """One cache for all names; one of other servers is another cache."""
    resolver = CaresDnsResolverConfig(resolvers=[_server(each) for each in settings.resolvers])
    return DnsCacheConfig(
        name="/".join((names.NAMED, *settings.resolvers)),
        dns_lookup_family=Cluster.V4_PREFERRED,
        typed_dns_resolver_config=TypedExtensionConfig(
            name="envoy.network.dns_resolver.cares", typed_config=packed(resolver)
        ),
    )


def _server(text: str) -> Address:
    return inet(text, _DNS_PORT) if literal(text) else local(text)
