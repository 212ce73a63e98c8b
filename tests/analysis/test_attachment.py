"""A route is served by the gateways that take it: listeners, hostnames, namespaces, and leave to refer elsewhere."""

from __future__ import annotations

import pytest

from licet.analysis.attachment import Attachments
from licet.analysis.grant import NO_REASONS
from licet.model.selector import Operator, Requirement, Selector
from licet.model.service import Backend, GatewayRef, Listener, Route
from licet.model.workload import Namespace
from tests.analysis.small import (
    GATEWAY_API,
    Thing,
    backend,
    cluster,
    gateway,
    ingress,
    key,
    labelled,
    listener,
    namespace,
    parent,
    reference_grant,
    route,
)

EDGE = key("Gateway", "edge")
DOUBT = "gateway `shop/edge[Gateway.gateway.networking.k8s.io]` accepts routes of namespace `shop`"


def served(route: Route, *things: Thing) -> dict[str, tuple[str, ...]]:
    """The gateways that serve a route, by name, with what that hangs on."""
    found = Attachments(cluster(route, *things)).of_route(route)
    return {"ingress" if key is None else key.name: tuple(sorted(reasons)) for key, reasons in found}


@pytest.mark.parametrize(
    ("protocol", "kinds"),
    [
        # "HTTP: HTTPRoute, GRPCRoute. HTTPS: the same. TLS: TLSRoute, TCPRoute. TCP: TCPRoute. UDP: UDPRoute"
        ("HTTP", {"HTTPRoute", "GRPCRoute"}),
        ("HTTPS", {"HTTPRoute", "GRPCRoute"}),
        ("TLS", {"TLSRoute", "TCPRoute"}),
        ("TCP", {"TCPRoute"}),
        ("UDP", {"UDPRoute"}),
        ("example.com/own", {"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"}),
    ],
)
def test_a_listener_without_kinds_takes_those_of_its_protocol(protocol: str, kinds: set[str]) -> None:
    every = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
    edge = gateway(listener(protocol=protocol))
    assert {kind for kind in every if served(route(parent(), kind=kind), edge)} == kinds


@pytest.mark.parametrize(
    ("kinds", "taken"),
    [
        ([(GATEWAY_API, "HTTPRoute")], True),
        ([(GATEWAY_API, "TCPRoute"), (GATEWAY_API, "HTTPRoute")], True),
        ([(GATEWAY_API, "TCPRoute")], False),
        ([("example.com", "HTTPRoute")], False),
    ],
)
def test_a_listener_with_kinds_takes_only_those(kinds: list[tuple[str, str]], taken: bool) -> None:
    assert bool(served(route(parent()), gateway(listener(kinds=kinds)))) is taken


@pytest.mark.parametrize(
    ("listens", "asked", "taken"),
    [
        ("", [], True),
        ("", ["a.example.com"], True),
        ("a.example.com", [], True),
        ("a.example.com", ["a.example.com"], True),
        ("a.example.com", ["b.example.com"], False),
        ("a.example.com", ["b.example.com", "a.example.com"], True),
        # "test.example.com matches ... test.example.com or *.example.com"
        ("test.example.com", ["*.example.com"], True),
        ("test.example.org", ["*.example.com"], False),
        # "*.example.com, test.example.com, and foo.test.example.com would all match. On the other hand, example.com
        # and test.example.net would not match"
        ("*.example.com", ["*.example.com"], True),
        ("*.example.com", ["test.example.com"], True),
        ("*.example.com", ["foo.test.example.com"], True),
        ("*.example.com", ["example.com"], False),
        ("*.example.com", ["test.example.net"], False),
        ("*.example.com", ["testexample.com"], False),
        ("example.com", ["*.example.com"], False),
        ("foo.test.example.com", ["*.example.com"], True),
        ("testexample.com", ["*.example.com"], False),
        ("*.example.com", ["*.test.example.com"], True),
        ("*.test.example.com", ["*.example.com"], True),
        ("*.example.com", ["*.example.org"], False),
        ("*.ample.com", ["*.example.com"], False),
        ("*.example.com", ["*.ample.com"], False),
    ],
)
def test_hostnames_must_meet(listens: str, asked: list[str], taken: bool) -> None:
    """Gateway API, `HTTPRouteSpec.hostnames`: a wildcard is a suffix match of one or more labels."""
    edge = gateway(listener(hostname=listens))
    assert bool(served(route(parent(), hostnames=asked), edge)) is taken


RED = namespace("shop", team="red")
BLUE = namespace("shop", team="blue")
PLAIN = namespace("shop")
HIDDEN = namespace("shop", declared=False)
NOT_RED = Selector.of([Requirement("team", Operator.NOT_IN, ("red",))])
NAMED_SHOP = labelled(**{"kubernetes.io/metadata.name": "shop"})


