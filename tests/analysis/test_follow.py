"""Why, through a name: each step from a Service, an ingress or a gateway stands before what is decided at the pod."""

from __future__ import annotations

import msgspec
import pytest

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.follow import Follower, Sender
from licet.analysis.reach import reach
from licet.diag.place import Place
from licet.model.addresses import AddressSet
from licet.model.platform import GatewayFact, Platform
from licet.model.policy import Direction, PodPeer
from licet.model.ports import Protocol
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.service import Route, Service, SlicePort
from licet.model.verdict import Cause, Explanation, Verdict
from tests.analysis.small import (
    GATEWAY_API,
    Thing,
    backend,
    cluster,
    endpoint_slice,
    gateway,
    ingress,
    key,
    labelled,
    listener,
    namespace,
    network_policy,
    parent,
    pods,
    reference_grant,
    route,
    rule,
    service,
    tcp,
    to,
    workload,
)
from tests.analysis.test_routed import PORTS, cases

TCP, UDP, SCTP = Protocol
PROFILE = PROFILES["kube-network-policies"]
WEB, CART, TWIN = workload("web"), workload("cart", role="cart"), workload("twin", role="cart")
SERVICE = service("cart", "shop", to(80, 8080, "http"), to(53, 5353, "dns", UDP), selector=labelled(role="cart"))
FROM_WEB = Sender("shop/web[Deployment]", WEB.key)
CONTROLLER = Sender("{ingress-controller}", INGRESS_CONTROLLER, INGRESS_CONTROLLER)
EDGE_KEY = key("Gateway", "edge")
EDGE = Sender("the edge", INGRESS_CONTROLLER, EDGE_KEY)
EDGE_ID = "shop/edge[Gateway.gateway.networking.k8s.io]"


def follower(*things: Thing, platform: Platform | None = None) -> Follower:
    """Three pods, two of them alike, and what is around them."""
    return Follower(cluster(WEB, CART, TWIN, *things, platform=platform or Platform()), PROFILE)


def open_(direction: Direction, name: str) -> Cause:
    """Nothing restricts."""
    text = f"no policy isolates `shop/{name}[Deployment]` for {direction.value}: what no policy restricts is open"
    return Cause("Default", direction, None, "", "allow", text)


def led(to_: str, index: int = 0, text: str = "from port 80 to TCP 8080", of: Service = SERVICE) -> Cause:
    """A step from a Service to a pod."""
    place = Place(of.origin, ("spec", "ports", index))
    return Cause("Service", None, of.key, "", "leads", f"`{of.key}` leads {text} of `shop/{to_}[Deployment]`", place)


def nowhere(of: Service, text: str) -> Explanation:
    """Why a Service leads to nothing."""
    cause = Cause("Service", None, of.key, "", "deny", f"`{of.key}` {text}", Place(of.origin, ("spec",), key=True))
    return Explanation(Verdict.DENY, (cause,))


LEAVES = open_(Direction.EGRESS, "web")


def test_every_pod_behind_a_service_is_told() -> None:
    """Each with its step; what is said of the sender is said once."""
    found = follower(SERVICE).to_service(FROM_WEB, SERVICE, TCP, 80)
    assert found == Explanation(
        Verdict.ALLOW,
        (led("cart"), LEAVES, open_(Direction.INGRESS, "cart"), led("twin"), open_(Direction.INGRESS, "twin")),
    )


def test_pods_behind_a_service_that_fare_differently() -> None:
    """Which of them takes the connection nobody knows."""
    closed = network_policy("closed", pods=labelled(app="twin"), ingress=[])
    found = follower(SERVICE, closed).to_service(FROM_WEB, SERVICE, TCP, 80)
    assert found.verdict is Verdict.UNDETERMINED
    assert found.assumptions == ("which of the pods behind the name takes the connection",)
    assert [c.effect for c in found.because] == ["leads", "allow", "allow", "leads", "deny"]
    closed = network_policy("closed", pods=labelled(role="cart"), ingress=[])
    assert follower(SERVICE, closed).to_service(FROM_WEB, SERVICE, TCP, 80).verdict is Verdict.DENY


