"""A name leads to pods and the port that they listen on: Services, EndpointSlices, and the routes before them."""

from __future__ import annotations

import pytest

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import Grants
from licet.analysis.leads import Leads
from licet.analysis.population import Population
from licet.analysis.reach import reach
from licet.model.cluster import Cluster
from licet.model.platform import GatewayFact, Platform
from licet.model.policy import PodPeer
from licet.model.ports import NO_PORTS, NamedPort, PortRange, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.service import Backend, EndpointSlice, Route, Service, SlicePort
from licet.model.workload import ContainerPort
from tests.analysis.small import (
    GATEWAY_API,
    Thing,
    backend,
    cluster,
    endpoint_slice,
    gateway,
    http,
    ingress,
    key,
    labelled,
    listener,
    namespace,
    network_policy,
    parent,
    reference_grant,
    route,
    rule,
    service,
    tcp,
    to,
    workload,
)

TCP, UDP, SCTP = Protocol
PROFILE = PROFILES["kubernetes"]


def leads(cluster: Cluster) -> tuple[Leads, Population]:
    """Leads over a cluster, and the classes that they speak of."""
    population = Population(cluster, PROFILE)
    return Leads(cluster, population, Grants()), population


def led(service: Service, *things: Thing) -> list[tuple[set[str], int, PortRange, tuple[str, ...]]]:
    """Per lead: the pods, the Service's port, the pods' port, and what it hangs on."""
    found, population = leads(cluster(service, *things))
    return [
        (_names(population, lead.classes), lead.port.port, lead.target, tuple(sorted(lead.doubt)))
        for lead in found.of_service(service)
    ]


def _names(population: Population, classes: int) -> set[str]:
    held = [c for at, c in enumerate(population.classes) if classes >> at & 1]
    return {population.workloads[at].key.name for c in held for at in c.members}


def at(port: int, protocol: Protocol = TCP) -> PortRange:
    """One port."""
    return PortRange(protocol, port, port)


def test_a_selector_finds_pods_of_its_own_namespace() -> None:
    """Whatever else they bear; a hostNetwork pod is behind a Service like any other."""
    web = service("web", "shop", to(80, 8080), selector=labelled(app="web"))
    things = [workload("web"), workload("web", "mail"), workload("db"), workload("node", app="web", host=True)]
    assert led(web, *things) == [({"web", "node"}, 80, at(8080), ())]


def test_every_port_leads_on_by_itself() -> None:
    web = service("web", "shop", to(80, 8080), to(53, 53, "dns", UDP), selector=labelled(app="web"))
    assert led(web, workload("web")) == [({"web"}, 80, at(8080), ()), ({"web"}, 53, at(53, UDP), ())]


def test_a_service_that_selects_nobody_leads_nowhere() -> None:
    assert led(service("web", "shop", to(80, 8080), to(81, "http"), selector=labelled(app="web"))) == []


def test_a_named_target_port_is_each_pods_own() -> None:
    """By name and protocol; a pod that has no such port is not reached, and the first of two namesakes counts."""
    web = service("web", "shop", to(80, "http"))
    things = [
        workload("one", ports=[http(8080)]),
        workload("two", ports=[http(9090), http(9091)]),
        workload("same", ports=[ContainerPort("other", TCP, 1), http(8080)]),
        workload("udp", ports=[http(7070, UDP)]),
        workload("none"),
        workload("other", ports=[ContainerPort("https", TCP, 8443)]),
    ]
    assert led(web, *things) == [({"one", "same"}, 80, at(8080), ()), ({"two"}, 80, at(9090), ())]


def test_a_label_set_at_run_time_leaves_a_doubt() -> None:
    """Beside pods that are surely behind the Service, for numbers and names alike."""
    hashed = Requirement("pod-template-hash", Operator.IN, ("77aa",))
    web = service("web", "shop", to(80, 8080), to(81, "http"), selector=Selector.of([hashed]))
    things = [
        workload("maybe", runtime=["pod-template-hash"], ports=[http(8081)]),
        workload("sure", ports=[http(8081)], bears={"pod-template-hash": "77aa"}),
    ]
    doubt = ("label `pod-template-hash`, set when pods run, has the value that a policy asks for",)
    assert led(web, *things) == [
        ({"sure"}, 80, at(8080), ()),
        ({"maybe"}, 80, at(8080), doubt),
        ({"sure"}, 81, at(8081), ()),
        ({"maybe"}, 81, at(8081), doubt),
    ]


PODS = [
    workload("a", kind="Pod", addresses=["10.0.0.1"]),
    workload("b", kind="Pod", addresses=["10.0.0.2", "fd00::2"]),
    workload("c", kind="Pod"),
    workload("a", "mail", kind="Pod", addresses=["10.0.0.9"]),
    workload("d", kind="Deployment"),
]


