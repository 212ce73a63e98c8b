"""A name whose owner has it lead elsewhere once it was judged."""

from __future__ import annotations

import pytest
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy  # type: ignore[import-untyped]

from licet.mesh.envoy import egress, routes
from licet.mesh.fleet import Settings
from licet.mesh.intent import Named, Speaks
from licet.mesh.ways import to_names
from licet.model.addresses import AddressSet
from tests.mesh.envoy import shop


def test_no_request_to_a_name_is_tried_again() -> None:
    """A second attempt would go to wherever the name leads by then, which nothing has judged."""
    made = routes.by_host("outbound/*:80", [("any", [shop.call(Named("*.example.com"), 80)])], "named")
    [route] = made.virtual_hosts[0].routes
    assert route.route.cluster == "named"
    assert not route.route.HasField("retry_policy")


def test_no_connection_to_a_name_is_tried_again() -> None:
    [way] = to_names([shop.call(Named("*.example.com"), 443, Speaks.TCP)])
    proxy = TcpProxy()
    assert egress.in_tls(way, Settings()).filters[-1].typed_config.Unpack(proxy)
    assert proxy.max_connect_attempts.value == 1


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "::ffff:7f00:1", "fd00:ec2::254", "0.0.0.0", "::1"]
)
def test_no_name_leads_to_the_machine_or_to_its_secrets_in_whatever_notation(address: str) -> None:
    assert AddressSet.of([address]) & Settings().never_named