def test_policies_see_the_pods_port() -> None:
    """Never the Service's."""
    for port, verdict in ((8080, Verdict.ALLOW), (80, Verdict.DENY)):
        policy = network_policy("p", pods=labelled(role="cart"), ingress=[rule(0, [pods(app="web")], [tcp(port)])])
        assert follower(SERVICE, policy).to_service(FROM_WEB, SERVICE, TCP, 80).verdict is verdict


@pytest.mark.parametrize(
    ("protocol", "port", "text"),
    [
        (TCP, 8080, "has no port TCP 8080; it has TCP 80, UDP 53"),
        (UDP, 80, "has no port UDP 80; it has TCP 80, UDP 53"),
        (SCTP, 53, "has no port SCTP 53; it has TCP 80, UDP 53"),
    ],
)
def test_a_port_that_a_service_has_not(protocol: Protocol, port: int, text: str) -> None:
    assert follower(SERVICE).to_service(FROM_WEB, SERVICE, protocol, port) == nowhere(SERVICE, text)


def test_services_that_lead_to_no_pod() -> None:
    """Nobody is selected, or it leads out, or it has no ports at all; a headless one refuses no port."""
    nobody = service("x", "shop", to(80, 8080), selector=labelled(app="x"))
    out = msgspec.structs.replace(service("x", selector=None, kind="ExternalName"), external_name="a.example")
    bare = service("x", selector=None)
    headless = msgspec.structs.replace(SERVICE, headless=True)
    ask = follower(nobody, headless)
    assert ask.to_service(FROM_WEB, nobody, TCP, 80) == nowhere(nobody, "leads to no pod on TCP 80")
    text = "`shop/x[Service]` is another name for `a.example`: ask about its address"
    place = Place(out.origin, ("spec",), key=True)
    assert ask.to_service(FROM_WEB, out, TCP, 80) == Explanation(
        Verdict.UNDETERMINED,
        (Cause("Service", None, out.key, "", "undetermined", text, place),),
        ("what the name `a.example` resolves to",),
    )
    assert ask.to_service(FROM_WEB, bare, TCP, 80) == nowhere(bare, "has no port TCP 80; it has none")
    for port in (80, 8080):
        found = ask.to_service(FROM_WEB, headless, TCP, port)
        assert (found.verdict, found.because[0].text) == (
            Verdict.ALLOW,
            "`shop/cart[Service]` is headless and stands for the addresses of `shop/cart[Deployment]`",
        )


@pytest.mark.parametrize(("protocol", "port", "verdict"), [(TCP, 9, True), (UDP, 9, False), (TCP, 8, False)])
def test_a_headless_service_is_its_pods(protocol: Protocol, port: int, verdict: bool) -> None:
    """By its selector or its slices; policies see the port that was asked about."""
    policy = network_policy("p", pods=labelled(role="cart"), ingress=[rule(0, None, [tcp(9)])])
    solo = workload("solo", kind="Pod", role="cart")
    by_labels = msgspec.structs.replace(SERVICE, headless=True)
    by_slices = msgspec.structs.replace(by_labels, selector=None)
    things: list[Thing] = [policy, solo, endpoint_slice("cart", "shop", pods=["solo"])]
    for of, first in ((by_labels, "shop/cart[Deployment]"), (by_slices, "shop/solo[Pod]")):
        found = follower(*things, of).to_service(FROM_WEB, of, protocol, port)
        text = f"`{of.key}` is headless and stands for the addresses of `{first}`"
        place = Place(of.origin, ("spec",), key=True)
        assert found.because[0] == Cause("Service", None, of.key, "", "leads", text, place)
        assert found.verdict is (Verdict.ALLOW if verdict else Verdict.DENY)
    empty = msgspec.structs.replace(by_slices, key=key("Service", "empty", "shop", ""))
    assert follower(*things, empty).to_service(FROM_WEB, empty, TCP, 9) == nowhere(empty, "leads to no pod on TCP 9")