@pytest.mark.parametrize(
    ("allow", "selector", "around", "home", "reasons"),
    [
        ("All", None, RED, "other", ()),
        ("Same", None, RED, "shop", ()),
        ("Same", None, RED, "other", None),
        ("None", None, RED, "shop", None),
        ("Selector", labelled(team="red"), RED, "other", ()),
        ("Selector", labelled(team="red"), BLUE, "other", None),
        ("Selector", labelled(team="red"), PLAIN, "other", None),
        ("Selector", NOT_RED, BLUE, "other", ()),
        ("Selector", None, RED, "other", None),
        ("Selector", NAMED_SHOP, HIDDEN, "other", ()),
        ("Selector", labelled(team="red"), HIDDEN, "other", (DOUBT.replace("shop/edge", "other/edge"),)),
    ],
)
def test_a_listener_takes_routes_of_the_namespaces_it_allows(
    allow: str, selector: Selector | None, around: Namespace, home: str, reasons: tuple[str, ...] | None
) -> None:
    edge = gateway(listener(allow=allow, namespaces=selector), namespace=home)
    found = served(route(parent(namespace=home)), edge, around)
    assert found == ({} if reasons is None else {"edge": reasons})


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        (parent(), True),
        (parent(section="web"), True),
        (parent(section="admin"), False),
        (parent(section="none"), False),
        (parent(port=80), True),
        (parent(port=81), False),
        (parent(port=82), False),
        (parent(section="web", port=80), True),
        (parent(section="web", port=81), False),
    ],
)
def test_a_parent_may_name_a_listener_or_a_port(asked: GatewayRef, taken: bool) -> None:
    """`admin` on port 81 takes no HTTPRoute."""
    edge = gateway(listener("web", 80), listener("admin", 81, "TCP"))
    assert bool(served(route(asked), edge)) is taken


def test_a_gateway_without_listeners_takes_nothing() -> None:
    assert served(route(parent()), gateway()) == {}


def test_a_gateway_that_no_manifest_declares_may_take_the_route() -> None:
    """Which is not known, hence neither yes nor no."""
    key_of_it = "`ops/far[Gateway.gateway.networking.k8s.io]`"
    assert served(route(parent("far", "ops"))) == {
        "far": (f"gateway {key_of_it}, which no manifest declares, accepts the route",)
    }
    (found,) = Attachments(cluster()).of_route(route(parent("far", "ops")))
    assert found[0] == key("Gateway", "far", "ops")


def unsure(name: str) -> Listener:
    """A listener of which nobody knows whether it takes the route."""
    return listener(name, allow="Selector", namespaces=labelled(team="red"))


@pytest.mark.parametrize(
    ("parents", "reasons"),
    [
        ([parent(section="unsure")], (DOUBT,)),
        ([parent(section="unsure"), parent(section="sure")], ()),
        ([parent(section="sure"), parent(section="unsure")], ()),
        ([parent()], ()),
        ([parent(section="closed"), parent(section="unsure")], (DOUBT,)),
        ([parent(section="closed"), parent(section="sure")], ()),
    ],
)
def test_one_sure_way_to_a_gateway_is_enough(parents: list[GatewayRef], reasons: tuple[str, ...]) -> None:
    edge = gateway(unsure("unsure"), listener("closed", allow="None"), listener("sure"))
    assert served(route(*parents), edge, HIDDEN) == {"edge": reasons}


def test_a_route_may_have_several_gateways() -> None:
    """In the order of its parents; one that does not take it does not stop the next."""
    edges = [gateway(listener(allow=allow), name=name) for name, allow in (("a", "All"), ("b", "None"), ("c", "All"))]
    found = Attachments(cluster(*edges)).of_route(route(parent("c"), parent("b"), parent("a")))
    assert list(found) == [(key("Gateway", "c"), NO_REASONS), (key("Gateway", "a"), NO_REASONS)]


def test_an_ingress_is_served_by_the_ingress_controller() -> None:
    assert served(ingress()) == {"ingress": ()}


FROM = (GATEWAY_API, "HTTPRoute", "shop")
ANY_SERVICE = ("", "Service", "")


@pytest.mark.parametrize(
    ("sources", "targets", "allowed"),
    [
        ([FROM], [ANY_SERVICE], True),
        ([FROM], [("", "Service", "db")], True),
        ([FROM], [("", "Service", "other")], False),
        ([FROM], [("", "Secret", ""), ("", "Service", "db")], True),
        ([FROM], [("", "Secret", "")], False),
        ([FROM], [("example.com", "Service", "")], False),
        ([(GATEWAY_API, "TCPRoute", "shop")], [ANY_SERVICE], False),
        ([(GATEWAY_API, "HTTPRoute", "mail")], [ANY_SERVICE], False),
        ([("example.com", "HTTPRoute", "shop")], [ANY_SERVICE], False),
        ([(GATEWAY_API, "HTTPRoute", "mail"), FROM], [ANY_SERVICE], True),
        ([], [ANY_SERVICE], False),
        ([FROM], [], False),
    ],
)
def test_a_backend_elsewhere_needs_a_grant(
    sources: list[tuple[str, str, str]], targets: list[tuple[str, str, str]], allowed: bool
) -> None:
    """Gateway API, ReferenceGrant: in the backend's namespace, `from` and `to` both listing what is asked."""
    asks = route(parent())
    there = backend("db", "data")
    grant = reference_grant("data", sources, targets)
    assert Attachments(cluster(asks, grant)).may_refer(asks, there) is allowed
    elsewhere = reference_grant("mail", sources, targets)
    assert not Attachments(cluster(asks, elsewhere)).may_refer(asks, there)


def test_grants_are_added_up_but_never_mixed() -> None:
    """`from` of one and `to` of another make no leave."""
    asks = route(parent())
    there = backend("db", "data")
    half = [reference_grant("data", [FROM], []), reference_grant("data", [], [ANY_SERVICE])]
    assert not Attachments(cluster(*half)).may_refer(asks, there)
    assert Attachments(cluster(*half, reference_grant("data", [FROM], [ANY_SERVICE]))).may_refer(asks, there)


@pytest.mark.parametrize("named", [backend("db", "shop"), backend("x", "shop", group="example.com", kind="Thing")])
def test_a_backend_of_the_own_namespace_needs_none(named: Backend) -> None:
    assert Attachments(cluster()).may_refer(route(parent()), named)
