"""What is not certain names what it hangs on, and nothing else."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.explain import Explainer, explain
from licet.analysis.reach import Reach, reach
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import Action, ClusterPolicy, DomainPeer, NodePeer, Peer, PodPeer, Tier
from licet.model.ports import NamedPort, PortRange, Protocol
from licet.model.profile import Profile
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.verdict import Verdict
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
from tests.clusters import questions
from tests.differences import engine_side, random_case

NO, UNKNOWN, YES = Ternary
UNSURE = Profile(
    name="unsure",
    block_matches_pods=UNKNOWN,
    block_matches_nodes=UNKNOWN,
    selects_host_network=UNKNOWN,
    end_port=UNKNOWN,
    other_protocols_denied=UNKNOWN,
    experimental=True,
)
SURE = msgspec.structs.replace(
    UNSURE, block_matches_pods=YES, block_matches_nodes=YES, selects_host_network=NO, end_port=YES
)
WEB, DB, NODE = workload("web"), workload("db"), workload("node", host=True)
RUN = workload("run", runtime=["pod-template-hash", "controller-uid"])
HASH = Selector.of([Requirement("pod-template-hash", Operator.IN, ("77aa",))])
UID = Selector.of([Requirement("controller-uid", Operator.EXISTS)])
BOTH = Selector.of([*HASH.requirements, *UID.requirements])
HERE = AddressSet.of(["203.0.113.7"]).spans[0][0]

HASH_LABEL, UID_LABEL = (
    f"label `{key}`, set when pods run, has the value that a policy asks for"
    for key in ("pod-template-hash", "controller-uid")
)
NAMESPACE = "a namespace that no manifest declares has the labels that a policy asks for"
CONTROLLER = "the ingress controller's pods and namespace have the labels that a policy asks for"
MATCHES_PODS = "the enforcer matches an ipBlock against pods' own addresses"
POD_ADDRESSES = "pods' addresses lie in the block (no pod addresses, and no `podCIDRs` of the platform, that settle it)"
MATCHES_NODES = "the enforcer matches an ipBlock against nodes' addresses"
NODE_ADDRESSES = "nodes' addresses lie in the block (no `nodeCIDRs` of the platform that settle it)"
SHARED_NODE = "hostNetwork: the traffic is the node's, and a pod and its own node always reach each other"
OWN_NODE = "the address is that of the node that runs the pod: these two always reach each other"
SELECTED = "the enforcer applies NetworkPolicies to hostNetwork pods"
END_PORT = "the enforcer honours endPort"
NODES = "nodes have the labels that a policy asks for"
NAMES = "the DNS names of a policy resolve to the address"


def tie(first: str, second: str) -> str:
    """Two of one priority."""
    kind = "[ClusterNetworkPolicy.policy.networking.k8s.io]"
    return f"`{first}{kind}` and `{second}{kind}` have equal priority, and which decides is not defined"


def told(answer: Reach, src: Key | int, dst: Key | int) -> tuple[str, str, set[str]]:
    """What is certain, what is open, and on what that hangs."""
    grant = answer.between(src, dst)
    return str(grant.must), str(grant.open_question), set(grant.reasons)


def into_db(*peers: Peer, ports: list[PortRange] | None = None) -> Thing:
    """A policy that lets these into `db`."""
    return network_policy("p", pods=labelled(app="db"), ingress=[rule(0, peers, ports)])


def out_of_web(*peers: Peer) -> Thing:
    """A policy that lets `web` out to these."""
    return network_policy("p", pods=labelled(app="web"), egress=[rule(0, peers)])


def wide(name: str, action: Action, *peers: Peer, ports: list[PortRange] | None = None, priority: int = 0) -> Thing:
    """An Admin policy towards `db`, with one rule."""
    return wide_policy(
        name, priority=priority, pods=labelled(app="db"), ingress=[wide_rule(0, action, peers or [anyone()], ports)]
    )


TEN = block("10.0.0.0/8")
POD_RANGE = Platform(pod_addresses=AddressSet.of(["10.0.0.0/16"]))
WIDER = Platform(pod_addresses=AddressSet.of(["10.0.0.0/7"]))
NODE_RANGE = Platform(node_addresses=AddressSet.of(["10.1.0.0/16", "203.0.113.0/28"]))
FAR = workload("far", "far")
HIDDEN = namespace("far", declared=False)
RED = PodPeer(labelled(team="red"), EVERYTHING)

Case = tuple[list[Thing], Platform, Profile, Key | int, Key | int, tuple[str, str, set[str]]]
CASES: dict[str, Case] = {
    "runtime label of a peer": (
        [into_db(PodPeer(None, HASH))],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL}),
    ),
    "two of them": (
        [into_db(PodPeer(None, BOTH))],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL, UID_LABEL}),
    ),
    "either of two": (
        [into_db(PodPeer(None, HASH), PodPeer(None, UID))],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL, UID_LABEL}),
    ),
    "either of two rules": (
        [
            network_policy(
                "p", pods=labelled(app="db"), ingress=[rule(0, [PodPeer(None, HASH)]), rule(1, [PodPeer(None, UID)])]
            )
        ],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL, UID_LABEL}),
    ),
    "either of two peers that are no pods": (
        [
            wide_policy(
                "p",
                egress=[
                    wide_rule(0, Action.ACCEPT, [DomainPeer(("a.example",)), NodePeer(EVERYTHING)]),
                    wide_rule(1, Action.DENY, [block("0.0.0.0/0")]),
                ],
            )
        ],
        NODE_RANGE,
        SURE,
        WEB.key,
        HERE,
        ("no port", "all ports", {NAMES, NODES, OWN_NODE}),
    ),
    "a doubt before a layer that is settled": (
        [
            wide("a", Action.DENY, PodPeer(EVERYTHING, UID)),
            network_policy("p", pods=labelled(app="db"), ingress=[rule(0, [PodPeer(None, HASH)]), rule(1)]),
        ],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {UID_LABEL}),
    ),
    "a doubt before a layer that is settled whether or not a policy selects": (
        [
            wide_policy("a", ingress=[wide_rule(0, Action.DENY, [PodPeer(EVERYTHING, UID)])]),
            network_policy("p", pods=HASH, ingress=[rule()]),
            workload("to", runtime=["pod-template-hash"]),
        ],
        Platform(),
        SURE,
        RUN.key,
        workload("to").key,
        ("no port", "all ports", {UID_LABEL}),
    ),
    "one of two that is sure": (
        [into_db(PodPeer(None, HASH), pods(app="run"))],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("all ports", "no port", set()),
    ),
    "namespace of a peer": (
        [into_db(RED), FAR, HIDDEN],
        Platform(),
        SURE,
        FAR.key,
        DB.key,
        ("no port", "all ports", {NAMESPACE}),
    ),
    "namespace and label of a peer": (
        [into_db(PodPeer(labelled(team="red"), HASH)), workload("x", "far", runtime=["pod-template-hash"]), HIDDEN],
        Platform(),
        SURE,
        workload("x", "far").key,
        DB.key,
        ("no port", "all ports", {NAMESPACE, HASH_LABEL}),
    ),
    "namespace of a subject": (
        [
            wide_policy("p", namespaces=labelled(team="red"), ingress=[wide_rule(0, Action.DENY, [anyone()])]),
            FAR,
            HIDDEN,
        ],
        Platform(),
        SURE,
        WEB.key,
        FAR.key,
        ("no port", "all ports", {NAMESPACE}),
    ),
    "ingress controller": (
        [into_db(anyone(), ports=[tcp(80)]), network_policy("q", ingress=[rule(0, [pods(app="x")], [tcp(81)])])],
        Platform(),
        SURE,
        INGRESS_CONTROLLER,
        DB.key,
        ("TCP 80", "TCP 81", {CONTROLLER}),
    ),
    "a subject that is perhaps selected": (
        [network_policy("p", pods=HASH, ingress=[])],
        Platform(),
        SURE,
        WEB.key,
        RUN.key,
        ("no port", "all ports", {HASH_LABEL}),
    ),
    "a subject that is perhaps selected, and lets some in": (
        [network_policy("p", pods=HASH, ingress=[rule(0, None, [tcp(80)])])],
        Platform(),
        SURE,
        WEB.key,
        RUN.key,
        ("TCP 80", "TCP 1-79,81-65535, UDP any, SCTP any", {HASH_LABEL}),
    ),
    "a subject that is surely selected, and perhaps by another": (
        [network_policy("p", pods=HASH, ingress=[rule(0, None, [tcp(80)])]), network_policy("q", ingress=[])],
        Platform(),
        SURE,
        WEB.key,
        RUN.key,
        ("no port", "TCP 80", {HASH_LABEL}),
    ),
    "the same from outside": (
        [
            network_policy("p", pods=HASH, ingress=[rule(0, [block("203.0.113.0/24")], [tcp(80)])]),
            network_policy("q", ingress=[]),
        ],
        Platform(),
        SURE,
        HERE,
        RUN.key,
        ("no port", "TCP 80", {HASH_LABEL}),
    ),
    "a node's address and hostNetwork": (
        [network_policy("p", pods=labelled(app="node"), ingress=[]), NODE],
        NODE_RANGE,
        UNSURE,
        HERE,
        NODE.key,
        ("no port", "all ports", {SELECTED}),
    ),
    "block and pods": ([into_db(TEN)], POD_RANGE, UNSURE, WEB.key, DB.key, ("no port", "all ports", {MATCHES_PODS})),
    "block and where pods are": (
        [into_db(TEN)],
        WIDER,
        SURE,
        WEB.key,
        DB.key,
        ("no port", "all ports", {POD_ADDRESSES}),
    ),
    "block, and pods of unknown addresses": (
        [into_db(TEN)],
        Platform(),
        UNSURE,
        WEB.key,
        DB.key,
        ("no port", "all ports", {MATCHES_PODS, POD_ADDRESSES}),
    ),
    "block, and a pod of two addresses": (
        [into_db(TEN), workload("two", addresses=["10.0.0.1", "11.0.0.1"])],
        Platform(),
        SURE,
        workload("two").key,
        DB.key,
        ("no port", "all ports", {POD_ADDRESSES}),
    ),
    "networks and where pods are": (
        [wide_policy("p", pods=labelled(app="web"), egress=[wide_rule(0, Action.DENY, [TEN])])],
        WIDER,
        UNSURE,
        WEB.key,
        DB.key,
        ("no port", "all ports", {POD_ADDRESSES}),
    ),
    "networks that pods are in": (
        [wide_policy("p", pods=labelled(app="web"), egress=[wide_rule(0, Action.DENY, [TEN])])],
        POD_RANGE,
        UNSURE,
        WEB.key,
        DB.key,
        ("no port", "no port", set()),
    ),
    "block and nodes outside": (
        [out_of_web(block("203.0.113.0/24"))],
        NODE_RANGE,
        UNSURE,
        WEB.key,
        HERE,
        ("no port", "all ports", {MATCHES_NODES, OWN_NODE}),
    ),
    "block that matches nodes": (
        [out_of_web(block("203.0.113.0/24"))],
        NODE_RANGE,
        SURE,
        WEB.key,
        HERE,
        ("all ports", "no port", set()),
    ),
    "block that leaves nodes out": (
        [out_of_web(block("203.0.113.0/24"))],
        NODE_RANGE,
        msgspec.structs.replace(SURE, block_matches_nodes=NO),
        WEB.key,
        HERE,
        ("no port", "all ports", {OWN_NODE}),
    ),
    "block beside nodes": (
        [out_of_web(block("203.0.113.0/24"))],
        NODE_RANGE,
        UNSURE,
        WEB.key,
        HERE + 16,
        ("all ports", "no port", set()),
    ),
    "a node's address": ([into_db()], NODE_RANGE, SURE, HERE, DB.key, ("no port", "all ports", {OWN_NODE})),
    "hostNetwork and another": (
        [into_db(), NODE],
        Platform(),
        SURE,
        NODE.key,
        DB.key,
        ("no port", "all ports", {SHARED_NODE}),
    ),
    "hostNetwork that perhaps may leave, and another that lets nobody in": (
        [into_db(pods(app="x")), network_policy("q", pods=labelled(app="node"), egress=[]), NODE],
        Platform(),
        UNSURE,
        NODE.key,
        DB.key,
        ("no port", "all ports", {SHARED_NODE}),
    ),
    "to hostNetwork": (
        [network_policy("p", pods=labelled(app="web"), egress=[]), NODE],
        Platform(),
        SURE,
        WEB.key,
        NODE.key,
        ("no port", "all ports", {SHARED_NODE}),
    ),
    "hostNetwork that is perhaps selected": (
        [network_policy("p", pods=labelled(app="node"), ingress=[]), NODE],
        Platform(),
        UNSURE,
        HERE,
        NODE.key,
        ("no port", "all ports", {SELECTED}),
    ),
    "hostNetwork that is surely selected, from outside": (
        [network_policy("p", pods=labelled(app="node"), ingress=[]), NODE],
        Platform(),
        msgspec.structs.replace(SURE, selects_host_network=YES),
        HERE,
        NODE.key,
        ("no port", "no port", set()),
    ),
    "hostNetwork that is surely selected, from the ingress controller, which may run on that node": (
        [network_policy("p", pods=labelled(app="node"), ingress=[rule(0, None, [tcp(80)])]), NODE],
        Platform(),
        msgspec.structs.replace(SURE, selects_host_network=YES),
        INGRESS_CONTROLLER,
        NODE.key,
        ("TCP 80", "TCP 1-79,81-65535, UDP any, SCTP any", {SHARED_NODE}),
    ),
    "block and hostNetwork": (
        [into_db(block("10.1.0.0/16")), NODE],
        NODE_RANGE,
        UNSURE,
        NODE.key,
        DB.key,
        ("no port", "all ports", {MATCHES_NODES, NODE_ADDRESSES, SHARED_NODE}),
    ),
    "block that holds every node": (
        [into_db(block("10.1.0.0/16"), block("203.0.113.0/24")), NODE],
        NODE_RANGE,
        UNSURE,
        NODE.key,
        DB.key,
        ("no port", "all ports", {MATCHES_NODES, SHARED_NODE}),
    ),
    "port names of hostNetwork": (
        [
            network_policy(
                "p",
                pods=labelled(app="web"),
                egress=[rule(0, [block("10.1.0.0/16"), block("203.0.113.0/28")], [NamedPort("http")])],
            ),
            workload("node", host=True, ports=[http(80)]),
        ],
        NODE_RANGE,
        SURE,
        WEB.key,
        NODE.key,
        ("no port", "all ports", {SHARED_NODE}),
    ),
    "end port": (
        [into_db(anyone(), ports=[tcp(80, 90), tcp(100)])],
        Platform(),
        UNSURE,
        WEB.key,
        DB.key,
        ("TCP 80,100", "TCP 81-90", {END_PORT}),
    ),
    "end port of a cluster policy": (
        [wide("p", Action.DENY, ports=[tcp(80, 90)])],
        Platform(),
        UNSURE,
        WEB.key,
        DB.key,
        ("TCP 1-79,91-65535, UDP any, SCTP any", "no port", set()),
    ),
    "nodes by label": (
        [wide_policy("p", egress=[wide_rule(0, Action.DENY, [NodePeer(EVERYTHING)], [tcp(80)])]), NODE],
        Platform(),
        SURE,
        WEB.key,
        NODE.key,
        ("TCP 1-79,81-65535, UDP any, SCTP any", "TCP 80", {NODES, SHARED_NODE}),
    ),
    "nodes' addresses by label": (
        [wide_policy("p", egress=[wide_rule(0, Action.DENY, [NodePeer(EVERYTHING)], [tcp(80)])])],
        NODE_RANGE,
        SURE,
        WEB.key,
        HERE,
        ("TCP 1-79,81-65535, UDP any, SCTP any", "TCP 80", {NODES, OWN_NODE}),
    ),
    "names outside": (
        [
            wide_policy(
                "p",
                egress=[
                    wide_rule(0, Action.ACCEPT, [DomainPeer(("a.example",))], [tcp(443)]),
                    wide_rule(1, Action.DENY, [block("0.0.0.0/0")]),
                ],
            )
        ],
        Platform(),
        SURE,
        WEB.key,
        HERE,
        ("no port", "TCP 443", {NAMES}),
    ),
    "names that are no pods": (
        [
            wide_policy(
                "p",
                egress=[
                    wide_rule(0, Action.ACCEPT, [DomainPeer(("a.example",))]),
                    wide_rule(1, Action.DENY, [anyone()]),
                ],
            )
        ],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("no port", "no port", set()),
    ),
    "a tie": (
        [wide("a", Action.ACCEPT), wide("b", Action.DENY)],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("no port", "all ports", {tie("a", "b")}),
    ),
    "a tie on some ports": (
        [wide("b", Action.ACCEPT, ports=[tcp(80, 90)]), wide("a", Action.DENY, ports=[tcp(85, 95)])],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("TCP 1-84,96-65535, UDP any, SCTP any", "TCP 85-90", {tie("a", "b")}),
    ),
    "a tie of pass and deny, before a policy that closes": (
        [wide("a", Action.PASS), wide("b", Action.DENY), into_db()],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("no port", "no port", set()),
    ),
    "a tie of pass and accept, before a policy that closes": (
        [wide("a", Action.PASS), wide("b", Action.ACCEPT), into_db()],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("no port", "all ports", {tie("a", "b")}),
    ),
    "a tie of pass and deny, before nothing": (
        [wide("a", Action.PASS), wide("b", Action.DENY)],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("no port", "all ports", {tie("a", "b")}),
    ),
    "no tie where both say the same": (
        [wide("a", Action.DENY), wide("b", Action.DENY)],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("no port", "no port", set()),
    ),
    "no tie of other priorities": (
        [wide("b", Action.ACCEPT, priority=1), wide("a", Action.DENY, priority=2)],
        Platform(),
        SURE,
        WEB.key,
        DB.key,
        ("all ports", "no port", set()),
    ),
    "no tie of different ports, beside a doubt": (
        [
            wide("a", Action.ACCEPT, ports=[tcp(80)]),
            wide("b", Action.DENY, PodPeer(EVERYTHING, HASH), ports=[tcp(81)]),
        ],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("TCP 1-80,82-65535, UDP any, SCTP any", "TCP 81", {HASH_LABEL}),
    ),
    "no tie of two that deny perhaps": (
        [wide("a", Action.DENY, PodPeer(EVERYTHING, HASH)), wide("b", Action.DENY, PodPeer(EVERYTHING, UID))],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL, UID_LABEL}),
    ),
    "no tie of two that accept perhaps": (
        [
            wide("a", Action.ACCEPT, PodPeer(EVERYTHING, HASH)),
            wide("b", Action.ACCEPT, PodPeer(EVERYTHING, UID)),
            into_db(),
        ],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL, UID_LABEL}),
    ),
    "a doubt that comes too late": (
        [wide("a", Action.DENY), wide("b", Action.ACCEPT, PodPeer(EVERYTHING, HASH), priority=1)],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "no port", set()),
    ),
    "a doubt behind which nothing is left to decide": (
        [
            wide_policy(
                "a",
                pods=labelled(app="db"),
                ingress=[
                    wide_rule(0, Action.ACCEPT, [PodPeer(EVERYTHING, HASH)]),
                    wide_rule(1, Action.DENY, [anyone()]),
                ],
            ),
            wide("b", Action.ACCEPT, PodPeer(EVERYTHING, UID), priority=1),
            wide("c", Action.ACCEPT, priority=1),
        ],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "all ports", {HASH_LABEL}),
    ),
    "a subject and a peer that are perhaps meant": (
        [
            network_policy("p", pods=UID, ingress=[rule(0, [PodPeer(None, HASH)])]),
            workload("other", runtime=["pod-template-hash"]),
        ],
        Platform(),
        SURE,
        workload("other").key,
        RUN.key,
        ("no port", "all ports", {HASH_LABEL, UID_LABEL}),
    ),
    "a doubt of a later policy": (
        [
            wide("a", Action.DENY, ports=[tcp(80)]),
            wide("b", Action.ACCEPT, PodPeer(EVERYTHING, HASH), priority=1),
            wide("c", Action.DENY, priority=2),
        ],
        Platform(),
        SURE,
        RUN.key,
        DB.key,
        ("no port", "TCP 1-79,81-65535, UDP any, SCTP any", {HASH_LABEL}),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_doubt_is_named(name: str) -> None:
    things, platform, profile, src, dst, expected = CASES[name]
    answer = reach(cluster(WEB, DB, RUN, *things, platform=platform), profile)
    assert told(answer, src, dst) == expected


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[5][1] != "no port"])
def test_an_explanation_names_the_same(name: str) -> None:
    """For a port that is open."""
    things, platform, profile, src, dst, (_, _, reasons) = CASES[name]
    made = cluster(WEB, DB, RUN, *things, platform=platform)
    first = next(reach(made, profile).between(src, dst).open_question.ranges())
    found = explain(made, profile, src, dst, first.protocol, first.first)
    assert found.verdict is Verdict.UNDETERMINED
    assert found.assumptions == tuple(sorted(reasons))


def test_a_side_that_is_settled_has_no_part_in_what_the_other_hangs_on() -> None:
    """The destination lets it in, whether or not a doubtful policy selects it."""
    leaving = network_policy("leaving", pods=labelled(app="web"), egress=[rule(0, [PodPeer(None, UID)])])
    for arriving in (
        [network_policy("maybe", pods=HASH, ingress=[rule()])],
        [network_policy("maybe", pods=HASH, ingress=[rule()]), network_policy("sure", ingress=[rule()])],
        [wide_policy("maybe", pods=HASH, ingress=[wide_rule(0, Action.ACCEPT, [anyone()])])],
    ):
        made = cluster(WEB, RUN, leaving, *arriving)
        assert told(reach(made, SURE), WEB.key, RUN.key) == ("no port", "all ports", {UID_LABEL})
        found = explain(made, SURE, WEB.key, RUN.key, Protocol.TCP, 80)
        assert (found.verdict, found.assumptions) == (Verdict.UNDETERMINED, (UID_LABEL,))


@pytest.mark.parametrize(
    ("actions", "ties"),
    [
        ((Action.ACCEPT, Action.DENY, Action.PASS), {tie("a", "b"), tie("a", "c"), tie("b", "c")}),
        ((Action.ACCEPT, Action.ACCEPT, Action.DENY), {tie("a", "c"), tie("b", "c")}),
        ((Action.DENY, Action.ACCEPT, Action.ACCEPT), {tie("a", "b"), tie("a", "c")}),
        ((None, Action.ACCEPT, Action.DENY), {tie("b", "c")}),
        ((Action.ACCEPT, None, Action.DENY), {tie("a", "c")}),
    ],
)
def test_of_three_of_one_priority_those_that_disagree_are_named(
    actions: tuple[Action | None, ...], ties: set[str]
) -> None:
    """Two by two; one that says nothing of the peer (None) has no part in it."""
    elsewhere = PodPeer(EVERYTHING, labelled(app="nobody"))
    three = [
        wide(name, action or Action.DENY, *([] if action else [elsewhere]))
        for name, action in zip("abc", actions, strict=True)
    ]
    found = cluster(WEB, DB, *three)
    assert told(reach(found, SURE), WEB.key, DB.key) == ("no port", "all ports", ties)
    assert set(explain(found, SURE, WEB.key, DB.key, Protocol.TCP, 80).assumptions) == ties


@pytest.mark.parametrize("action", Action)
def test_a_doubt_that_a_later_rule_settles_is_no_reason(action: Action) -> None:
    """Whatever the first rule does, the last does too; the NetworkPolicy behind it, if reached, has its own doubt."""
    rules = [wide_rule(0, action, [PodPeer(EVERYTHING, HASH)]), wide_rule(1, action, [anyone()])]
    tier = wide_policy("p", pods=labelled(app="db"), ingress=rules)
    found = cluster(WEB, DB, RUN, tier, into_db(PodPeer(None, UID)))
    expected = {
        Action.ACCEPT: ("all ports", "no port", set()),
        Action.DENY: ("no port", "no port", set()),
        Action.PASS: ("no port", "all ports", {UID_LABEL}),
    }[action]
    assert told(reach(found, SURE), RUN.key, DB.key) == expected
    assert set(explain(found, SURE, RUN.key, DB.key, Protocol.TCP, 80).assumptions) == expected[2]


def test_a_policy_of_a_tier_that_perhaps_applies() -> None:
    """Its rules stand aside together."""
    policy: ClusterPolicy = wide_policy(
        "p",
        tier=Tier.BASELINE,
        pods=HASH,
        ingress=[wide_rule(0, Action.ACCEPT, [anyone()], [tcp(80)]), wide_rule(1, Action.DENY, [anyone()])],
    )
    found = told(reach(cluster(WEB, RUN, policy), SURE), WEB.key, RUN.key)
    assert found == ("TCP 80", "TCP 1-79,81-65535, UDP any, SCTP any", {HASH_LABEL})


@pytest.mark.parametrize("seed", range(60))
def test_an_explanation_hangs_on_what_the_answer_hangs_on(seed: int) -> None:
    """A reason that `why` gives for one port is among those of the pair, and nothing certain has reasons."""
    made, profile, _ = random_case(seed, 1)
    answer, explainer = reach(made, profile), Explainer(made, profile)
    for q in questions(Random(seed), made, 40):
        src, dst = engine_side(q.src), engine_side(q.dst)
        grant = answer.between(src, dst)
        found = explainer.explain(src, dst, q.protocol, q.port)
        assert bool(grant.reasons) == bool(grant.open_question)
        if found.verdict is Verdict.UNDETERMINED:
            assert found.assumptions
            assert grant.reasons.issuperset(found.assumptions)