def test_a_headless_service_that_perhaps_selects() -> None:
    hashed = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    maybe = msgspec.structs.replace(service("maybe", "shop", selector=hashed), headless=True)
    run = workload("run", runtime=["pod-template-hash"])
    label = "label `pod-template-hash`, set when pods run, has the value that a policy asks for"
    found = follower(maybe, run).to_service(FROM_WEB, maybe, TCP, 80)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (label,))


def test_other_ports_of_a_service_lead_elsewhere() -> None:
    """The step points at the entry of `ports`."""
    found = follower(SERVICE).to_service(FROM_WEB, SERVICE, UDP, 53)
    assert found.because[0] == led("cart", 1, "from port 53 to UDP 5353")


def test_a_service_that_perhaps_selects() -> None:
    """An allow is then not certain, a deny still is."""
    hashed = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    maybe = service("maybe", "shop", to(80, 8080), selector=hashed)
    run = workload("run", runtime=["pod-template-hash"])
    label = "label `pod-template-hash`, set when pods run, has the value that a policy asks for"
    found = follower(maybe, run).to_service(FROM_WEB, maybe, TCP, 80)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (label,))
    assert found.because == (led("run", of=maybe), LEAVES, open_(Direction.INGRESS, "run"))
    closed = network_policy("closed", ingress=[])
    found = follower(maybe, run, closed).to_service(FROM_WEB, maybe, TCP, 80)
    assert (found.verdict, found.assumptions) == (Verdict.DENY, ())


def test_endpoints_that_restrict_no_port() -> None:
    """EndpointPort.port: "If this is not specified, ports are not restricted": the port asked about stays."""
    solo = workload("solo", kind="Pod")
    by_slice = service("x", "shop", to(9, 9), selector=None)
    policy = network_policy("p", pods=labelled(app="solo"), ingress=[rule(0, None, [tcp(9)])])
    front = ingress("front", "shop", backend("x", port=9))
    things: list[Thing] = [
        solo,
        by_slice,
        policy,
        front,
        endpoint_slice("x", "shop", SlicePort("", TCP, None), pods=["solo"]),
    ]
    ask = follower(*things)
    found = ask.to_service(FROM_WEB, by_slice, TCP, 9)
    assert (found.verdict, found.because[0].text) == (
        Verdict.ALLOW,
        "`shop/x[Service]` leads from port 9 to every TCP port of `shop/solo[Pod]`",
    )
    assert ask.to_route(CONTROLLER, front, TCP).verdict is Verdict.ALLOW
    routed = reach(cluster(WEB, CART, TWIN, *things), PROFILE)
    grant = routed.routed[INGRESS_CONTROLLER][routed.population.class_of[solo.key]]
    for port in (1, 8, 9, 10):
        assert ask.to_pods(CONTROLLER, solo.key, TCP, port).verdict is grant.verdict((TCP, port))


def test_a_route_that_names_one_port_of_endpoints_that_restrict_none() -> None:
    """The map and `why` alike: only that port."""
    solo = workload("solo", kind="Pod")
    by_slice = service("x", "shop", to(9, 9), selector=None)
    front = ingress("front", "shop", backend("x", port=None, target=7), kind="Route")
    things: list[Thing] = [solo, by_slice, front, endpoint_slice("x", "shop", SlicePort("", TCP, None), pods=["solo"])]
    routed = reach(cluster(WEB, *things), PROFILE)
    grant = routed.routed[INGRESS_CONTROLLER][routed.population.class_of[solo.key]]
    assert str(grant.must) == str(grant.may) == "TCP 7"
    said = [follower(*things).to_pods(CONTROLLER, solo.key, TCP, port).verdict for port in (7, 9)]
    assert said == [Verdict.ALLOW, Verdict.DENY]


# --- An owner's name ---------------------------------------------------------------------------------------------

OWNER = key("StatefulSet", "db", group="apps")
REPLICAS = [workload(f"db-{i}", kind="Pod", owner=OWNER, app="db", replica=str(i)) for i in range(3)]
CLOSED = network_policy("closed", pods=labelled(replica="0"), ingress=[])
FROM_DB = Sender("db", OWNER)


