"""Why: every verdict has a chain that bears it out, worded for people, with places that lead to the lines."""

from __future__ import annotations

import msgspec
import pytest

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.explain import Explainer, explain
from licet.analysis.reach import reach
from licet.diag.place import Place
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import Action, ClusterPolicy, Direction, NetworkPolicy, Peer, PodPeer, Tier, UnknownPeer
from licet.model.ports import NamedPort, Protocol
from licet.model.profile import Profile
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.verdict import Cause, Explanation, Verdict
from licet.model.workload import Workload
from tests.analysis.small import (
    Thing,
    anyone,
    block,
    cluster,
    http,
    labelled,
    namespace,
    network_policy,
    pods,
    rule,
    tcp,
    wide_policy,
    wide_rule,
    workload,
)
from tests.differences import engine_side, random_case
from tests.oracle_labels import NO, UNKNOWN, namespace_matches, pod_matches

TCP, UDP, SCTP = Protocol
IN, OUT = Direction.INGRESS, Direction.EGRESS
PROFILE = PROFILES["kubernetes"]
HOST_LEFT_OUT = msgspec.structs.replace(PROFILE, selects_host_network=Ternary.NO)
WEB, DB = workload("web"), workload("db")
HERE = AddressSet.of(["203.0.113.7"]).spans[0][0]


def why(
    *things: Thing,
    src: Key | int = WEB.key,
    dst: Key | int = DB.key,
    protocol: Protocol = TCP,
    port: int = 5432,
    profile: Profile = PROFILE,
    platform: Platform | None = None,
) -> Explanation:
    """One answer over the two pods and what is around them."""
    made = cluster(WEB, DB, *things, platform=platform or Platform())
    return explain(made, profile, src, dst, protocol, port)


def default(direction: Direction, name: str) -> Cause:
    """Nothing stands in the way."""
    text = f"no policy isolates `{name}` for {direction.value}: what no policy restricts is open"
    return Cause("Default", direction, None, "", "allow", text)


def told(policy: NetworkPolicy | ClusterPolicy, layer: str, rule: str, effect: str, text: str) -> Cause:
    """A cause that a rule gave; the place is the rule's, or the selection's where no rule decided."""
    side, _, index = rule.partition("[")
    path = ("spec", side, int(index[:-1])) if rule else ("spec", "podSelector")
    direction = Direction(side) if rule else IN
    return Cause(layer, direction, policy.key, rule, effect, text, Place(policy.origin, path))


LEAVES, ARRIVES = default(OUT, "shop/web[Deployment]"), default(IN, "shop/db[Deployment]")


def test_without_policies_all_is_open() -> None:
    assert why() == Explanation(Verdict.ALLOW, (LEAVES, ARRIVES))


def test_a_rule_that_allows_is_named() -> None:
    """The rule's own position in the manifest, the peer and the port; rules that do not match are not."""
    policy = network_policy(
        "db",
        pods=labelled(app="db"),
        ingress=[rule(0, [pods(app="cart")]), rule(1, [pods(app="web")], [tcp(5432)]), rule(2, ports=[tcp(9)])],
    )
    text = (
        "`shop/db[NetworkPolicy]` selects `shop/db[Deployment]` and its rule allows traffic from "
        "`shop/web[Deployment]` on TCP 5432"
    )
    allowed = told(policy, "NetworkPolicy", "ingress[1]", "allow", text)
    assert why(policy) == Explanation(Verdict.ALLOW, (LEAVES, allowed))


def test_a_rule_of_egress_is_traffic_to() -> None:
    policy = network_policy("web", pods=labelled(app="web"), egress=[rule(0, ports=[tcp(1, 65535)])])
    text = (
        "`shop/web[NetworkPolicy]` selects `shop/web[Deployment]` and its rule allows traffic to "
        "`shop/db[Deployment]` on TCP 5432"
    )
    allowed = told(policy, "NetworkPolicy", "egress[0]", "allow", text)
    assert why(policy) == Explanation(Verdict.ALLOW, (allowed, ARRIVES))