@pytest.mark.parametrize(
    ("piece", "found"),
    [
        (endpoint_slice("web", "shop", SlicePort("", TCP, 8080), pods=["a"]), [({"a"}, 80, at(8080), ())]),
        (endpoint_slice("web", "shop", SlicePort("", TCP, 8080), pods=["a", "c"]), [({"a", "c"}, 80, at(8080), ())]),
        (endpoint_slice("web", "shop", SlicePort("", TCP, None), pods=["a"]), [({"a"}, 80, PortRange(TCP), ())]),
        (endpoint_slice("web", "shop", SlicePort("", TCP, 8080), pods=["d"]), []),
        (endpoint_slice("web", "shop", SlicePort("", TCP, 8080), pods=["x"]), []),
        (endpoint_slice("web", "shop", SlicePort("", UDP, 8080), pods=["a"]), []),
        (endpoint_slice("web", "shop", SlicePort("other", TCP, 8080), pods=["a"]), []),
        (endpoint_slice("web", "shop", pods=["a"]), []),
        (endpoint_slice("db", "shop", SlicePort("", TCP, 8080), pods=["a"]), []),
        (endpoint_slice("web", "mail", SlicePort("", TCP, 8080), pods=["a"]), []),
        (endpoint_slice("web", "shop", SlicePort("", TCP, 8080), addresses=["10.0.0.1"]), [({"a"}, 80, at(8080), ())]),
        (
            endpoint_slice("web", "shop", SlicePort("", TCP, 8080), addresses=["10.0.0.1", "fd00::2", "10.1.0.0"]),
            [({"a", "b"}, 80, at(8080), ())],
        ),
        (endpoint_slice("web", "shop", SlicePort("", TCP, 8080), addresses=["10.0.0.3"]), []),
        (
            endpoint_slice("web", "shop", SlicePort("", TCP, 8080), pods=["c"], addresses=["10.0.0.2"]),
            [({"b", "c"}, 80, at(8080), ())],
        ),
        (
            endpoint_slice("web", "shop", SlicePort("x", TCP, 1), SlicePort("dns", UDP, 5353), pods=["a"]),
            [({"a"}, 53, at(5353, UDP), ())],
        ),
    ],
)
def test_without_a_selector_slices_say_where(
    piece: EndpointSlice, found: list[tuple[set[str], int, PortRange, tuple[str, ...]]]
) -> None:
    """Ports are matched by name and protocol, as kube-proxy does; pods by reference, or by address where known."""
    web = service("web", "shop", to(80, 80), to(53, 53, "dns", UDP), selector=None)
    assert led(web, piece, *PODS) == found


def test_slices_of_one_service_are_followed_one_by_one() -> None:
    web = service("web", "shop", to(80, 80), selector=None)
    pieces = [endpoint_slice("web", "shop", SlicePort("", TCP, 8080 + i), pods=[name]) for i, name in enumerate("ac")]
    assert led(web, *pieces, *PODS) == [({"a"}, 80, at(8080), ()), ({"c"}, 80, at(8081), ())]


def test_a_selector_wins_over_slices() -> None:
    """Endpoints of a Service with a selector are the cluster's own to write."""
    web = service("web", "shop", to(80, 80), selector=labelled(app="c"))
    piece = endpoint_slice("web", "shop", SlicePort("", TCP, 8080), pods=["a"])
    assert led(web, piece, *PODS) == [({"c"}, 80, at(80), ())]


def test_pods_of_equal_kind_share_a_class_that_any_address_finds() -> None:
    """No block tells the two apart, so the class that stands for both is behind the slice."""
    twins = [workload(name, kind="Pod", app="twin", addresses=[f"10.0.0.{i}"]) for i, name in enumerate("xy", 1)]
    web = service("web", "shop", to(80, 80), selector=None)
    piece = endpoint_slice("web", "shop", SlicePort("", TCP, 8080), addresses=["10.0.0.2"])
    assert led(web, piece, *twins) == [({"x", "y"}, 80, at(8080), ())]


WEB = service("web", "shop", to(80, 8080, "http"), to(443, 8443, "https"), to(53, 5353, "dns", UDP))


@pytest.mark.parametrize(
    ("asked", "protocol", "found"),
    [
        (backend(port=80), TCP, [8080]),
        (backend(port=443), TCP, [8443]),
        (backend(port="https"), TCP, [8443]),
        (backend(port=None), TCP, [8080, 8443]),
        (backend(port=None), UDP, [5353]),
        (backend(port=8080), TCP, []),
        (backend(port=53), TCP, []),
        (backend(port=53), UDP, [5353]),
        (backend(port="none"), TCP, []),
        (backend("other"), TCP, []),
        (backend(namespace="mail"), TCP, []),
        (backend(group="example.com"), TCP, []),
        (backend(kind="Bucket"), TCP, []),
    ],
)
def test_a_backend_is_a_port_of_a_service(asked: Backend, protocol: Protocol, found: list[int]) -> None:
    following, _ = leads(cluster(WEB, workload("web"), namespace("mail")))
    assert [lead.target.first for lead in following.of_backend(asked, protocol)] == found