def test_an_owner_stands_for_all_its_pods() -> None:
    """As a destination and as a sender: what holds for some of them is not certain."""
    asks = follower(*REPLICAS)
    assert asks.to_pods(FROM_WEB, OWNER, TCP, 80).verdict is Verdict.ALLOW
    which = ("which of the pods that go by the name it is",)
    found = follower(*REPLICAS, CLOSED).to_pods(FROM_WEB, OWNER, TCP, 80)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, which)
    mute = network_policy("mute", pods=labelled(replica="2"), egress=[])
    asks = follower(*REPLICAS, SERVICE, mute)
    here = AddressSet.of(["203.0.113.7"]).spans[0][0]
    answers = [
        asks.to_pods(FROM_DB, WEB.key, TCP, 80),
        asks.to_address(FROM_DB, here, TCP, 80),
        asks.to_service(FROM_DB, SERVICE, TCP, 80),
    ]
    assert [(found.verdict, found.assumptions) for found in answers] == [(Verdict.UNDETERMINED, which)] * 3


def test_replicas_of_one_owner_are_asked_about_each_other() -> None:
    """Not whether a pod reaches itself, which it always does."""
    shut = network_policy("shut", pods=labelled(app="db"), ingress=[])
    assert follower(*REPLICAS, shut).to_pods(FROM_DB, OWNER, TCP, 80).verdict is Verdict.DENY
    assert follower(*REPLICAS, shut).to_pods(Sender("db-0", REPLICAS[0].key), OWNER, TCP, 80).verdict is Verdict.DENY
    alone = follower(REPLICAS[0], shut).to_pods(FROM_DB, OWNER, TCP, 80)
    assert alone.verdict is Verdict.ALLOW


def test_a_gateway_leads_to_an_owner() -> None:
    """By its routes, to each of its pods."""
    own = service("db", "shop", to(80, 80), selector=labelled(app="db"))
    front = ingress("front", "shop", backend("db", port=80))
    assert follower(*REPLICAS, own, front).to_pods(CONTROLLER, OWNER, TCP, 80).verdict is Verdict.ALLOW
    found = follower(*REPLICAS, own, front, CLOSED).to_pods(CONTROLLER, OWNER, TCP, 80)
    assert found.verdict is Verdict.UNDETERMINED


# --- Routes ------------------------------------------------------------------------------------------------------


def step(of: Route, gateway_name: str, target: str = "shop/cart") -> Cause:
    """A step from a route to a Service."""
    text = f"`{of.key}` leads `{gateway_name}` to the Service `{target}`"
    place = next(b.place for b in of.backends if f"{b.namespace}/{b.name}" == target)
    return Cause("Route", None, of.key, "", "leads", text, place)


FRONT = ingress("front", "shop", backend("cart", port=80))


def test_an_ingress_leads_its_controller_to_the_pods() -> None:
    """The controller itself asks: what no manifest holds is no question."""
    found = follower(SERVICE, FRONT).to_route(CONTROLLER, FRONT, TCP)
    assert found == Explanation(
        Verdict.ALLOW,
        (
            step(FRONT, "{ingress-controller}"),
            led("cart"),
            open_(Direction.INGRESS, "cart"),
            led("twin"),
            open_(Direction.INGRESS, "twin"),
        ),
    )


def test_whether_a_sender_reaches_the_controller_no_manifest_says() -> None:
    """But where nothing is behind it, that is certain."""
    reason = "`shop/web[Deployment]` reaches what serves `shop/front[Ingress]`"
    first = Cause("Route", None, None, "", "undetermined", f"no manifest says whether {reason}")
    own = follower(SERVICE, FRONT).to_route(CONTROLLER, FRONT, TCP)
    found = follower(SERVICE, FRONT).to_route(FROM_WEB, FRONT, TCP)
    assert found == Explanation(Verdict.UNDETERMINED, (first, *own.because), (reason,))
    nothing = Cause("Route", None, FRONT.key, "", "deny", "`shop/front[Ingress]` leads to no pod", Place(FRONT.origin))
    assert follower(FRONT).to_route(FROM_WEB, FRONT, TCP) == Explanation(Verdict.DENY, (nothing,))
    closed = network_policy("closed", ingress=[])
    assert follower(SERVICE, FRONT, closed).to_route(FROM_WEB, FRONT, TCP).verdict is Verdict.DENY