@pytest.mark.parametrize(
    ("ingress", "ending"),
    [
        ([], "it allows no ingress at all"),
        (
            [rule(0, [pods(app="cart")])],
            "none of its ingress rules names `shop/web[Deployment]` on TCP 5432",
        ),
        (
            [rule(0, [pods(app="cart")]), rule(1, [pods(app="web")], [tcp(80), tcp(90, 95)])],
            "`ingress[1]` admits `shop/web[Deployment]` only on TCP 80,90-95, not on TCP 5432",
        ),
        (
            [rule(0, None, [tcp(80)]), rule(1, None, [tcp(81)])],
            "`ingress[0]` admits `shop/web[Deployment]` only on TCP 80, not on TCP 5432",
        ),
    ],
)
def test_a_policy_that_denies_says_how_near_it_came(ingress: list[object], ending: str) -> None:
    """The place is where it is written which pods it isolates."""
    policy = network_policy("db", ingress=ingress)  # type: ignore[arg-type]
    text = f"`shop/db[NetworkPolicy]` selects `shop/db[Deployment]`, and {ending}"
    assert why(policy) == Explanation(Verdict.DENY, (LEAVES, told(policy, "NetworkPolicy", "", "deny", text)))


def test_another_policy_that_allows_is_enough() -> None:
    """Both are told: the one that refuses does not change the answer."""
    closed = network_policy("closed", ingress=[])
    opened = network_policy("opened", ingress=[rule()])
    elsewhere = network_policy("elsewhere", "mail", ingress=[])
    found = why(closed, opened, elsewhere)
    assert found.verdict is Verdict.ALLOW
    assert [(c.policy, c.effect) for c in found.because[1:]] == [(closed.key, "deny"), (opened.key, "allow")]


def test_both_sides_must_let_it_through() -> None:
    """The chain begins where the connection does."""
    leaving = network_policy("leaving", pods=labelled(app="web"), egress=[])
    arriving = network_policy("arriving", pods=labelled(app="db"), ingress=[])
    found = why(leaving, arriving)
    assert found.verdict is Verdict.DENY
    assert [(c.policy, c.direction, c.effect) for c in found.because] == [
        (leaving.key, OUT, "deny"),
        (arriving.key, IN, "deny"),
    ]


def test_a_pod_reaches_itself() -> None:
    """Whatever policies say; pods of one workload are others."""
    pod = workload("solo", kind="Pod")
    closed = network_policy("closed", ingress=[], egress=[])
    cause = Cause("Self", None, None, "", "allow", "`shop/solo[Pod]` is one pod, and a pod always reaches itself")
    assert why(pod, closed, src=pod.key, dst=pod.key) == Explanation(Verdict.ALLOW, (cause,))
    assert why(closed, src=WEB.key, dst=WEB.key).verdict is Verdict.DENY


def test_addresses_have_no_policies() -> None:
    """Their side of the chain is empty; they are named as people write them."""
    policy = network_policy("db", ingress=[rule(0, [block("203.0.113.0/24")])])
    text = (
        "`shop/db[NetworkPolicy]` selects `shop/db[Deployment]` and its rule allows traffic from "
        "`203.0.113.7` on TCP 5432"
    )
    allowed = told(policy, "NetworkPolicy", "ingress[0]", "allow", text)
    assert why(policy, src=HERE) == Explanation(Verdict.ALLOW, (allowed,))
    assert why(policy, src=HERE + 256).verdict is Verdict.DENY
    assert why(dst=HERE) == Explanation(Verdict.ALLOW, (LEAVES,))


def test_from_outside_to_outside_is_no_question() -> None:
    with pytest.raises(ValueError, match=r"^both ends lie outside the cluster$"):
        why(src=HERE, dst=HERE)
    with pytest.raises(KeyError):
        why(dst=Key("", "", "Pod", "shop", "nobody"))


@pytest.mark.parametrize(
    ("port", "protocol", "verdict"),
    [(8080, TCP, Verdict.ALLOW), (8081, TCP, Verdict.DENY), (8080, UDP, Verdict.DENY)],
)
def test_a_named_port_is_the_subjects_own(port: int, protocol: Protocol, verdict: Verdict) -> None:
    """For ingress the pod that the policy selects."""
    named = workload("named", ports=[http(8080)])
    policy = network_policy("p", pods=labelled(app="named"), ingress=[rule(0, None, [NamedPort("http")])])
    assert why(named, policy, dst=named.key, port=port, protocol=protocol).verdict is verdict


