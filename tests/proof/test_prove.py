"""Who is judged, what is expected of ends that are no workload, and what a proof rests on; worked out by hand."""

from __future__ import annotations

import pytest

from licet.compile.compiled import Unclosed
from licet.contracts.agreement import (
    Addresses,
    Agreement,
    Agreements,
    Domain,
    EdgeKind,
    End,
    Isolated,
    Pods,
)
from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import Direction, NetworkPolicy, PodPeer
from licet.model.ports import PortSet
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.workload import METADATA_NAME, Workload
from licet.proof.proof import Difference, Open, Proof
from licet.proof.prove import prove
from tests.analysis.small import (
    block,
    cluster,
    key,
    labelled,
    network_policy,
    pods,
    rule,
    tcp,
    workload,
)

PLACE = Place(Origin("contracts.yaml"))
WEB, CART = key("Deployment", "web"), key("Deployment", "cart")
ON_80 = PortSet.of(tcp(80))
NAMED_INFRA = Selector((Requirement(METADATA_NAME, Operator.IN, ("infra",)),))
NOT_OLD, OPS = Requirement("old", Operator.DOES_NOT_EXIST), labelled(tier="ops")
DENY = network_policy("deny", ingress=(), egress=())


def edge(src: End, dst: End, kind: EdgeKind = EdgeKind.WORKLOAD, ports: PortSet = ON_80) -> Agreement:
    return Agreement(kind, src, dst, ports, PLACE, PLACE)


def agreed(*edges: Agreement, isolated: tuple[Key, ...] = (WEB, CART), mode: Mode = Mode.ENFORCE) -> Agreements:
    return Agreements(edges, {one: Isolated(one, mode, PLACE) for one in isolated}, (), ())


def proof(agreements: Agreements, around: Cluster, *unclosed: Unclosed, profile: str = "kubernetes") -> Proof:
    return prove(agreements, around, PROFILES[profile], unclosed)


def said(found: tuple[Difference, ...]) -> list[str]:
    return [f"{one.witness.src} -> {one.witness.dst}: {one.ports}, {one.count}" for one in found]


def addresses(*blocks: str) -> Addresses:
    return Addresses(AddressSet.of(blocks), ", ".join(blocks))


def allow(src: Workload, dst: Workload) -> tuple[NetworkPolicy, ...]:
    """Both halves of an edge on port 80."""
    return (
        network_policy("out", pods=labelled(app=src.key.name), egress=[rule(0, [pods(app=dst.key.name)], [tcp(80)])]),
        network_policy("in", pods=labelled(app=dst.key.name), ingress=[rule(0, [pods(app=src.key.name)], [tcp(80)])]),
    )


def test_a_whole_proof() -> None:
    """Everything that stands in it, once."""
    web, cart = workload("web"), workload("cart")
    told = proof(agreed(edge(WEB, CART)), cluster(web, cart, DENY, *allow(web, cart)))
    assert told == Proof(
        "kubernetes",
        workloads=2,
        agreed=1,
        permitted=1,
        assumptions=(
            "a pod and the node that runs it always reach each other, which kubelet probes rest on",
            "namespaces that no manifest holds bear no labels but their names; pods there may bear any",
            "pods that no manifest holds, in namespaces that one does, bear no labels but those of the Platform",
            "ICMP and protocols other than TCP, UDP and SCTP are not told: enforcers deny them or let them through",
        ),
    )


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.SHADOW, Mode.CANARY])
def test_nobody_is_judged_who_is_not_enforced(mode: Mode) -> None:
    """Without a policy everything is open, and that is as it should be."""
    told = proof(agreed(mode=mode), cluster(workload("web"), workload("cart")))
    assert (told.holds, told.workloads, told.permitted) == (True, 0, 0)


def test_callers_are_not_judged_where_a_contract_says_nothing_of_them() -> None:
    """An annotation holds calls only."""
    web = workload("web")
    only_calls = Agreements((), {WEB: Isolated(WEB, Mode.ENFORCE, PLACE, ingress=False)}, (), ())
    deny_egress = network_policy("deny", egress=())
    assert proof(only_calls, cluster(web, workload("cart"), deny_egress)).holds
    assert not proof(agreed(isolated=(WEB,)), cluster(web, workload("cart"), deny_egress)).holds