def test_assumptions_of_the_way_follow_those_of_the_sender() -> None:
    """A gateway that no manifest declares may serve the route."""
    asks = route(parent(), backends=[backend("cart", port=80)])
    doubt = f"gateway `{EDGE_ID}`, which no manifest declares, accepts the route"
    reason = "`shop/web[Deployment]` reaches what serves `shop/r[HTTPRoute.gateway.networking.k8s.io]`"
    found = follower(SERVICE, asks).to_route(FROM_WEB, asks, TCP)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (reason, doubt))
    assert follower(SERVICE, asks).to_route(EDGE, asks, TCP).assumptions == (doubt,)


def test_a_gateway_reaches_a_pod_where_a_route_leads_it_there() -> None:
    """On that port only; other gateways' routes do not count."""
    asks = route(parent(), backends=[backend("cart", port=80)])
    ask = follower(SERVICE, asks, FRONT, gateway(listener()))
    assert ask.to_pods(EDGE, CART.key, TCP, 8080) == Explanation(
        Verdict.ALLOW, (step(asks, EDGE_ID), led("cart"), open_(Direction.INGRESS, "cart"))
    )
    assert ask.to_pods(CONTROLLER, TWIN.key, TCP, 8080).because[:2] == (
        step(FRONT, "{ingress-controller}"),
        led("twin"),
    )
    for pod, protocol, port in ((CART, TCP, 80), (WEB, TCP, 8080), (CART, UDP, 5353)):
        text = f"no route leads `the edge` to `{pod.key}` on {protocol.name} {port}"
        nothing = Cause("Route", None, None, "", "deny", text)
        assert ask.to_pods(EDGE, pod.key, protocol, port) == Explanation(Verdict.DENY, (nothing,))


def test_a_workload_needs_no_route() -> None:
    found = follower(SERVICE).to_pods(FROM_WEB, CART.key, TCP, 9)
    assert found == Explanation(Verdict.ALLOW, (LEAVES, open_(Direction.INGRESS, "cart")))


def test_one_way_that_is_open_is_enough() -> None:
    """Whichever of the ways comes first in the manifests: the controllers run in different namespaces."""
    inside = PodPeer(labelled(**{"kubernetes.io/metadata.name": "inside"}), EVERYTHING)
    policy = network_policy("p", pods=labelled(app="cart"), ingress=[rule(0, [inside])])
    platform = Platform(gateways=(GatewayFact("near", "inside"), GatewayFact("far", "outside")))
    fronts = [ingress(name, "shop", backend("cart", port=80), class_name=name) for name in ("near", "far")]
    for ordered in (fronts, fronts[::-1]):
        found = follower(SERVICE, policy, *ordered, platform=platform).to_pods(CONTROLLER, CART.key, TCP, 8080)
        assert found.verdict is Verdict.ALLOW
        assert found.because[0] == step(fronts[0], "{ingress-controller}")
        alone = follower(SERVICE, policy, fronts[1], platform=platform).to_pods(CONTROLLER, CART.key, TCP, 8080)
        assert alone.verdict is Verdict.DENY


def test_a_sure_way_comes_before_a_doubtful_one() -> None:
    """The first listener's namespaces are not known."""
    asks = route(parent(), backends=[backend("maybe", port=80), backend("cart", port=80)])
    hashed = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    run = workload("run", runtime=["pod-template-hash"], role="cart")
    maybe = service("maybe", "shop", to(80, 8080), selector=hashed)
    found = follower(maybe, run, SERVICE, asks, gateway(listener())).to_pods(EDGE, run.key, TCP, 8080)
    assert (found.verdict, found.assumptions) == (Verdict.ALLOW, ())


