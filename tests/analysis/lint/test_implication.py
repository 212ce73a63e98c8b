"""A rule that implies another matches no more than it, whatever pods there are; and the plain cases are seen."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from licet.analysis.lint.implication import implies
from licet.model.policy import BlockPeer, NetworkRule, Peer, PodPeer
from licet.model.ports import LAST_PORT, NamedPort, PortRange, PortRule, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.ternary import Ternary
from tests.analysis.small import anyone, block, labelled, pods, rule, tcp

HTTP = NamedPort("http")
WEB, BACK = labelled(app="web"), labelled(app="web", tier="back")
RED = labelled(team="red")

WIDER: dict[str, tuple[NetworkRule, NetworkRule]] = {
    "the same": (rule(0, [pods(app="web")], [tcp(80), HTTP]), rule(1, [pods(app="web")], [HTTP, tcp(80)])),
    "any peer": (rule(0, [pods(app="web")], [tcp(80)]), rule(1, None, [tcp(80)])),
    "every port": (rule(0, [pods(app="web")], [HTTP]), rule(1, [pods(app="web")])),
    "both without ports": (rule(0, None), rule(1, None)),
    "one of its peers": (rule(0, [pods(app="web")]), rule(1, [pods(app="db"), pods(app="web")])),
    "fewer labels": (rule(0, [PodPeer(None, BACK)]), rule(1, [PodPeer(None, WEB)])),
    "fewer labels of namespaces": (
        rule(0, [PodPeer(labelled(team="red", env="prod"), WEB)]),
        rule(1, [PodPeer(RED, WEB)]),
    ),
    "its own namespace in every namespace": (rule(0, [PodPeer(None, WEB)]), rule(1, [PodPeer(EVERYTHING, EVERYTHING)])),
    "a wider block": (rule(0, [block("10.1.0.0/16")]), rule(1, [block("10.0.0.0/8")])),
    "every port of the protocol": (rule(0, None, [tcp(80)]), rule(1, None, [tcp(1, LAST_PORT)])),
    "a range around it": (rule(0, None, [tcp(81, 89)]), rule(1, None, [tcp(80, 90)])),
    "two ranges together": (rule(0, None, [tcp(81, 89)]), rule(1, None, [tcp(85, 90), HTTP, tcp(80, 84)])),
}
NEED_END_PORT = {"a range around it", "two ranges together"}

NOT_WIDER: dict[str, tuple[NetworkRule, NetworkRule]] = {
    "only some peers": (rule(0, None), rule(1, [anyone()])),
    "one peer of two": (rule(0, [pods(app="web"), pods(app="db")]), rule(1, [pods(app="web")])),
    "more labels": (rule(0, [PodPeer(None, WEB)]), rule(1, [PodPeer(None, BACK)])),
    "other labels": (rule(0, [pods(app="web")]), rule(1, [pods(app="db")])),
    "its own namespace beside some": (rule(0, [PodPeer(None, WEB)]), rule(1, [PodPeer(RED, WEB)])),
    "every namespace beside its own": (rule(0, [anyone()]), rule(1, [PodPeer(None, EVERYTHING)])),
    "more labels of namespaces": (rule(0, [anyone()]), rule(1, [PodPeer(RED, EVERYTHING)])),
    "a smaller block": (rule(0, [block("10.0.0.0/8")]), rule(1, [block("10.1.0.0/16")])),
    "pods beside a block": (rule(0, [pods(app="web")]), rule(1, [block("0.0.0.0/0")])),
    "a block beside pods": (rule(0, [block("10.0.0.0/8")]), rule(1, [anyone()])),
    "some ports only": (rule(0, None), rule(1, None, [tcp(1, LAST_PORT)])),
    "another protocol": (rule(0, None, [PortRange(Protocol.UDP, 80, 80)]), rule(1, None, [tcp(1, LAST_PORT)])),
    "a name beside every number": (rule(0, None, [HTTP]), rule(1, None, [tcp(1, LAST_PORT)])),
    "another name": (rule(0, None, [HTTP]), rule(1, None, [NamedPort("dns")])),
    "a range that ends before": (rule(0, None, [tcp(81, 91)]), rule(1, None, [tcp(80, 90)])),
}


@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("name", WIDER)
def test_a_rule_is_no_narrower(name: str, sure: bool) -> None:
    """What ranges of ports mean together is only known where the enforcer reads `endPort`."""
    assert implies(*WIDER[name], sure) is (sure or name not in NEED_END_PORT)


@pytest.mark.parametrize("name", NOT_WIDER)
def test_a_rule_may_be_narrower(name: str) -> None:
    assert not implies(*NOT_WIDER[name], end_port_is_sure=True)


# --- The law ---------------------------------------------------------------------------------------------------------

LABELS = [
    dict(kept) for kept in itertools.product([("app", "web"), ("app", "db"), ("x", "")], [("tier", "back"), ("y", "")])
]
TEAMS = [("own", {"team": "red"}), ("own", {}), ("other", {"team": "red"}), ("other", {})]
PORTS = (79, 80, 81, 90)
BLOCKS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "0.0.0.0/0")


def matched(rule: NetworkRule) -> set[tuple[object, ...]]:
    """Every packet of a small world that a rule matches; a name of a port means another number on each pod."""
    ends: list[tuple[object, ...]] = [
        ("pod", at, home) for at, _ in enumerate(LABELS) for home, _ in enumerate(TEAMS) if _is_peer(rule, at, home)
    ]
    addresses = {text: block(text).addresses for text in BLOCKS}
    for text, held in addresses.items():
        first = type(held)(((held.spans[0][0] + 9, held.spans[0][0] + 9),))
        blocks = [peer.addresses for peer in rule.peers or () if isinstance(peer, BlockPeer)]
        if rule.peers is None or any(first & own for own in blocks):
            ends.append(("address", text))
    points = [(protocol, port) for protocol in (Protocol.TCP, Protocol.UDP) for port in PORTS]
    return {
        (*end, point, http)
        for end in ends
        for point in points
        for http in PORTS
        if rule.ports is None or any(_is_port(port, point, http) for port in rule.ports)
    }


def _is_peer(rule: NetworkRule, at: int, home: int) -> bool:
    if rule.peers is None:
        return True
    where, labels = TEAMS[home]
    return any(
        peer.pods.matches(LABELS[at]) is Ternary.YES
        and (where == "own" if peer.namespaces is None else peer.namespaces.matches(labels) is Ternary.YES)
        for peer in rule.peers
        if isinstance(peer, PodPeer)
    )


def _is_port(port: PortRule, point: tuple[Protocol, int], http: int) -> bool:
    protocol, number = point
    if isinstance(port, NamedPort):
        return protocol is port.protocol and number == http
    return protocol is port.protocol and port.first <= number <= port.last


def a_selector(rng: Random) -> Selector:
    """One or no requirement of each kind."""
    asked = [
        Requirement("app", rng.choice([Operator.IN, Operator.NOT_IN]), ("web",)),
        Requirement("tier", Operator.EXISTS, ()),
        Requirement("team", Operator.IN, ("red",)),
    ]
    return Selector.of(rng.sample(asked, rng.randint(0, 2)))


def a_rule(rng: Random) -> NetworkRule:
    """Of few peers and ports, so that one often lies in another."""
    peers: list[Peer] = [
        PodPeer(rng.choice([None, EVERYTHING, RED]), a_selector(rng)),
        PodPeer(rng.choice([None, EVERYTHING]), rng.choice([WEB, BACK, EVERYTHING])),
        block(rng.choice(BLOCKS)),
    ]
    first, last = sorted(rng.choices(PORTS, k=2))
    ports: list[PortRule] = [tcp(first, last), tcp(1, LAST_PORT), HTTP, PortRange(Protocol.UDP, first, last)]
    return rule(
        0,
        None if rng.random() < 0.2 else rng.sample(peers, rng.randint(1, 3)),
        None if rng.random() < 0.3 else rng.sample(ports, rng.randint(1, 2)),
    )


def test_what_a_rule_implies_matches_all_that_it_matches() -> None:
    rng = Random(7)
    told = 0
    for _ in range(1500):
        one, other = a_rule(rng), a_rule(rng)
        if implies(one, other, end_port_is_sure=True):
            told += 1
            assert matched(one) <= matched(other), (one, other)
    assert told > 100