def test_a_near_miss_says_what_a_port_name_means() -> None:
    """On the pod that the policy selects, for ingress."""
    named = workload("named", ports=[http(8080)])
    policy = network_policy("p", pods=labelled(app="named"), ingress=[rule(0, None, [NamedPort("http")])])
    text = "`ingress[0]` admits `shop/web[Deployment]` only on TCP 8080, not on TCP 5432"
    cause = why(named, policy, dst=named.key).because[-1]
    assert cause.text == f"`shop/p[NetworkPolicy]` selects `shop/named[Deployment]`, and {text}"


# --- What is not known -------------------------------------------------------------------------------------------

HASH = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
LABEL = "label `pod-template-hash`, set when pods run, has the value that a policy asks for"
RUNNING = workload("run", runtime=["pod-template-hash"])


def test_a_policy_that_may_select_the_pod() -> None:
    """Where it does, it refuses; where it does not, nothing restricts."""
    policy = network_policy("maybe", pods=HASH, ingress=[rule(0, [pods(app="cart")])])
    text = (
        "`shop/maybe[NetworkPolicy]` may select `shop/run[Deployment]`, and none of its ingress rules names "
        "`shop/web[Deployment]` on TCP 5432"
    )
    assert why(RUNNING, policy, dst=RUNNING.key) == Explanation(
        Verdict.UNDETERMINED,
        (LEAVES, told(policy, "NetworkPolicy", "", "undetermined", text), default(IN, "shop/run[Deployment]")),
        (LABEL,),
    )


def test_a_policy_that_may_select_and_then_allows_changes_nothing() -> None:
    policy = network_policy("maybe", pods=HASH, ingress=[rule()])
    found = why(RUNNING, policy, dst=RUNNING.key)
    text = (
        "`shop/maybe[NetworkPolicy]` selects `shop/run[Deployment]` and its rule may allow traffic from "
        "`shop/web[Deployment]` on TCP 5432"
    )
    assert found == Explanation(
        Verdict.ALLOW,
        (
            LEAVES,
            told(policy, "NetworkPolicy", "ingress[0]", "undetermined", text),
            default(IN, "shop/run[Deployment]"),
        ),
    )


def test_a_rule_that_may_match() -> None:
    policy = network_policy("maybe", pods=labelled(app="db"), ingress=[rule(0, [PodPeer(None, HASH)])])
    text = (
        "`shop/maybe[NetworkPolicy]` selects `shop/db[Deployment]` and its rule may allow traffic from "
        "`shop/run[Deployment]` on TCP 5432"
    )
    cause = told(policy, "NetworkPolicy", "ingress[0]", "undetermined", text)
    found = why(RUNNING, policy, src=RUNNING.key)
    assert found == Explanation(Verdict.UNDETERMINED, (default(OUT, "shop/run[Deployment]"), cause), (LABEL,))
    sure = network_policy("sure", pods=labelled(app="db"), ingress=[rule()])
    assert why(RUNNING, policy, sure, src=RUNNING.key).verdict is Verdict.ALLOW
    assert why(RUNNING, policy, sure, src=RUNNING.key).assumptions == ()


def test_assumptions_are_those_that_the_answer_hangs_on() -> None:
    """Sorted, from both sides, and none where the answer is certain."""
    undeclared = namespace("mail", declared=False)
    far = workload("far", "mail")
    team = PodPeer(labelled(team="red"), EVERYTHING)
    leaving = network_policy("leaving", pods=labelled(app="run"), egress=[rule(0, [team])])
    arriving = network_policy("arriving", "mail", ingress=[rule(0, [PodPeer(EVERYTHING, HASH)])])
    found = why(RUNNING, far, undeclared, leaving, arriving, src=RUNNING.key, dst=far.key)
    label = "a namespace that no manifest declares has the labels that a policy asks for"
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (label, LABEL))
    closed = network_policy("arriving", "mail", ingress=[])
    found = why(RUNNING, far, undeclared, leaving, closed, src=RUNNING.key, dst=far.key)
    assert (found.verdict, found.assumptions) == (Verdict.DENY, ())