def test_two_workloads_that_no_policy_tells_apart_are_still_two() -> None:
    """Agreed with one of two that bear the same labels, permitted for both."""
    web, cart, twin = workload("web"), workload("cart"), workload("twin", bears={"app": "web"})
    told = proof(agreed(edge(WEB, CART)), cluster(web, cart, twin, DENY, *allow(web, cart)))
    assert said(told.excess) == ["shop/twin[Deployment] -> shop/cart[Deployment]: TCP 80, 1"]


def test_pods_of_an_owner_are_the_owner() -> None:
    """A pod that differs from its template is expected to do what the template's may do."""
    web, cart = workload("web"), workload("cart")
    canary = workload("web-1", kind="Pod", owner=WEB, bears={"app": "web", "track": "canary"})
    told = proof(agreed(edge(WEB, CART)), cluster(web, canary, cart, DENY, *allow(web, cart)))
    assert (told.holds, told.agreed) == (True, 2)


def test_a_bare_pod_reaches_itself_and_nobody_needs_to_agree() -> None:
    pod = workload("solo", kind="Pod")
    deny_none = network_policy("in", ingress=[rule(0, [pods(app="solo")])], egress=[rule(0, [pods(app="solo")])])
    assert proof(agreed(isolated=(pod.key,)), cluster(pod, deny_none)).holds
    replicas = workload("solo")
    told = proof(agreed(isolated=(replicas.key,)), cluster(replicas, deny_none))
    assert said(told.excess) == ["shop/solo[Deployment] -> shop/solo[Deployment]: all ports, 1"]


def test_a_gateway_with_a_contract_of_its_own_must_agree_to_its_calls() -> None:
    """By its labels alone it is expected only while nobody isolates it."""
    gateway, cart = workload("gateway"), workload("cart")
    by_labels = edge(Pods("shop", labelled(app="gateway"), "gateway shop/public"), CART, EdgeKind.GATEWAY)
    around = cluster(gateway, cart, DENY, *allow(gateway, cart))
    assert proof(agreed(by_labels, isolated=(CART,)), around).holds
    told = proof(agreed(by_labels, isolated=(CART, gateway.key)), around)
    assert said(told.excess) == ["shop/gateway[Deployment] -> shop/cart[Deployment]: TCP 80, 1"]
    assert proof(agreed(by_labels, edge(gateway.key, CART), isolated=(CART, gateway.key)), around).holds


def test_every_pod_of_a_namespace_is_expected_where_an_end_means_that() -> None:
    """The stranger of that namespace too, whether a manifest holds the namespace or not."""
    policies = [
        network_policy("deny", ingress=(), egress=()),
        network_policy("in", ingress=[rule(0, [PodPeer(NAMED_INFRA, EVERYTHING)], [tcp(80)])]),
    ]
    end = Pods("infra", EVERYTHING, "gateway infra/public")
    told = proof(agreed(edge(end, CART, EdgeKind.GATEWAY), isolated=(CART,)), cluster(workload("cart"), *policies))
    assert (told.holds, told.agreed) == (True, 1)
    assert not proof(agreed(isolated=(CART,)), cluster(workload("cart"), *policies)).holds


@pytest.mark.parametrize(
    ("admitted", "witness"),
    [
        (labelled(app="evil"), "a pod of infra with app=evil"),
        (labelled(app="scraper"), "a pod of infra with app=scraper"),
        (Selector((Requirement("app", Operator.IN, ("scraper", "evil")),)), "a pod of infra with app=scraper"),
        (
            Selector((Requirement("app", Operator.IN, ("scraper", "evil")), NOT_OLD, *OPS.requirements)),
            "a pod of infra with app=evil, tier=ops",
        ),
        (labelled(app="scraper", tier="ops"), "a pod of infra with app=scraper, tier=ops, old=any"),
    ],
)
def test_pods_that_no_manifest_holds_are_told_apart_by_their_labels(admitted: Selector, witness: str) -> None:
    """A rule for others than those agreed on is as wrong beside the right one, where no manifest holds them."""
    wanted = Selector((Requirement("app", Operator.IN, ("scraper",)), NOT_OLD, *OPS.requirements))
    calls = agreed(edge(Pods("infra", wanted, "metrics in infra"), CART, EdgeKind.METRICS), isolated=(CART,))
    right = rule(0, [PodPeer(NAMED_INFRA, wanted)], [tcp(80)])
    assert proof(calls, cluster(workload("cart"), network_policy("in", ingress=[right], egress=()))).holds
    more = rule(1, [PodPeer(NAMED_INFRA, admitted)], [tcp(80)])
    told = proof(calls, cluster(workload("cart"), network_policy("in", ingress=[right, more], egress=())))
    assert [one.witness.src for one in told.excess] == [witness]