def test_a_service_is_found_by_namespace_and_name() -> None:
    following, _ = leads(cluster(WEB))
    assert following.service("shop", "web") is WEB
    assert following.service("mail", "web") is None


def routed(*things: Thing, platform: Platform | None = None) -> dict[tuple[str, str], dict[str, str]]:
    """What routes lead to: per source and its namespace, per pod the ports; possible ones stand behind a `?`."""
    made = cluster(*things) if platform is None else cluster(*things, platform=platform)
    following, population = leads(made)
    out: dict[tuple[str, str], dict[str, str]] = {}
    for (source, home), grants in following.of_routes().items():
        said = out.setdefault((source.name, home), {})
        for where, grant in grants.items():
            question = f"? {grant.open_question}" if grant.open_question else ""
            for name in _names(population, 1 << where):
                said[name] = f"{grant.must}{question}"
    return out


WEB_POD, DB_POD = workload("web"), workload("db")
WEB_ONLY = service("web", "shop", to(80, 8080), to(81, 8081), to(53, 5353, "dns", UDP), selector=labelled(app="web"))
DB_ONLY = service("db", "shop", to(5432, 5432), selector=labelled(app="db"))


def test_ingresses_lead_to_their_backends() -> None:
    """Several together; a backend that is not there is passed over, and the next is still followed."""
    front = ingress("front", "shop", backend(port=80), backend("none"), backend("db", port=5432))
    more = ingress("more", "shop", backend(port=81))
    openshift = ingress("os", "shop", backend(port=None), kind="Route")
    pods: list[Thing] = [WEB_POD, DB_POD, WEB_ONLY, DB_ONLY]
    assert routed(front, *pods) == {("{ingress-controller}", ""): {"web": "TCP 8080", "db": "TCP 5432"}}
    assert routed(front, more, *pods) == {("{ingress-controller}", ""): {"web": "TCP 8080-8081", "db": "TCP 5432"}}
    assert routed(openshift, *pods) == {("{ingress-controller}", ""): {"web": "TCP 8080-8081"}}


def test_gateways_lead_to_the_backends_of_routes_they_take() -> None:
    """UDPRoutes over UDP, everything else over TCP; a route that is not taken leads nowhere."""
    asks = route(parent(), backends=[backend(port=None)])
    udp = route(parent("dns"), kind="UDPRoute", backends=[backend(port=None)])
    edges = [gateway(listener()), gateway(listener(protocol="UDP"), name="dns")]
    assert routed(asks, udp, *edges, WEB_POD, WEB_ONLY) == {
        ("edge", ""): {"web": "TCP 8080-8081"},
        ("dns", ""): {"web": "UDP 5353"},
    }
    assert routed(udp, gateway(listener(), name="dns"), WEB_POD, WEB_ONLY) == {}


def test_doubts_of_gateway_and_service_add_up() -> None:
    """A gateway that nobody declares, before a Service that perhaps selects the pod; an ingress makes one part sure."""
    asks = route(parent("far"), backends=[backend(port=81)])
    assert routed(asks, WEB_POD, WEB_ONLY) == {("far", ""): {"web": "no port? TCP 8081"}}
    selector = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    maybe = service("web", "shop", to(80, 8080), selector=selector)
    assert routed(ingress(), workload("web", runtime=["pod-template-hash"]), maybe) == {
        ("{ingress-controller}", ""): {"web": "no port? TCP 8080"}
    }
    following, _ = leads(
        cluster(
            asks,
            workload("web", runtime=["pod-template-hash"]),
            service("web", "shop", to(81, 8081), selector=selector),
        )
    )
    ((_, grants),) = following.of_routes().items()
    (grant,) = grants.values()
    assert len(grant.reasons) == 2


def test_a_backend_elsewhere_is_followed_where_a_grant_says_so() -> None:
    """And where none does, the route's other backends still are."""
    there = service("db", "data", to(5432, 5432))
    asks = route(parent(), backends=[backend("db", "data", 5432), backend(port=80)])
    things: list[Thing] = [asks, gateway(listener()), there, workload("db", "data"), WEB_POD, WEB_ONLY]
    assert routed(*things) == {("edge", ""): {"web": "TCP 8080"}}
    leave = reference_grant("data", [(GATEWAY_API, "HTTPRoute", "shop")], [("", "Service", "")])
    assert routed(*things, leave) == {("edge", ""): {"db": "TCP 5432", "web": "TCP 8080"}}