def test_a_node_and_its_pods_always_reach_each_other() -> None:
    """A hostNetwork pod may run on the very node; so may an address of a node. Two ends of a kind are no such pair."""
    closed = network_policy("closed", ingress=[], egress=[])
    node = workload("node", host=True)
    shared = "hostNetwork: the traffic is the node's, and a pod and its own node always reach each other"
    own = "the address is that of the node that runs the pod: these two always reach each other"
    found = why(closed, node, src=node.key, profile=HOST_LEFT_OUT)
    assert found.verdict is Verdict.UNDETERMINED
    assert found.because[-1] == Cause("Node", None, None, "", "undetermined", shared)
    assert found.assumptions == (shared,)
    assert why(closed, node, src=WEB.key, dst=node.key, profile=HOST_LEFT_OUT).assumptions == (shared,)
    assert why(node, src=node.key) == Explanation(Verdict.ALLOW, (default(OUT, "shop/node[Deployment]"), ARRIVES))
    two = workload("two", host=True)
    assert why(closed, node, two, src=node.key, dst=two.key, profile=HOST_LEFT_OUT).verdict is Verdict.ALLOW
    platform = Platform(node_addresses=AddressSet.of(["203.0.113.0/28"]))
    found = why(closed, src=HERE, platform=platform)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (own,))
    assert why(closed, dst=HERE, platform=platform).assumptions == (own,)
    assert why(closed, src=HERE + 16, platform=platform).verdict is Verdict.DENY
    found = why(closed, node, src=HERE, dst=node.key, platform=platform, profile=HOST_LEFT_OUT)
    assert found.verdict is Verdict.ALLOW


def test_an_ingress_controller_is_a_pod_of_which_little_is_known() -> None:
    """Not where it runs, unless that is said, and nothing of its labels; and it is no node."""
    edge = PodPeer(labelled(**{"kubernetes.io/metadata.name": "edge"}), EVERYTHING)
    policy = network_policy("edge", ingress=[rule(0, [edge])])
    explainer = Explainer(cluster(WEB, DB, policy, namespace("edge")), PROFILE)
    open_ = explainer.explain(INGRESS_CONTROLLER, DB.key, TCP, 5432)
    text = (
        "`shop/edge[NetworkPolicy]` selects `shop/db[Deployment]` and its rule may allow traffic from "
        "`{ingress-controller}` on TCP 5432"
    )
    assert open_ == Explanation(
        Verdict.UNDETERMINED,
        (told(policy, "NetworkPolicy", "ingress[0]", "undetermined", text),),
        ("the ingress controller's pods and namespace have the labels that a policy asks for",),
    )
    assert explainer.explain(INGRESS_CONTROLLER, DB.key, TCP, 5432, "edge").verdict is Verdict.ALLOW
    assert explainer.explain(INGRESS_CONTROLLER, DB.key, TCP, 5432, "shop").verdict is Verdict.DENY
    closed = cluster(WEB, DB, workload("node", host=True), network_policy("closed", ingress=[]))
    assert explain(closed, PROFILE, INGRESS_CONTROLLER, DB.key, TCP, 1).verdict is Verdict.DENY
    assert explain(closed, HOST_LEFT_OUT, INGRESS_CONTROLLER, workload("node").key, TCP, 1) == (
        Explanation(Verdict.ALLOW, (default(IN, "shop/node[Deployment]"),))
    )


# --- Cluster policies --------------------------------------------------------------------------------------------


def says(
    policy: ClusterPolicy, layer: str, rule: str, effect: str, verb: str, name: str = "", subject: str = "shop/db"
) -> Cause:
    """What a rule of a cluster policy is told as."""
    way = "traffic from `shop/web[Deployment]`" if subject == "shop/db" else "traffic to `shop/db[Deployment]`"
    text = (
        f"`{policy.key}`, priority {policy.priority}, applies to `{subject}[Deployment]`: its rule{name} says {verb} "
        f"{way} on TCP 5432"
    )
    return told(policy, layer, rule, effect, text)


