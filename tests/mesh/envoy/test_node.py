"""What is believed of what a sidecar says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.core.v3.base_pb2 import Node  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict, ParseDict

from licet.mesh.envoy.node import local, read, write
from licet.mesh.errors import SidecarError
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.key import Key

SIDECAR = Sidecar(
    "cart-0",
    Key("eu", "apps", "Deployment", "shop", "cart"),
    "spiffe://example.org/cart",
    "10.0.0.1",
    Capture.EXPLICIT,
    {8080: "127.0.0.1:9000", 8081: "/run/cart.sock"},
    {"shop/ledger[Deployment]:5432": "127.0.0.2:5432", "api.example.com:443": "[::1]:8443"},
)


def test_what_is_written_is_read() -> None:
    """And the identity is the proved one, whatever is said."""
    assert read(write(SIDECAR), SIDECAR.identity) == SIDECAR
    assert read(write(SIDECAR), "spiffe://example.org/other").identity == "spiffe://example.org/other"


@pytest.mark.parametrize(
    "said",
    [
        {"workload": None},
        {"workload": {"name": "cart"}},
        {"workload": {"cluster": "", "group": "", "kind": "", "namespace": "", "name": "cart"}},
        {"address": ""},
        {"address": "0.0.0.0"},
        {"address": "cart.example.com"},
        {"address": "fe80::1%eth0"},
        {"address": "224.0.0.1"},
        {"capture": "all"},
        {"capture": 7},
        {"apps": {"0": "127.0.0.1:1"}},
        {"apps": {"8080": "10.0.0.7:80"}},
        {"apps": {"8080": "localhost:80"}},
        {"apps": {"8080": "/run/../etc/passwd"}},
        {"apps": {"8080": "/" + "a" * 107}},
        {"apps": {"8080": 80}},
        {"apps": {"8080": "127.0.0.1:1", "08080": "127.0.0.1:2"}},
        {"apps": []},
        {"exits": {"shop/ledger": "127.0.0.1:1"}},
        {"exits": {"shop/ledger[Deployment]:80": "10.0.0.7:80"}},
        {"exits": {"shop/ledger[Deployment]:80": "0.0.0.0:80"}},
        {"exits": {"shop/ledger[Deployment]:80": "/run/exit.sock"}},
        {"exits": {"a:1": "127.0.0.1:80", "b:1": "127.0.0.1:80"}},
        {"exits": {str(number): "127.0.0.1:80" for number in range(3000)}},
    ],
)
def test_what_is_wrong_is_refused_with_the_way_out(said: dict[str, Any]) -> None:
    """No claim of a sidecar leads anything to another machine."""
    written = MessageToDict(write(SIDECAR))
    written["metadata"]["licet"] |= said
    with pytest.raises(SidecarError) as refused:
        read(ParseDict(written, Node()), SIDECAR.identity)
    assert "cart-0" in refused.value.message
    assert refused.value.help


@pytest.mark.parametrize("node", [Node(), Node(id="a\nb"), Node(id="a" * 257), Node(id="cart-0")])
def test_a_node_that_says_nothing_is_refused(node: Node) -> None:
    """Whatever it is called."""
    with pytest.raises(SidecarError):
        read(node, SIDECAR.identity)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.9.9.9:65535", "[::1]:80", "/run/a.sock"])
def test_the_loopback_and_sockets_are_local(text: str) -> None:
    """Every address of it."""
    assert local(text)


def test_metadata_that_is_no_json_says_nothing() -> None:
    node = Node(id="shop/cart[Deployment]/1")
    node.metadata.fields["licet"].struct_value.fields["workload"].number_value = float("nan")
    with pytest.raises(SidecarError, match="says nothing of itself"):
        read(node, "spiffe://shop.example/ns/shop/sa/cart")
