"""Services, EndpointSlices and Endpoints."""

from __future__ import annotations

import pytest

from licet.diag.place import Path
from licet.model.addresses import AddressSet
from licet.model.ports import Protocol
from licet.model.selector import Operator, Requirement, Selector
from licet.model.service import Service, ServicePort, SlicePort
from tests.manifest.decode.given import faults, given


def service(spec: str) -> str:
    """A Service with this spec."""
    return f"{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {spec}}}"


def only(spec: str) -> Service:
    """The Service with this spec, which must be without fault."""
    decoded = given(service(spec))
    assert faults(decoded) == []
    (found,) = decoded.cluster.services
    return found


@pytest.mark.parametrize(
    ("port", "meaning"),
    [
        ("{port: 80}", ServicePort("", Protocol.TCP, 80, 80)),
        ("{port: 80, targetPort: 8080}", ServicePort("", Protocol.TCP, 80, 8080)),
        ("{port: 80, targetPort: http, name: web}", ServicePort("web", Protocol.TCP, 80, "http")),
        ("{port: 80, targetPort: ''}", ServicePort("", Protocol.TCP, 80, 80)),
        ("{port: 80, targetPort: 0}", ServicePort("", Protocol.TCP, 80, 80)),
        ("{port: 53, protocol: UDP, nodePort: 30053}", ServicePort("", Protocol.UDP, 53, 53)),
    ],
)
def test_what_a_port_leads_to(port: str, meaning: ServicePort) -> None:
    assert only(f"{{selector: {{app: a}}, ports: [{port}]}}").ports == (meaning,)


def test_kinds_of_services() -> None:
    selector = Selector((Requirement("app", Operator.IN, ("a",)),))
    plain = only("{selector: {app: a}, ports: [{port: 1}]}")
    assert (plain.type, plain.selector, plain.headless, plain.external_name) == ("ClusterIP", selector, False, "")
    assert only("{selector: {}, ports: [{port: 1}]}").selector is None
    assert only("{ports: [{port: 1}]}").selector is None
    assert only("{clusterIP: None, selector: {app: a}}").headless
    outside = only("{type: ExternalName, externalName: example.com, selector: {app: a}}")
    assert (outside.type, outside.selector, outside.external_name) == ("ExternalName", None, "example.com")


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{type: Weird, ports: [{port: 1}]}", ("type",)),
        ("{ports: []}", ("ports",)),
        ("{ports: [null]}", ("ports", 0, "port")),
        ("{ports: [{port: 65536}]}", ("ports", 0, "port")),
        ("{ports: [{port: 1, targetPort: 70000}]}", ("ports", 0, "targetPort")),
        ("{ports: [{port: 1, protocol: http}]}", ("ports", 0, "protocol")),
        ("{selector: {a: b c}, ports: [{port: 1}]}", ("selector", "a")),
    ],
)
def test_what_the_api_server_refuses(spec: str, path: Path) -> None:
    decoded = given(service(spec))
    assert [(code, where) for code, _, where in faults(decoded)] == [("L0100", ("spec", *path))]
    assert decoded.cluster.services == ()


def test_an_endpoint_slice_holds_addresses_and_pods() -> None:
    decoded = given(
        """{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
        metadata: {name: s-1, labels: {kubernetes.io/service-name: s}},
        endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}, {addresses: [10.0.0.2]}, null],
        ports: [{name: web, port: 8080}, {protocol: UDP, port: null}]}"""
    )
    assert faults(decoded) == []
    (found,) = decoded.cluster.slices
    assert (found.service, found.addresses) == ("s", AddressSet.of(["10.0.0.1", "10.0.0.2"]))
    assert found.pods == ("p",)
    assert found.ports == (SlicePort("web", Protocol.TCP, 8080), SlicePort("", Protocol.UDP, None))


def test_a_slice_of_names_holds_no_addresses() -> None:
    decoded = given(
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-1}, addressType: FQDN,"
        " endpoints: [{addresses: [example.com]}]}"
    )
    assert faults(decoded) == []
    assert [(s.service, s.addresses) for s in decoded.cluster.slices] == [("", AddressSet())]


def test_endpoints_are_one_slice_a_subset() -> None:
    decoded = given(
        """{apiVersion: v1, kind: Endpoints, metadata: {name: s}, subsets: [
        {addresses: [{ip: 10.0.0.1, targetRef: {kind: Pod, name: p}}], notReadyAddresses: [{ip: 10.0.0.2}],
         ports: [{port: 80}]},
        {addresses: [{ip: 'fd00::1'}], ports: [{port: 81, name: b}]}]}"""
    )
    assert faults(decoded) == []
    assert [(s.key.name, s.service, s.addresses, s.pods, s.ports) for s in decoded.cluster.slices] == [
        ("s", "s", AddressSet.of(["10.0.0.1", "10.0.0.2"]), ("p",), (SlicePort("", Protocol.TCP, 80),)),
        ("s#1", "s", AddressSet.of(["fd00::1"]), (), (SlicePort("b", Protocol.TCP, 81),)),
    ]


def test_an_address_that_is_none_is_told() -> None:
    decoded = given(
        "{apiVersion: v1, kind: Endpoints, metadata: {name: s}, subsets: [{addresses: [{ip: 10.0.0.300}]}]}"
    )
    assert [(code, where) for code, _, where in faults(decoded)] == [("L0100", ("subsets", 0, "addresses", 0, "ip"))]
    assert decoded.cluster.slices == ()