def test_an_admin_rule_decides_before_network_policies() -> None:
    """The first rule that matches; a name is told where there is one."""
    deny = wide_policy(
        "deny",
        priority=5,
        ingress=[
            wide_rule(0, Action.ACCEPT, [anyone()], [tcp(80)]),
            wide_rule(1, Action.DENY, [anyone()], name="no-one"),
            wide_rule(2, Action.ACCEPT, [anyone()]),
        ],
    )
    cause = says(deny, "Admin", "ingress[1]", "deny", "deny", " (`no-one`)")
    assert why(deny, network_policy("open", ingress=[rule()])) == Explanation(Verdict.DENY, (LEAVES, cause))


def test_an_admin_accept_overrides_a_network_policy() -> None:
    accept = wide_policy("accept", egress=[wide_rule(0, Action.ACCEPT, [anyone()], [tcp(5432)])])
    closed = network_policy("closed", pods=labelled(app="web"), egress=[])
    cause = says(accept, "Admin", "egress[0]", "allow", "allow", subject="shop/web")
    assert why(accept, closed) == Explanation(Verdict.ALLOW, (cause, ARRIVES))
    assert why(accept, closed, port=80).verdict is Verdict.DENY


def test_lower_priority_numbers_decide_first() -> None:
    """Whatever the order in the manifests, and only within a tier."""
    late = wide_policy("a-late", priority=10, ingress=[wide_rule(0, Action.DENY, [anyone()])])
    early = wide_policy("b-early", priority=2, ingress=[wide_rule(0, Action.ACCEPT, [anyone()])])
    before = wide_policy("c-base", tier=Tier.BASELINE, priority=1, ingress=[wide_rule(0, Action.DENY, [anyone()])])
    cause = says(early, "Admin", "ingress[0]", "allow", "allow")
    assert why(late, before, early) == Explanation(Verdict.ALLOW, (LEAVES, cause))


def test_pass_leaves_it_to_network_policies_and_then_to_the_baseline() -> None:
    """All links are told in their order. A pod that a NetworkPolicy selects never comes to the baseline."""
    skip = wide_policy("skip", ingress=[wide_rule(0, Action.PASS, [anyone()])])
    deny = wide_policy("x-deny", priority=1, ingress=[wide_rule(0, Action.DENY, [anyone()])])
    base = wide_policy("base", tier=Tier.BASELINE, ingress=[wide_rule(0, Action.DENY, [anyone()])])
    passed = says(skip, "Admin", "ingress[0]", "pass", "pass")
    refused = says(base, "Baseline", "ingress[0]", "deny", "deny")
    assert why(skip, deny, base) == Explanation(Verdict.DENY, (LEAVES, passed, refused))
    opened = network_policy("open", ingress=[rule()])
    found = why(skip, deny, base, opened)
    assert [c.layer for c in found.because] == ["Default", "Admin", "NetworkPolicy"]
    assert found.verdict is Verdict.ALLOW


def test_a_baseline_that_accepts_has_no_default_behind_it() -> None:
    base = wide_policy("base", tier=Tier.BASELINE, ingress=[wide_rule(0, Action.ACCEPT, [anyone()])])
    cause = says(base, "Baseline", "ingress[0]", "allow", "allow")
    assert why(base) == Explanation(Verdict.ALLOW, (LEAVES, cause))


def test_a_baseline_that_passes_does() -> None:
    base = wide_policy("base", tier=Tier.BASELINE, ingress=[wide_rule(0, Action.PASS, [anyone()])])
    assert why(base) == Explanation(
        Verdict.ALLOW, (LEAVES, says(base, "Baseline", "ingress[0]", "pass", "pass"), ARRIVES)
    )


def test_policies_that_are_for_others_are_not_told() -> None:
    """Other namespaces, other pods, no rule in this direction."""
    rules = [wide_rule(0, Action.DENY, [anyone()])]
    others = [
        wide_policy("a", namespaces=labelled(team="red"), ingress=rules),
        wide_policy("b", pods=labelled(app="cart"), ingress=rules),
        wide_policy("c", pods=labelled(app="db"), egress=rules),
        wide_policy("d", ingress=[wide_rule(0, Action.DENY, [PodPeer(EVERYTHING, labelled(app="cart"))])]),
    ]
    assert why(*others) == Explanation(Verdict.ALLOW, (LEAVES, ARRIVES))


