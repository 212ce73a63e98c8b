"""A difference holds each packet whose verdict changed, in the one list where it belongs, and no other packet."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from licet.analysis.diff import Difference, diff
from licet.analysis.reach import Reach, reach
from licet.model.addresses import AddressSet, range_from_text
from licet.model.cluster import Cluster
from licet.model.edge import Edge
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import PodPeer
from licet.model.ports import ALL_PORTS, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.model.selector import Operator, Requirement, Selector
from licet.model.verdict import Verdict
from tests.analysis.small import Thing, anyone, key, labelled, network_policy, pods, rule, tcp, workload
from tests.analysis.small import cluster as cluster_of
from tests.clusters import border_addresses, border_ports, random_cluster, random_profile

End = Key | int


def changed(rng: Random, cluster: Cluster) -> Cluster:
    """The cluster after somebody worked on it: policies and workloads gone, and policies of another come."""
    other = random_cluster(rng)
    come = tuple(p for p in other.network_policies if p.key.namespace in cluster.namespaces)
    kept = tuple(p for p in cluster.network_policies if rng.random() < 0.6 and p.key not in {c.key for c in come})
    return msgspec.structs.replace(
        cluster,
        workloads=tuple(w for w in cluster.workloads if rng.random() < 0.8),
        network_policies=(*kept, *come),
    )


def verdict(answer: Reach, src: End, dst: End, protocol: Protocol, port: int) -> Verdict:
    """An endpoint that is not there reaches nothing."""
    here = answer.population.class_of
    if any(isinstance(end, Key) and end not in here for end in (src, dst)):
        return Verdict.DENY
    return answer.verdict(src, dst, protocol, port)


def holds(edges: tuple[Edge, ...], src: End, dst: End, protocol: Protocol, port: int) -> bool:
    """Whether some edge has this packet."""
    return any(_among(edge.src, src) and _among(edge.dst, dst) and (protocol, port) in edge.ports for edge in edges)


def _among(names: tuple[str, ...], end: End) -> bool:
    if isinstance(end, Key):
        return str(end) in names
    return any(a <= end <= b for name in names if "/" not in name for a, b in range_from_text(name).spans)


def expected(difference: Difference, before: Verdict, after: Verdict) -> tuple[Edge, ...] | None:
    """The list that a change of verdict belongs in."""
    if before is after:
        return None
    return {
        Verdict.ALLOW: difference.allowed,
        Verdict.DENY: difference.denied,
        Verdict.UNDETERMINED: difference.unsettled,
    }[after]


@pytest.mark.parametrize("seed", range(120))
def test_every_packet_is_told_apart(seed: int) -> None:
    """Random clusters, a change, and packets at the borders of both."""
    rng = Random(seed)
    old_cluster, profile = random_cluster(rng), random_profile(rng)
    new_cluster = changed(rng, old_cluster)
    old, new = reach(old_cluster, profile), reach(new_cluster, profile)
    difference = diff(old, new)
    assert bool(difference) == bool(difference.allowed or difference.denied or difference.unsettled)
    ends: list[End] = [w.key for w in old_cluster.workloads]
    borders = (*border_addresses(old_cluster), *border_addresses(new_cluster))
    addresses = [at for at in borders if not old_cluster.platform.pod_addresses & AddressSet(((at, at),))]
    ports = [*border_ports(old_cluster), *border_ports(new_cluster)]
    for _ in range(60):
        src: End = rng.choice(ends) if rng.random() < 0.8 else rng.choice(addresses)
        dst: End = rng.choice(ends) if isinstance(src, int) or rng.random() < 0.8 else rng.choice(addresses)
        if src == dst and isinstance(src, Key) and src.kind == "Pod":
            continue
        packet = (src, dst, rng.choice(list(Protocol)), rng.choice(ports))
        wanted = expected(difference, verdict(old, *packet), verdict(new, *packet))
        for edges in (difference.allowed, difference.denied, difference.unsettled):
            assert holds(edges, *packet) == (edges is wanted and wanted is not None), packet


def test_nothing_changes_between_equals() -> None:
    """Silence where all is the same, whatever the cluster."""
    for seed in range(30):
        rng = Random(seed)
        cluster, profile = random_cluster(rng), random_profile(rng)
        assert not diff(reach(cluster, profile), reach(cluster, profile))


# --- By hand -----------------------------------------------------------------------------------------------------

PROFILE = PROFILES["kube-network-policies"]
OWNER = key("ReplicaSet", "cart")
CART = [
    workload(f"cart-{version}", kind="Pod", owner=OWNER, app="cart", version=version, addresses=[f"10.0.0.{version}"])
    for version in "12"
]
WEB = workload("web")
CLOSED = network_policy("closed", pods=labelled(app="cart"), ingress=[], egress=[rule(0, [anyone()])])
ONE = network_policy("one", pods=labelled(version="1"), ingress=[rule(0, [pods(app="web")], [tcp(80)])])
BOTH = network_policy("both", pods=labelled(app="cart"), ingress=[rule(0, [pods(app="web")], [tcp(80)])])
ON_80 = PortSet.of(tcp(80))
WEB_ID, CART_ID = "shop/web[Deployment]", "shop/cart[ReplicaSet]"
FIRST, SECOND = "shop/cart-1[Pod]", "shop/cart-2[Pod]"


def between(old: tuple[Thing, ...], new: tuple[Thing, ...]) -> Difference:
    """The difference between two small clusters."""
    return diff(reach(cluster_of(*old), PROFILE), reach(cluster_of(*new), PROFILE))


def test_pods_of_one_owner_change_under_its_name() -> None:
    """As long as neither answer tells them apart."""
    found = between((WEB, *CART, CLOSED), (WEB, *CART, CLOSED, BOTH))
    assert found == Difference((Edge((WEB_ID,), (CART_ID,), ON_80),), (), ())


def test_an_owner_keeps_its_name_wherever_its_pods_stand() -> None:
    """Before others and after them, as the one that sends and as the one that is sent to."""
    quiet = network_policy("quiet", pods=labelled(app="cart"), egress=[])
    for things in ((WEB, *CART), (*CART, WEB), (CART[0], WEB, CART[1])):
        found = between((*things, CLOSED), (*things, CLOSED, BOTH))
        assert found == Difference((Edge((WEB_ID,), (CART_ID,), ON_80),), (), ())
        found = between((*things, quiet), things)
        within = [edge for edge in found.allowed if edge.src == (CART_ID,) and WEB_ID in edge.dst]
        assert within == [Edge((CART_ID,), tuple(e for e in within[0].dst), ALL_PORTS)]
        assert set(within[0].dst) == {WEB_ID, CART_ID}


def test_addresses_that_are_pods_on_one_side_only_are_outside() -> None:
    """What was no pod's before may be one now; what it is let do is compared all the same."""
    inside = Platform(pod_addresses=AddressSet.of(["0.0.0.0/1"]))
    closed = network_policy("closed", ingress=[])
    old, new = cluster_of(WEB, platform=inside), cluster_of(WEB, closed)
    everywhere = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    found = diff(reach(old, PROFILE), reach(new, PROFILE))
    assert Edge(everywhere, (WEB_ID,), ALL_PORTS) in found.denied
    both = msgspec.structs.replace(new, platform=inside)
    rest = ("128.0.0.0-255.255.255.255", everywhere[1])
    assert Edge(rest, (WEB_ID,), ALL_PORTS) in diff(reach(old, PROFILE), reach(both, PROFILE)).denied


