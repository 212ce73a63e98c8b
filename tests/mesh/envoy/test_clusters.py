"""What both ends of a connection hold to, so that neither ends it while the other uses it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog  # type: ignore[import-untyped]
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import (  # type: ignore[import-untyped]
    HttpProtocolOptions,
)

from licet.mesh.envoy import clusters, http
from licet.mesh.fleet import Settings


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(minutes=5), timedelta(seconds=5)])
def test_the_caller_gives_up_an_unused_connection_before_the_callee_does(age: timedelta) -> None:
    """One that the callee ends while a request is under way to it fails that request."""
    settings = Settings(connection_age=age)
    cluster = clusters.callee("shop/cart:8080", ["spiffe://shop.example/cart"], settings)
    calling, [packed] = HttpProtocolOptions(), cluster.typed_extension_protocol_options.values()
    packed.Unpack(calling)
    called = http.manager("inbound", (), AccessLog(), settings)
    assert (
        timedelta(0)
        < calling.common_http_protocol_options.idle_timeout.ToTimedelta()
        < called.common_http_protocol_options.idle_timeout.ToTimedelta()
    )