def test_a_backend_elsewhere_needs_leave() -> None:
    there = service("cart", "data", to(80, 8080))
    pod = workload("db", "data")
    asks = route(parent(), backends=[backend("cart", "data")])
    things: list[Thing] = [there, pod, asks, gateway(listener()), namespace("data")]
    leave = reference_grant("data", [(GATEWAY_API, "HTTPRoute", "shop")], [("", "Service", "")])
    assert follower(*things).to_pods(EDGE, pod.key, TCP, 8080).verdict is Verdict.DENY
    found = follower(*things, leave).to_pods(EDGE, pod.key, TCP, 8080)
    assert (found.verdict, found.because[0]) == (Verdict.ALLOW, step(asks, EDGE_ID, "data/cart"))


def test_a_step_that_is_sure_keeps_what_the_pod_hangs_on() -> None:
    """The Service surely leads there; whether the pod lets the sender in is not known."""
    hashed = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    policy = network_policy("p", pods=labelled(role="cart"), ingress=[rule(0, [PodPeer(None, hashed)])])
    run = workload("run", runtime=["pod-template-hash"])
    label = "label `pod-template-hash`, set when pods run, has the value that a policy asks for"
    found = follower(SERVICE, policy, run).to_service(Sender("run", run.key), SERVICE, TCP, 80)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (label,))


@pytest.mark.parametrize(("protocol", "port", "verdict"), [(TCP, 9, True), (UDP, 9, False), (TCP, 8, False)])
def test_protocol_and_port_are_those_asked_about(protocol: Protocol, port: int, verdict: bool) -> None:
    """Of a pod and of an address."""
    here = AddressSet.of(["203.0.113.7"]).spans[0][0]
    policy = network_policy("p", pods=labelled(app="web"), egress=[rule(0, None, [tcp(9)])])
    ask = follower(policy)
    for found in (ask.to_pods(FROM_WEB, CART.key, protocol, port), ask.to_address(FROM_WEB, here, protocol, port)):
        assert found.verdict is (Verdict.ALLOW if verdict else Verdict.DENY)


def test_a_backend_without_leave_does_not_stop_the_next() -> None:
    asks = route(parent(), backends=[backend("cart", "data"), backend("cart", port=80)])
    things: list[Thing] = [SERVICE, service("cart", "data", to(80, 8080)), asks, gateway(listener()), namespace("data")]
    assert follower(*things).to_pods(EDGE, CART.key, TCP, 8080).verdict is Verdict.ALLOW


def test_a_gateway_runs_where_the_platform_says() -> None:
    """By its own namespace and name, whatever else the platform names."""
    near = PodPeer(None, EVERYTHING)
    policy = network_policy("p", pods=labelled(role="cart"), ingress=[rule(0, [near])])
    asks = route(parent(), backends=[backend("cart", port=80)])
    for facts, verdict in (
        ((GatewayFact("edge", "shop"),), Verdict.ALLOW),
        ((GatewayFact("nginx", "outside"), GatewayFact("edge", "shop")), Verdict.ALLOW),
        ((GatewayFact("nginx", "outside"),), Verdict.UNDETERMINED),
    ):
        ask = follower(SERVICE, policy, asks, gateway(listener()), platform=Platform(gateways=facts))
        assert ask.to_pods(EDGE, CART.key, TCP, 8080).verdict is verdict


def test_addresses_are_asked_about_directly() -> None:
    """From a workload; outside to outside is no question."""
    here = AddressSet.of(["203.0.113.7"]).spans[0][0]
    assert follower().to_address(FROM_WEB, here, TCP, 443) == Explanation(Verdict.ALLOW, (LEAVES,))
    with pytest.raises(ValueError, match="outside"):
        follower().to_address(Sender("there", here), here, TCP, 443)


@pytest.mark.parametrize("seed", range(20))
def test_a_way_is_what_the_map_says(seed: int) -> None:
    """Over random clusters with routes: the verdict for a gateway and a pod's port is that of the whole answer."""
    for _, made, profile in cases(3, seed):
        answer, ask = reach(made, profile), Follower(made, profile)
        for source, grants in answer.routed.items():
            for pod in made.workloads:
                grant = grants.get(answer.population.class_of[pod.key], answer.grants.denied)
                for port in PORTS:
                    found = ask.to_pods(Sender("g", INGRESS_CONTROLLER, source), pod.key, TCP, port)
                    assert found.verdict is grant.verdict((TCP, port))