@pytest.mark.parametrize("policies", [(ONE, BOTH), (BOTH, ONE)])
def test_pods_that_one_answer_tells_apart_change_under_their_own(policies: tuple[Thing, Thing]) -> None:
    """Only the second pod's verdict changes."""
    found = between((WEB, *CART, CLOSED, policies[0]), (WEB, *CART, CLOSED, policies[1]))
    edge = Edge((WEB_ID,), (SECOND,), ON_80)
    assert found == (Difference((edge,), (), ()) if policies[0] is ONE else Difference((), (edge,), ()))


def test_a_bare_pod_is_no_change_to_itself() -> None:
    """It reaches itself before and after, whatever policies say of its like."""
    solo = [workload(name, kind="Pod", app="x") for name in ("one", "two")]
    closed = network_policy("closed", ingress=[])
    one, two = "shop/one[Pod]", "shop/two[Pod]"
    outside = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    edges = (
        Edge((one,), (two,), ALL_PORTS),
        Edge((two,), (one,), ALL_PORTS),
        Edge(outside, (one, two), ALL_PORTS),
    )
    assert between((*solo,), (*solo, closed)) == Difference((), edges, ())
    assert between((*solo, closed), (*solo,)) == Difference(edges, (), ())


def test_workloads_that_come_and_go() -> None:
    """Whoever is new was reached by nobody before."""
    closed = network_policy(
        "closed", pods=labelled(app="db"), ingress=[rule(0, [pods(app="web")], [tcp(80)])], egress=[]
    )
    found = between((WEB,), (WEB, workload("db"), closed))
    assert found == Difference((Edge((WEB_ID,), ("shop/db[Deployment]",), ON_80),), (), ())
    assert between((WEB, workload("db"), closed), (WEB,)) == Difference((), found.allowed, ())


def test_what_becomes_open_says_what_it_hangs_on() -> None:
    hashed = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
    maybe = network_policy("maybe", pods=labelled(app="web"), ingress=[rule(0, [PodPeer(None, hashed)], [tcp(80)])])
    closed = network_policy("maybe", pods=labelled(app="web"), ingress=[], egress=[])
    run = workload("run", runtime=["pod-template-hash"])
    label = "label `pod-template-hash`, set when pods run, has the value that a policy asks for"
    found = between((WEB, run, closed), (WEB, run, msgspec.structs.replace(maybe, egress=())))
    assert found == Difference((), (), (Edge(("shop/run[Deployment]",), (WEB_ID,), ON_80, (label,)),))
    assert between((WEB, run, msgspec.structs.replace(maybe, egress=())), (WEB, run, closed)) == Difference(
        (), (Edge(("shop/run[Deployment]",), (WEB_ID,), ON_80),), ()
    )