def test_a_peer_that_nobody_knows_fails_closed() -> None:
    """A Pass rule with such a peer denies all, and an Accept rule matches nothing."""
    unknown: list[Peer] = [UnknownPeer()]
    accept = wide_policy("accept", ingress=[wide_rule(0, Action.ACCEPT, unknown)])
    assert why(accept) == Explanation(Verdict.ALLOW, (LEAVES, ARRIVES))
    skip = wide_policy("skip", ingress=[wide_rule(0, Action.PASS, unknown, [tcp(80)])])
    cause = says(skip, "Admin", "ingress[0]", "deny", "deny")
    assert why(skip) == Explanation(Verdict.DENY, (LEAVES, cause))


def test_equal_priorities_that_disagree_leave_it_open() -> None:
    """Which decides is not defined; two that agree are no question."""
    a = wide_policy("a", priority=7, ingress=[wide_rule(0, Action.ACCEPT, [anyone()])])
    b = wide_policy("b", priority=7, ingress=[wide_rule(0, Action.DENY, [anyone()])])
    a_cause, b_cause = (
        says(a, "Admin", "ingress[0]", "allow", "allow"),
        says(b, "Admin", "ingress[0]", "deny", "deny"),
    )
    tie = (
        "`a[ClusterNetworkPolicy.policy.networking.k8s.io]` and `b[ClusterNetworkPolicy.policy.networking.k8s.io]` "
        "have equal priority, and which decides is not defined"
    )
    assert why(b, a) == Explanation(Verdict.UNDETERMINED, (LEAVES, a_cause, b_cause), (tie,))
    same = wide_policy("b", priority=7, ingress=[wide_rule(0, Action.ACCEPT, [anyone()])])
    assert why(a, same).verdict is Verdict.ALLOW
    other = wide_policy("b", priority=7, ingress=[wide_rule(0, Action.DENY, [anyone()], [tcp(80)])])
    assert why(a, other).verdict is Verdict.ALLOW


def test_only_those_that_may_disagree_are_a_tie() -> None:
    """Where the answer hangs on something else, policies that agree are no part of it; two doubts of one kind are."""
    accepts = [wide_policy(name, pods=HASH, ingress=[wide_rule(0, Action.ACCEPT, [anyone()])]) for name in "ab"]
    closed = network_policy("closed", ingress=[])
    found = why(RUNNING, *accepts, closed, dst=RUNNING.key)
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (LABEL,))
    some = PodPeer(EVERYTHING, HASH)
    rules = [wide_rule(0, Action.ACCEPT, [some]), wide_rule(1, Action.DENY, [anyone()])]
    doubts = [wide_policy(name, ingress=rules) for name in "ab"]
    found = why(RUNNING, *doubts, src=RUNNING.key)
    kind = "[ClusterNetworkPolicy.policy.networking.k8s.io]"
    tie = f"`a{kind}` and `b{kind}` have equal priority, and which decides is not defined"
    assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (tie, LABEL))


def test_a_cluster_policy_that_may_apply() -> None:
    """All its rules stand or fall together, and what comes behind is told as well."""
    policy = wide_policy("maybe", pods=HASH, ingress=[wide_rule(0, Action.DENY, [anyone()])])
    cause = says(policy, "Admin", "ingress[0]", "undetermined", "may deny").text.replace("shop/db", "shop/run")
    told_as = told(policy, "Admin", "ingress[0]", "undetermined", cause)
    assert why(RUNNING, policy, dst=RUNNING.key) == Explanation(
        Verdict.UNDETERMINED, (LEAVES, told_as, default(IN, "shop/run[Deployment]")), (LABEL,)
    )


def test_a_cluster_rule_that_may_match() -> None:
    """The next rule of the policy is then told too."""
    policy = wide_policy(
        "maybe",
        ingress=[
            wide_rule(0, Action.DENY, [PodPeer(EVERYTHING, HASH)]),
            wide_rule(1, Action.ACCEPT, [anyone()]),
            wide_rule(2, Action.DENY, [anyone()]),
        ],
    )
    found = why(RUNNING, policy, src=RUNNING.key)
    assert found.verdict is Verdict.UNDETERMINED
    assert found.assumptions == (LABEL,)
    assert [(c.rule, c.effect) for c in found.because[1:]] == [("ingress[0]", "undetermined"), ("ingress[1]", "allow")]


