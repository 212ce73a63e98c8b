"""Ingresses, OpenShift Routes, Gateway API."""

from __future__ import annotations

import pytest

from licet.diag.place import Path, Place
from licet.model.selector import EVERYTHING
from licet.model.service import Backend, GatewayRef, Listener, Route
from tests.manifest.decode.given import documents, faults, given


def only(text: str) -> Route:
    """The one route of a text without fault."""
    decoded = given(text)
    assert faults(decoded) == []
    (found,) = decoded.cluster.routes
    return found


def backends(route: Route) -> list[tuple[str, str, int | str | None, int | None]]:
    """Where a route leads, without places."""
    return [(b.namespace, b.name, b.port, b.target) for b in route.backends]


INGRESS = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i%s}, spec: {%s}}"
RULE = "{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {%s}}}}]}}"


def test_an_ingress_leads_to_the_services_of_its_rules_and_of_its_default() -> None:
    found = only(INGRESS % ("", f"rules: [{RULE % 'number: 80'}, {RULE % 'name: web'}]"))
    assert backends(found) == [("default", "s", 80, None), ("default", "s", "web", None)]
    assert (found.hostnames, found.class_name, found.parents) == (("a.example",), "", None)
    default = "defaultBackend: {service: {name: d, port: {number: 1}}}"
    found = only(INGRESS % ("", f"ingressClassName: nginx, {default}, rules: [{RULE % 'number: 80'}]"))
    assert backends(found) == [("default", "d", 1, None), ("default", "s", 80, None)]
    assert (found.hostnames, found.class_name) == ((), "nginx")


def test_an_ingress_places_each_backend() -> None:
    text = INGRESS % ("", f"rules: [{RULE % 'number: 80'}]")
    (document,) = documents(text)
    path = ("spec", "rules", 0, "http", "paths", 0, "backend")
    assert only(text).backends == (Backend("default", "s", 80, Place(document.origin, path)),)


def test_the_class_may_be_an_annotation() -> None:
    text = INGRESS % (", annotations: {kubernetes.io/ingress.class: old}", f"rules: [{RULE % 'number: 80'}]")
    assert only(text).class_name == "old"


def test_an_ingress_of_former_versions() -> None:
    for version in ("extensions/v1beta1", "networking.k8s.io/v1beta1"):
        found = only(
            f"{{apiVersion: {version}, kind: Ingress, metadata: {{name: i}}, spec: {{"
            "backend: {serviceName: d, servicePort: web},"
            " rules: [{http: {paths: [{backend: {serviceName: s, servicePort: '80'}}]}}]}}"
        )
        assert backends(found) == [("default", "d", "web", None), ("default", "s", 80, None)]
        assert str(found.key) == "default/i[Ingress]"


def test_an_ingress_may_lead_to_something_else() -> None:
    found = only(INGRESS % ("", "defaultBackend: {resource: {apiGroup: k8s.example.com, kind: Bucket, name: b}}"))
    assert [(b.group, b.kind, b.name) for b in found.backends] == [("k8s.example.com", "Bucket", "b")]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("", ("spec",)),
        ("defaultBackend: {}", ("spec", "defaultBackend")),
        ("defaultBackend: {service: {port: {number: 1}}}", ("spec", "defaultBackend", "service")),
        ("defaultBackend: {service: {name: s}}", ("spec", "defaultBackend", "service", "port")),
        (
            "defaultBackend: {service: {name: s, port: {number: 1, name: a}}}",
            ("spec", "defaultBackend", "service", "port"),
        ),
        (
            "defaultBackend: {service: {name: s, port: {number: 70000}}}",
            ("spec", "defaultBackend", "service", "port", "number"),
        ),
        ("rules: [{http: {paths: [null]}}]", ("spec", "rules", 0, "http", "paths", 0, "backend")),
    ],
)
def test_what_the_api_server_refuses_of_an_ingress(spec: str, path: Path) -> None:
    decoded = given(INGRESS % ("", spec))
    assert [(code, where) for code, _, where in faults(decoded)] == [("L0100", path)]
    assert decoded.cluster.routes == ()