def test_what_the_target_cannot_refuse_is_told_and_is_no_excess() -> None:
    """Addresses of that workload in that direction; nothing else is forgiven."""
    web = workload("web")
    open_in = [
        network_policy("in", ingress=[rule(0, [block("0.0.0.0/0"), block("::/0")])]),
        network_policy("out", egress=()),
    ]
    unclosed = Unclosed(WEB, Direction.INGRESS, "it cannot refuse addresses")
    told = proof(agreed(isolated=(WEB,)), cluster(web, *open_in), unclosed, profile="cilium")
    assert (told.holds, told.open) == (True, (Open(WEB, Direction.INGRESS, "it cannot refuse addresses"),))
    assert not proof(agreed(isolated=(WEB,)), cluster(web, *open_in), profile="cilium").holds
    assert proof(agreed(isolated=(WEB,)), cluster(web, DENY), unclosed).open == ()


def test_a_name_outside_is_not_judged() -> None:
    """Nothing is expected of it, and what is open for it is in excess like anything else."""
    call = edge(WEB, Domain("api.example.com"), EdgeKind.DOMAIN)
    told = proof(agreed(call, isolated=(WEB,)), cluster(workload("web"), DENY))
    assert told.holds
    assert [(one.agreement, one.reason) for one in told.unjudged] == [
        (call, "a DNS name such as `api.example.com` is no address")
    ]


ARCHIVE = edge(WEB, addresses("10.20.0.0/16"), EdgeKind.CIDR)
TO_ARCHIVE = network_policy(
    "out", pods=labelled(app="web"), ingress=(), egress=[rule(0, [block("10.20.0.0/16")], [tcp(80)])]
)
NO_POD = "no pod has an address in 10.20.0.0/16: `podCIDRs` of the Platform would settle it"


@pytest.mark.parametrize(
    ("platform", "profile", "assumed"),
    [
        (Platform(), "kubernetes", [NO_POD]),
        (Platform(), "calico", [NO_POD]),
        (Platform(), "cilium", []),
        (Platform(pod_addresses=AddressSet.of(["10.244.0.0/16"])), "calico", []),
    ],
)
def test_a_block_that_may_hold_pods_is_assumed_to_hold_none(
    platform: Platform, profile: str, assumed: list[str]
) -> None:
    """Said once, and only where the Platform and the enforcer do not settle it."""
    around = cluster(workload("web"), workload("cart"), TO_ARCHIVE, platform=platform)
    told = proof(agreed(ARCHIVE, isolated=(WEB,)), around, profile=profile)
    assert told.holds
    assert [one for one in told.assumptions if "no pod has" in one] == assumed


WORLD = Addresses(EVERY_ADDRESS, "the world")
TO_WORLD = network_policy(
    "out", pods=labelled(app="web"), ingress=(), egress=[rule(0, [block("0.0.0.0/0"), block("::/0")], [tcp(80)])]
)


def test_a_block_that_surely_holds_pods_is_in_excess_where_the_enforcer_matches_them() -> None:
    """Unless it is not known whether it does: then that is assumed, aloud."""
    around = cluster(workload("web"), workload("cart"), TO_WORLD)
    call = edge(WEB, WORLD, EdgeKind.WORLD)
    told = proof(agreed(call, isolated=(WEB,)), around, profile="calico")
    assert [one.witness.dst for one in told.excess] == ["shop/cart[Deployment]"]
    assert proof(agreed(call, isolated=(WEB,)), around, profile="cilium").holds
    told = proof(agreed(call, isolated=(WEB,)), around)
    assert told.holds
    assert "the enforcer does not match 0.0.0.0/0 against pods: " in " ".join(told.assumptions)