NGINX, PUBLIC = GatewayFact("nginx", "edge-system"), GatewayFact("public", "istio-system")


@pytest.mark.parametrize(
    ("facts", "asked", "key_of_gateway", "home"),
    [
        ((), ingress(), None, ""),
        ((NGINX,), ingress(), None, "edge-system"),
        ((NGINX, PUBLIC), ingress(), None, ""),
        ((NGINX, PUBLIC), ingress(class_name="public"), None, "istio-system"),
        ((NGINX, PUBLIC), ingress(class_name="other"), None, ""),
        ((PUBLIC,), ingress(class_name="nginx"), None, "istio-system"),
        ((NGINX, PUBLIC), route(parent()), key("Gateway", "public", "istio-system"), "istio-system"),
        ((NGINX, PUBLIC), route(parent()), key("Gateway", "public", "shop"), ""),
        ((PUBLIC,), route(parent()), key("Gateway", "edge", "istio-system"), ""),
    ],
)
def test_the_platform_says_where_gateways_run(
    facts: tuple[GatewayFact, ...], asked: Route, key_of_gateway: object, home: str
) -> None:
    """An ingress controller by its class, or by being the only one; a gateway by its namespace and name."""
    following, _ = leads(cluster(platform=Platform(gateways=facts)))
    assert following.home(asked, key_of_gateway) == home  # type: ignore[arg-type]


def test_routes_of_controllers_in_different_namespaces_stay_apart() -> None:
    """Each is asked by policies where it runs."""
    one, two = ingress("one", class_name="nginx"), ingress("two", class_name="public")
    platform = Platform(gateways=(NGINX, PUBLIC))
    assert routed(one, two, WEB_POD, WEB_ONLY, platform=platform) == {
        ("{ingress-controller}", "edge-system"): {"web": "TCP 8080"},
        ("{ingress-controller}", "istio-system"): {"web": "TCP 8080"},
    }


CLOSED = network_policy("closed", ingress=[])
FROM_EDGE = PodPeer(labelled(**{"kubernetes.io/metadata.name": "edge-system"}), EVERYTHING)
FROM_FRONT = PodPeer(labelled(**{"kubernetes.io/metadata.name": "edge-system"}), labelled(app="front"))


@pytest.mark.parametrize(
    ("policy", "facts", "must", "may"),
    [
        (None, (), tcp(8080), tcp(8080)),
        (CLOSED, (), None, None),
        (network_policy("any", ingress=[rule()]), (), tcp(8080), tcp(8080)),
        (network_policy("other", ingress=[rule(ports=[tcp(9)])]), (), None, None),
        (network_policy("elsewhere", "mail", ingress=[]), (), tcp(8080), tcp(8080)),
        (network_policy("named", ingress=[rule(ports=[NamedPort("http")])]), (), tcp(8080), tcp(8080)),
        (network_policy("not-web", pods=labelled(app="db"), ingress=[]), (), tcp(8080), tcp(8080)),
        (network_policy("edge", ingress=[rule(peers=[FROM_EDGE])]), (), None, tcp(8080)),
        (network_policy("edge", ingress=[rule(peers=[FROM_EDGE])]), (NGINX,), tcp(8080), tcp(8080)),
        (network_policy("edge", ingress=[rule(peers=[FROM_EDGE])]), (PUBLIC,), None, None),
        (network_policy("front", ingress=[rule(peers=[FROM_FRONT])]), (NGINX,), None, tcp(8080)),
        (network_policy("own", ingress=[rule(peers=[PodPeer(None, EVERYTHING)])]), (NGINX,), None, None),
        (network_policy("out", egress=[]), (), tcp(8080), tcp(8080)),
    ],
)
def test_policies_admit_what_routes_lead_to(
    policy: Thing | None, facts: tuple[GatewayFact, ...], must: PortRange | None, may: PortRange | None
) -> None:
    """The ingress controller is a pod of the cluster; all that may be known of it is its namespace."""
    pod = workload("web", ports=[http(8080)])
    things: list[Thing] = [ingress(), pod, WEB_ONLY, workload("m", "mail"), *([policy] if policy else [])]
    answer = reach(cluster(*things, platform=Platform(gateways=facts)), PROFILE)
    grant = answer.routed[INGRESS_CONTROLLER].get(answer.population.class_of[pod.key], answer.grants.denied)
    assert grant.must == (PortSet.of(must) if must else NO_PORTS)
    assert grant.may == (PortSet.of(may) if may else NO_PORTS)
    reason = "the ingress controller's pods and namespace have the labels that a policy asks for"
    assert grant.reasons == ({reason} if may and not must else frozenset())
