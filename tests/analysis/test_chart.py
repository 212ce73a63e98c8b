"""A map is the answer as edges between named endpoints, written briefly and in the order of the input."""

from __future__ import annotations

import pytest

from licet.analysis.chart import chart
from licet.analysis.edges import Picture, draw, gateway_id, settled
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import Grants
from licet.analysis.reach import reach
from licet.model.addresses import EVERY_ADDRESS, V6_BASE, AddressSet
from licet.model.edge import Edge, Endpoint, EndpointType, ReachMap
from licet.model.platform import Platform
from licet.model.policy import Action, NodePeer, Peer, PodPeer
from licet.model.ports import ALL_PORTS, PortSet
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from tests.analysis.small import (
    Thing,
    anyone,
    backend,
    block,
    cluster,
    gateway,
    ingress,
    key,
    labelled,
    listener,
    network_policy,
    parent,
    pods,
    route,
    rule,
    service,
    tcp,
    to,
    wide_policy,
    wide_rule,
    workload,
)

PROFILE = PROFILES["kubernetes"]
CALICO = PROFILES["calico"]
V4, V6 = "0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
WEB, DB = "shop/web[Deployment]", "shop/db[Deployment]"
ICMP = "ICMP and protocols other than TCP, UDP and SCTP are not told: the enforcer may deny or let them through"


def drawn(*things: Thing, platform: Platform | None = None) -> ReachMap:
    """The map under the profile that promises least."""
    return chart(reach(cluster(*things, platform=platform or Platform()), PROFILE))


def pod(id_: str, kind: str = "Deployment") -> Endpoint:
    """A workload's endpoint."""
    place, _, name = id_.partition("/")
    return Endpoint(id_, EndpointType.WORKLOAD, key(kind, name.partition("[")[0], place))


def outside(*ranges: str) -> tuple[Endpoint, ...]:
    """Endpoints of addresses."""
    return tuple(Endpoint(name, EndpointType.ADDRESSES) for name in ranges)


def on(port: int, last: int | None = None) -> PortSet:
    """TCP ports."""
    return PortSet.of(tcp(port, last))


def test_without_policies_everything_is_one_edge() -> None:
    """Among pods, from outside and to outside; IPv4 and IPv6 are apart."""
    assert drawn(workload("web"), workload("db")) == ReachMap(
        "kubernetes",
        (pod(WEB), pod(DB), *outside(V4, V6)),
        (
            Edge((WEB, DB), (WEB, DB), ALL_PORTS),
            Edge((V4, V6), (WEB, DB), ALL_PORTS),
            Edge((WEB, DB), (V4, V6), ALL_PORTS),
        ),
        (),
    )


def test_an_empty_cluster_has_an_empty_map() -> None:
    assert drawn() == ReachMap("kubernetes", outside(V4, V6), (), ())


def test_what_is_possible_stands_apart() -> None:
    """With the sentence that it hangs on; the certain part of the same pair stays certain."""
    hashed = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    policy = network_policy(
        "p",
        pods=labelled(app="db"),
        ingress=[rule(0, [pods(app="web")], [tcp(80)]), rule(1, [PodPeer(None, hashed)], [tcp(81)])],
    )
    found = drawn(workload("web", runtime=["pod-template-hash"]), workload("db"), policy)
    label = "label `pod-template-hash`, set when pods run, has the value that a policy asks for"
    assert [edge for edge in found.edges if edge.dst == (DB,)] == [Edge((WEB,), (DB,), on(80))]
    assert found.undetermined == (Edge((WEB,), (DB,), on(81), (label,)),)
    assert found.assumptions == (ICMP,)


def test_outside_is_cut_where_addresses_fare_differently() -> None:
    """And nowhere else; an exception that nobody asks about is no cut."""
    policy = network_policy("p", pods=labelled(app="web"), ingress=[rule(0, [block("203.0.113.0/24")], [tcp(80)])])
    found = drawn(workload("web"), policy)
    low, mid, high = "0.0.0.0-203.0.112.255", "203.0.113.0-203.0.113.255", "203.0.114.0-255.255.255.255"
    assert [e.id for e in found.endpoints[1:]] == [low, mid, high, V6, V4]
    assert found.edges == (
        Edge((mid,), (WEB,), on(80)),
        Edge((WEB,), (V4, V6), ALL_PORTS),
    )


def test_addresses_of_pods_are_not_outside() -> None:
    """The platform's pod range is left out of what is outside, on both sides."""
    found = drawn(workload("web"), platform=Platform(pod_addresses=AddressSet.of(["0.0.0.0/1"])))
    rest = "128.0.0.0-255.255.255.255"
    assert found.edges[1:] == (Edge((rest, V6), (WEB,), ALL_PORTS), Edge((WEB,), (rest, V6), ALL_PORTS))


