"""Addresses of Services that redirected traffic is known by."""

from __future__ import annotations

from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.decode import decode
from licet.mesh.fleet import Front
from licet.mesh.fronts import fronts
from licet.model.key import Key
from tests.cli.command import deployment

SERVICE = (
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\n"
    "spec: {selector: {app: cart}, clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7, 'FD00::7', wrong, null],\n"
    "  ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]}\n"
)
CART = Key("", "apps", "Deployment", "shop", "cart")


def found(manifests: str) -> object:
    read, wrong = documents.read([Text("shop.yaml", manifests.encode())])
    assert not wrong
    return fronts(decode(read).cluster)


def test_a_service_with_addresses_leads_to_the_port_of_its_pods() -> None:
    assert found(deployment("cart") + SERVICE) == {CART: (Front("10.96.0.7", 80, 8080), Front("fd00::7", 80, 8080))}


def test_a_service_over_several_workloads_or_without_addresses_is_nobodys() -> None:
    twin = deployment("twin").replace("{app: twin}", "{app: cart}")
    assert found(deployment("cart") + twin + SERVICE) == {}
    assert found(deployment("cart") + SERVICE.replace("clusterIP: 10.96.0.7, clusterIPs", "others")) == {}