# --- Laws --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_every_chain_bears_its_verdict_out(seed: int) -> None:
    """Over random clusters: what is allowed was allowed on each side, what is denied was denied by somebody."""
    made, profile, asked = random_case(seed, 30)
    answer = reach(made, profile)
    explainer = Explainer(made, profile)
    for q in asked:
        src, dst = engine_side(q.src), engine_side(q.dst)
        found = explainer.explain(src, dst, q.protocol, q.port)
        assert found.verdict is answer.verdict(src, dst, q.protocol, q.port)
        assert bool(found.assumptions) == (found.verdict is Verdict.UNDETERMINED)
        assert list(found.assumptions) == sorted(found.assumptions)
        effects = {c.effect for c in found.because}
        own = any(c.layer == "Self" for c in found.because)
        sides = {side: end for side, end in ((OUT, q.src), (IN, q.dst)) if isinstance(end, Workload)}
        for direction in sides:
            here = [c for c in found.because if c.direction is direction]
            assert here or own
            if found.verdict is Verdict.ALLOW and not own:
                assert "allow" in {c.effect for c in here}
        if found.verdict is Verdict.DENY:
            assert "deny" in effects
        if found.verdict is Verdict.UNDETERMINED:
            assert "undetermined" in effects or {"allow", "deny"} <= effects
        for cause in found.because:
            check(made, profile, cause, sides)


def check(made: Cluster, profile: Profile, cause: Cause, subjects: dict[Direction, Workload]) -> None:
    """A cause names a policy that is there, may select the pod, and has the rule at the place."""
    if cause.policy is None:
        assert cause.place is None
        assert cause.layer in ("Self", "Node", "Default")
        return
    assert cause.direction is not None
    policies: list[NetworkPolicy | ClusterPolicy] = [*made.network_policies, *made.cluster_policies]
    (policy,) = (p for p in policies if p.key == cause.policy)
    pod = subjects[cause.direction]
    selected = pod_matches(policy.pods, pod)
    if isinstance(policy, NetworkPolicy):
        assert cause.layer == "NetworkPolicy"
        assert policy.key.namespace == pod.key.namespace
        if pod.host_network:
            selected = min(selected, profile.selects_host_network)
    else:
        assert cause.layer == {Tier.ADMIN: "Admin", Tier.BASELINE: "Baseline"}[policy.tier]
        selected = min(selected, namespace_matches(made, policy.namespaces, pod.key.namespace))
    assert selected is not NO
    assert cause.effect == "undetermined" or selected is not UNKNOWN
    rules = policy.rules(cause.direction)
    assert rules is not None
    assert cause.place is not None
    if not cause.rule:
        assert cause.place == Place(policy.origin, ("spec", "podSelector"))
    else:
        *path, index = cause.place.path
        assert (cause.place.origin, path) == (policy.origin, ["spec", cause.direction.value])
        assert cause.rule == f"{cause.direction.value}[{index}]"
        assert index in [rule.index for rule in rules]


def test_the_law_meets_every_kind_of_link() -> None:
    """A generator without cluster policies would let the law say little."""
    met = set()
    for seed in range(60):
        made, profile, asked = random_case(seed, 30)
        explainer = Explainer(made, profile)
        for q in asked:
            found = explainer.explain(engine_side(q.src), engine_side(q.dst), q.protocol, q.port)
            met |= {(c.layer, c.effect) for c in found.because}
    layers = [(layer, effect) for layer in ("Admin", "Baseline") for effect in ("allow", "deny", "pass")]
    doubts = [(layer, "undetermined") for layer in ("Admin", "NetworkPolicy", "Baseline", "Node")]
    rest = [("NetworkPolicy", "allow"), ("NetworkPolicy", "deny"), ("Default", "allow"), ("Self", "allow")]
    assert met == {*layers, *doubts, *rest}