def test_a_gateway_and_the_ingress_controller_are_sources() -> None:
    """In the order of the routes, between the workloads and the addresses."""
    asks = route(parent(), backends=[backend(port=81)])
    web = service("web", "shop", to(80, 8080), to(81, 8081), selector=labelled(app="web"))
    found = drawn(workload("web"), workload("db"), web, asks, ingress(), gateway(listener()))
    edge_key = key("Gateway", "edge")
    edge = "shop/edge[Gateway.gateway.networking.k8s.io]"
    assert found.endpoints[2:4] == (
        Endpoint(edge, EndpointType.GATEWAY, edge_key),
        Endpoint("{ingress-controller}", EndpointType.INGRESS),
    )
    assert found.edges[1:3] == (
        Edge((edge,), (WEB,), on(8081)),
        Edge(("{ingress-controller}",), (WEB,), on(8080)),
    )
    assert gateway_id(edge_key) == edge
    assert gateway_id(INGRESS_CONTROLLER) == "{ingress-controller}"


def test_a_gateway_that_may_serve_a_route_is_possible() -> None:
    """No manifest declares it."""
    web = service("web", "shop", to(80, 8080))
    found = drawn(workload("web"), web, route(parent()))
    edge = "shop/edge[Gateway.gateway.networking.k8s.io]"
    reason = f"gateway `{edge}`, which no manifest declares, accepts the route"
    assert found.undetermined == (Edge((edge,), (WEB,), on(8080), (reason,)),)


def test_workloads_behind_one_gateway_alike_share_an_edge() -> None:
    """Grouped by what is granted, not by route."""
    services = [
        service(name, "shop", to(80, port), selector=labelled(app=name))
        for name, port in (("a", 1), ("b", 2), ("c", 1))
    ]
    front = ingress("front", "shop", *(backend(name) for name in "abc"))
    found = drawn(*(workload(name) for name in "abc"), *services, front)
    assert [edge for edge in found.edges if edge.src == ("{ingress-controller}",)] == [
        Edge(("{ingress-controller}",), ("shop/a[Deployment]", "shop/c[Deployment]"), on(1)),
        Edge(("{ingress-controller}",), ("shop/b[Deployment]",), on(2)),
    ]


def test_a_bare_pod_reaches_itself_whatever_policies_say() -> None:
    """Its own edge where its like may not reach it; a workload's replicas are not one pod."""
    closed = network_policy("closed", ingress=[])
    solo, twin = "shop/solo[Pod]", "shop/twin[Pod]"
    things = [workload("solo", kind="Pod", app="x"), workload("twin", kind="Pod", app="x"), workload("web", app="x")]
    found = drawn(*things, closed)
    assert found.edges == (
        Edge((solo, twin, WEB), (V4, V6), ALL_PORTS),
        Edge((solo,), (solo,), ALL_PORTS),
        Edge((twin,), (twin,), ALL_PORTS),
    )
    assert drawn(*things).edges[0] == Edge((solo, twin, WEB), (solo, twin, WEB), ALL_PORTS)


def test_a_bare_pods_traffic_to_itself_is_never_open() -> None:
    """What its like reach perhaps, it surely reaches."""
    hashed = Selector.of([Requirement("controller-uid", Operator.IN, ("1",))])
    policy = network_policy("p", pods=hashed, ingress=[])
    things = [workload(name, kind="Pod", app="x", runtime=["controller-uid"]) for name in ("one", "two")]
    found = drawn(*things, policy)
    one, two = "shop/one[Pod]", "shop/two[Pod]"
    label = "label `controller-uid`, set when pods run, has the value that a policy asks for"
    between = [edge for edge in found.undetermined if edge.src[0].startswith("shop/")]
    assert between == [Edge((one,), (two,), ALL_PORTS, (label,)), Edge((two,), (one,), ALL_PORTS, (label,))]
    assert Edge((one,), (one,), ALL_PORTS) in found.edges


# --- Pictures ----------------------------------------------------------------------------------------------------

GRANTS = Grants()
P80, P81 = GRANTS.grant(on(80), on(80)), GRANTS.grant(on(81), on(81))
MAYBE = GRANTS.grant(on(80), on(80, 81), frozenset({"b", "a"}))
NAMES = [[(9, "unknown")], [(0, "a"), (1, "b")], [(2, "c")], []]


def picture(**parts: object) -> Picture:
    """Three classes beside the unknown pod: `a` and `b`, `c`, and one that nothing is shown of."""
    nothing: dict[str, object] = {
        "columns": [{}, {}, {}, {}],
        "arriving": [{}, {}, {}, {}],
        "leaving": [{}, {}, {}, {}],
        "routed": {},
        "world": EVERY_ADDRESS,
    }
    return Picture(NAMES, **(nothing | parts))  # type: ignore[arg-type]