OPENSHIFT = "{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r}, spec: {%s}}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("to: {kind: Service, name: s}", [("default", "s", None, None)]),
        ("to: {name: s}, port: {targetPort: 8080}", [("default", "s", None, 8080)]),
        ("to: {name: s}, port: {targetPort: web}", [("default", "s", "web", None)]),
        (
            "to: {name: s, weight: 1}, alternateBackends: [{name: t, weight: 0}, {name: u, weight: 2}]",
            [("default", "s", None, None), ("default", "u", None, None)],
        ),
    ],
)
def test_an_openshift_route(spec: str, expected: list[tuple[str, str, int | str | None, int | None]]) -> None:
    """A name is the Service's port, a number that of the endpoints; a weight of 0 is no traffic."""
    found = only(OPENSHIFT % spec)
    assert backends(found) == expected
    assert found.parents is None


def test_an_openshift_route_to_nowhere() -> None:
    assert [code for code, _, _ in faults(given(OPENSHIFT % "host: a"))] == ["L0100"]


GATEWAY_ROUTE = "{apiVersion: gateway.networking.k8s.io/%s, kind: %s, metadata: {name: r, namespace: mine}, spec: {%s}}"


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "HTTPRoute"),
        ("v1beta1", "HTTPRoute"),
        ("v1", "GRPCRoute"),
        ("v1alpha2", "TCPRoute"),
        ("v1alpha2", "UDPRoute"),
        ("v1alpha3", "TLSRoute"),
    ],
)
def test_a_gateway_route(version: str, kind: str) -> None:
    text = GATEWAY_ROUTE % (
        version,
        kind,
        """parentRefs: [{name: g, namespace: infra, sectionName: web}, {name: h, port: 443},
          {group: '', kind: Service, name: mesh}],
        hostnames: [a.example],
        rules: [{backendRefs: [{name: s, port: 80}, {name: t, namespace: m, port: 81},
          {name: none, port: 1, weight: 0}]}]""",
    )
    found = only(text)
    assert backends(found) == [("mine", "s", 80, None), ("m", "t", 81, None)]
    (document,) = documents(text)
    place = Place(document.origin, ("spec", "parentRefs"))
    assert found.parents == (
        GatewayRef("infra", "g", "web", None, place.at(0)),
        GatewayRef("mine", "h", None, 443, place.at(1)),
    )
    assert found.hostnames == ("a.example",)


def test_mirrors_are_backends_too() -> None:
    mirror = "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: %s, port: 1}}}, {type: Other}]"
    found = only(
        GATEWAY_ROUTE
        % ("v1", "HTTPRoute", f"rules: [{{{mirror % 'm'}, backendRefs: [{{name: s, port: 1, {mirror % 'k'}}}]}}]")
    )
    assert [name for _, name, _, _ in backends(found)] == ["m", "s", "k"]


def test_a_gateway_and_its_listeners() -> None:
    decoded = given(
        """{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g}, spec: {gatewayClassName: c,
        listeners: [{name: web, port: 80, protocol: HTTP},
          {name: tls, port: 443, protocol: TLS, hostname: '*.example',
           allowedRoutes: {namespaces: {from: Selector, selector: {}}, kinds: [{kind: TLSRoute}]}},
          {name: all, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}"""
    )
    assert faults(decoded) == []
    (found,) = decoded.cluster.gateways
    assert found.class_name == "c"
    assert found.listeners == (
        Listener("web", 80, "HTTP", "", "Same", None, ()),
        Listener("tls", 443, "TLS", "*.example", "Selector", EVERYTHING, (("gateway.networking.k8s.io", "TLSRoute"),)),
        Listener("all", 81, "HTTP", "", "All", None, ()),
    )


def test_a_listener_from_nowhere_is_refused() -> None:
    decoded = given(
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g}, spec:"
        " {listeners: [{name: a, port: 80, allowedRoutes: {namespaces: {from: all}}}]}}"
    )
    assert [where for _, _, where in faults(decoded)] == [
        ("spec", "listeners", 0, "allowedRoutes", "namespaces", "from")
    ]


def test_a_reference_grant() -> None:
    decoded = given(
        """{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: mine},
        spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: m}],
         to: [{group: '', kind: Service}, {group: '', kind: Service, name: s}]}}"""
    )
    assert faults(decoded) == []
    (found,) = decoded.cluster.grants
    assert found.sources == (("gateway.networking.k8s.io", "HTTPRoute", "m"),)
    assert found.targets == (("", "Service", ""), ("", "Service", "s"))