@pytest.mark.parametrize("pod_addresses", ["10.0.0.0/8", "10.20.128.0/17"])
def test_a_block_that_holds_addresses_said_to_be_pods_is_not_assumed_away(pod_addresses: str) -> None:
    """Some of the pods, or all: which of them lie in the block, nobody says."""
    platform = Platform(pod_addresses=AddressSet.of([pod_addresses]))
    around = cluster(workload("web"), workload("cart"), TO_ARCHIVE, platform=platform)
    told = proof(agreed(ARCHIVE, isolated=(WEB,)), around, profile="calico")
    assert not told.holds
    assert "shop/cart[Deployment]" in [one.witness.dst for one in (*told.excess, *told.unproved)]


def test_one_family_of_two_is_not_assumed_away() -> None:
    """Pods have both, so a block that holds all their IPv4 addresses does match them."""
    both = Platform(pod_addresses=AddressSet.of(["10.20.0.0/16", "fd00::/64"]))
    told = proof(
        agreed(ARCHIVE, isolated=(WEB,)),
        cluster(workload("web"), workload("cart"), TO_ARCHIVE, platform=both),
        profile="calico",
    )
    assert not told.holds
    assert [one.witness.dst for one in told.unproved] == ["shop/cart[Deployment]"]


def test_nodes_are_no_excess_unless_a_rule_lets_them_in() -> None:
    """A pod and its node always reach each other; a rule for all nodes is another matter."""
    platform = Platform(node_addresses=AddressSet.of(["192.168.0.0/24"]))
    assert proof(agreed(isolated=(WEB,)), cluster(workload("web"), DENY, platform=platform)).holds
    let_in = network_policy("in", ingress=[rule(0, [block("192.168.0.0/24")], [tcp(80)])], egress=())
    around = cluster(workload("web"), let_in, platform=platform)
    told = proof(agreed(isolated=(WEB,)), around)
    assert said(told.excess) == ["192.168.0.0 -> shop/web[Deployment]: TCP 80, 1"]
    nodes = edge(addresses("192.168.0.0/24"), WEB, EdgeKind.NODES)
    assert proof(agreed(nodes, isolated=(WEB,)), around).holds
    told = proof(agreed(nodes, isolated=(WEB,)), cluster(workload("web"), DENY, platform=platform))
    assert said(told.unproved) == ["192.168.0.0 -> shop/web[Deployment]: TCP 80, 1"]


def test_nothing_is_said_of_pods_on_the_network_of_their_node() -> None:
    """Nor is it left unsaid that nothing is."""
    told = proof(agreed(isolated=(WEB,)), cluster(workload("web"), workload("agent", host=True), DENY))
    assert told.holds
    assert "nothing is proved of hostNetwork pods: their traffic is their node's" in told.assumptions


def test_one_wrong_rule_is_one_difference() -> None:
    """However many pairs it lets through."""
    others = [workload(f"other{i}") for i in range(30)]
    let_in = network_policy("in", pods=labelled(app="web"), ingress=[rule(0, [pods()], [tcp(80)])], egress=())
    told = proof(agreed(isolated=(WEB,)), cluster(workload("web"), *others, let_in))
    assert said(told.excess) == ["shop/other0[Deployment] -> shop/web[Deployment]: TCP 80, 31"]


def test_very_many_wrong_rules_are_counted() -> None:
    """The first hundred are looked into; of the rest it is told how many pairs they are."""
    others = [workload(f"w{i}") for i in range(130)]
    policies = [
        network_policy(f"in{i}", pods=labelled(app=f"w{i}"), ingress=[rule(0, [pods()], [tcp(80)])], egress=())
        for i in range(130)
    ]
    told = proof(agreed(isolated=tuple(one.key for one in others)), cluster(*others, *policies))
    assert len(told.excess) == 101
    assert (told.excess[-1].cause, told.excess[-1].count) == (None, 30)