def test_classes_are_written_as_their_members() -> None:
    """One edge for destinations that are alike; the unknown pod is on neither side, nor what nothing is shown of."""
    both = {P80: 0b1111}
    found = draw(picture(columns=[{P81: 0b1111}, both, both, both]))
    assert (found.certain, found.open) == ([Edge(("a", "b", "c"), ("a", "b", "c"), on(80))], [])
    found = draw(picture(columns=[{}, {P80: 0b0010}, {P80: 0b0001}, {}]))
    assert (found.certain, found.open) == ([Edge(("a", "b"), ("a", "b"), on(80))], [])
    found = draw(picture(columns=[{}, {P80: 0b1000}, {}, {P80: 0b0010}]))
    assert (found.certain, found.open) == ([], [])


def test_a_grant_with_a_gap_is_drawn_twice() -> None:
    """The certain ports, and the rest with its reasons sorted."""
    found = draw(picture(columns=[{}, {}, {MAYBE: 0b0010}, {}]))
    assert found.certain == [Edge(("a", "b"), ("c",), on(80))]
    assert found.open == [Edge(("a", "b"), ("c",), on(81), ("a", "b"))]
    found = draw(picture(routed={INGRESS_CONTROLLER: {2: MAYBE, 3: P80}}))
    assert found.certain[0] == Edge(("{ingress-controller}",), ("c",), on(80))
    assert found.open == [Edge(("{ingress-controller}",), ("c",), on(81), ("a", "b"))]


def test_ranges_are_cut_for_each_direction_by_itself() -> None:
    """First those of what arrives, then those of what leaves; each name once."""
    low = AddressSet(((0, 9),))
    high = AddressSet(((5, V6_BASE - 1),))
    world = AddressSet(((0, V6_BASE - 1),))
    found = draw(picture(world=world, arriving=[{}, {P80: low}, {}, {}], leaving=[{}, {}, {MAYBE: high}, {}]))
    assert found.ranges == ("0.0.0.0-0.0.0.9", "0.0.0.10-255.255.255.255", "0.0.0.0-0.0.0.4", "0.0.0.5-255.255.255.255")
    assert found.certain == [
        Edge(("0.0.0.0-0.0.0.9",), ("a", "b"), on(80)),
        Edge(("c",), ("0.0.0.5-255.255.255.255",), on(80)),
    ]
    assert found.open == [Edge(("c",), ("0.0.0.5-255.255.255.255",), on(81), ("a", "b"))]


def test_a_region_of_many_spans_is_many_ranges() -> None:
    """Adjoining ranges that fare differently are kept apart, and both families are."""
    first, second = AddressSet(((1, 2), (4, 4))), AddressSet(((3, 3), (V6_BASE, V6_BASE + 1)))
    world = AddressSet(((0, 5), (V6_BASE, V6_BASE + 9)))
    rows = [{}, {P80: first, P81: second}, {}, {}]
    found = draw(picture(world=world, arriving=rows))
    ranges = ("0.0.0.0-0.0.0.0", "0.0.0.1-0.0.0.2", "0.0.0.3-0.0.0.3", "0.0.0.4-0.0.0.4", "0.0.0.5-0.0.0.5")
    assert found.ranges[:7] == (*ranges, "::-::1", "::2-::9")
    assert found.certain == [
        Edge(("0.0.0.1-0.0.0.2", "0.0.0.4-0.0.0.4"), ("a", "b"), on(80)),
        Edge(("0.0.0.3-0.0.0.3", "::-::1"), ("a", "b"), on(81)),
    ]


def test_classes_that_fare_alike_outside_share_an_edge() -> None:
    rows = [{P81: EVERY_ADDRESS}, {P80: EVERY_ADDRESS}, {P80: EVERY_ADDRESS}, {P81: EVERY_ADDRESS}]
    found = draw(picture(arriving=rows, leaving=rows))
    assert found.certain == [Edge((V4, V6), ("a", "b", "c"), on(80)), Edge(("a", "b", "c"), (V4, V6), on(80))]
    assert found.ranges == (V4, V6)


@pytest.mark.parametrize(
    ("src", "dst", "alone", "kept"),
    [
        ("ab", "ab", "", ["ab>ab"]),
        ("ab", "ab", "c", ["ab>ab"]),
        ("ab", "ab", "a", ["b>ab", "a>b"]),
        ("ab", "ab", "ab", ["a>b", "b>a"]),
        ("a", "a", "a", []),
        ("a", "ab", "a", ["a>b"]),
        ("ab", "a", "a", ["b>a"]),
        ("ab", "cd", "abcd", ["ab>cd"]),
        ("abc", "abd", "abcd", ["c>abd", "a>bd", "b>ad"]),
    ],
)
def test_a_bare_pod_is_not_its_own_neighbour(src: str, dst: str, alone: str, kept: list[str]) -> None:
    """The rest of the edge stays whole, with its ports and what it hangs on."""
    edge = Edge(tuple(src), tuple(dst), on(80), ("why",))
    found = list(settled(edge, set(alone)))
    assert [f"{''.join(e.src)}>{''.join(e.dst)}" for e in found] == kept
    assert all((e.ports, e.assumptions) == (on(80), ("why",)) for e in found)


# --- What the whole rests on -------------------------------------------------------------------------------------

BALANCED = service("web", "shop", to(80, 80), selector=labelled(app="web"), kind="LoadBalancer")
NODE_PORT = service("web", "shop", to(80, 80), selector=labelled(app="web"), kind="NodePort")
INSIDE = service("web", "shop", to(80, 80), selector=labelled(app="web"))
OFFICE = network_policy("office", pods=labelled(app="web"), ingress=[rule(0, [block("203.0.113.0/24")])])
ANYBODY = network_policy("anybody", pods=labelled(app="web"), ingress=[rule()])
NOBODY = network_policy("nobody", pods=labelled(app="web"), ingress=[rule(0, [anyone()])])


@pytest.mark.parametrize(
    ("web", "policy", "kind"),
    [
        (BALANCED, OFFICE, "LoadBalancer"),
        (NODE_PORT, OFFICE, "NodePort"),
        (INSIDE, OFFICE, ""),
        (BALANCED, ANYBODY, ""),
        (BALANCED, NOBODY, ""),
    ],
)
def test_a_load_balancer_may_rewrite_sources(web: Thing, policy: Thing, kind: str) -> None:
    """Which matters where policies tell addresses outside apart."""
    answer = reach(cluster(workload("web"), web, policy), CALICO)
    told = (
        f"clients outside are met under their own addresses through `shop/web[Service]`, though a {kind} may put a "
        "node's address in their place"
    )
    rewritten = [line for line in answer.map().assumptions if "ICMP" not in line]
    assert rewritten == ([told] if kind else [])


def test_other_services_are_still_looked_at() -> None:
    """One that changes nothing comes first."""
    other = service("db", "shop", to(80, 80), selector=labelled(app="db"), kind="LoadBalancer")
    found = drawn(workload("web"), workload("db"), other, BALANCED, OFFICE)
    assert [line for line in found.assumptions if line.startswith("clients")] == [
        "clients outside are met under their own addresses through `shop/web[Service]`, though a LoadBalancer may put "
        "a node's address in their place"
    ]


@pytest.mark.parametrize(
    ("peers", "nodes", "told"),
    [
        ([anyone(), NodePeer(EVERYTHING)], (), True),
        ([anyone(), NodePeer(EVERYTHING)], ("192.168.0.0/24",), False),
        ([anyone()], (), False),
    ],
)
def test_a_rule_about_nodes_needs_their_addresses(peers: list[Peer], nodes: tuple[str, ...], told: bool) -> None:
    """Without `nodeCIDRs` no address outside is a node's."""
    policy = wide_policy("p", egress=[wide_rule(0, Action.ACCEPT, peers)])
    found = drawn(workload("web"), policy, platform=Platform(node_addresses=AddressSet.of(nodes)))
    sentence = "addresses outside are taken to be no node's, since the platform names no `nodeCIDRs`"
    assert found.assumptions == ((sentence, ICMP) if told else (ICMP,))


def test_gateways_are_taken_to_send_freely() -> None:
    """Which is to be said where there is a gateway and a policy."""
    sentence = "what serves ingresses and routes may send: egress policies on its own pods are not asked"
    web = service("web", "shop", to(80, 80))
    wide = wide_policy("p", egress=[wide_rule(0, Action.ACCEPT, [anyone()])])
    assert drawn(workload("web"), web, ingress(), OFFICE).assumptions == (sentence, ICMP)
    assert drawn(workload("web"), web, ingress(), wide).assumptions == (sentence, ICMP)
    assert drawn(workload("web"), web, ingress()).assumptions == ()
    assert drawn(workload("web"), web, wide).assumptions == (ICMP,)


def test_icmp_is_not_told_where_a_policy_may_deny_it() -> None:
    """Nothing is to be said where no policy is, or where the enforcer's answer is known."""
    assert drawn(workload("web")).assumptions == ()
    assert drawn(workload("web"), OFFICE).assumptions == (ICMP,)
    known = PROFILES["kube-network-policies"]
    assert reach(cluster(workload("web"), OFFICE), known).map().assumptions == ()
