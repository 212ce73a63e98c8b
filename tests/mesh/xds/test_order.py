"""Make before break, with every interleaving that chance finds."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from licet.mesh.resource import Kind, Snapshot
from tests.mesh.xds.nodes import Node
from tests.mesh.xds.resources import cluster, other, simple, snapshot
from tests.mesh.xds.talks import FORMS, Talk

EITHER = pytest.mark.parametrize("form", FORMS)


def has(node: Node, wanted: Snapshot) -> bool:
    """Whether the node has this and no more."""
    return all(
        node.held[kind].keys() == wanted.resources[kind].keys() for kind in (Kind.CLUSTER, Kind.LISTENER, Kind.ROUTES)
    ) and all(
        node.held[kind][name].mark == wanted.resources[kind][name].body.decode().split('"mark":"')[1].split('"')[0]
        for kind in (Kind.LISTENER, Kind.ROUTES, Kind.EXTENSION)
        for name in node.held[kind]
        if name in wanted.resources[kind]
    )


@EITHER
def test_a_start_goes_from_clusters_to_policies(form: Callable[[], Node]) -> None:
    talk = Talk(form(), simple("1")).settle()
    kinds = [kind for kind, _, _ in talk.node.heard]
    assert kinds[:3] == [Kind.CLUSTER, Kind.ENDPOINTS, Kind.LISTENER]
    assert sorted(kinds[3:], key=str) == [Kind.EXTENSION, Kind.ROUTES]
    assert has(talk.node, simple("1"))
    assert talk.acked == simple("1").versions


@EITHER
def test_what_is_new_is_there_before_it_is_used_and_what_is_old_goes_after(form: Callable[[], Node]) -> None:
    talk = Talk(form(), simple("1")).settle().shown(simple("2"))
    kinds = [kind for kind, _, _ in talk.node.heard]
    first, last = kinds.index(Kind.CLUSTER), len(kinds) - 1 - kinds[::-1].index(Kind.CLUSTER)
    assert first < kinds.index(Kind.ENDPOINTS) < kinds.index(Kind.LISTENER) < kinds.index(Kind.ROUTES) < last
    assert first < kinds.index(Kind.EXTENSION) < last
    assert has(talk.node, simple("2"))
    assert talk.acked == simple("2").versions


@EITHER
def test_what_is_being_removed_does_not_come_back(form: Callable[[], Node]) -> None:
    """A change that comes before the answer would ask for a cluster whose endpoints nobody has any more."""
    talk = Talk(form(), simple("1")).settle()
    talk.show(simple("2"))
    while (Kind.CLUSTER, ("cluster-1",)) not in [(kind, removed) for kind, _, removed in talk.node.heard]:
        talk.step()
    talk.node.heard.clear()
    talk.show(simple("3"))
    talk.settle()
    assert not any("cluster-1" in names for kind, names, _ in talk.node.heard if kind is Kind.CLUSTER)
    assert has(talk.node, simple("3"))


@EITHER
def test_a_changed_cluster_is_given_its_endpoints_again(form: Callable[[], Node]) -> None:
    """Envoy waits for them, although they are the same."""
    endpoints = [other("a"), other("b")]
    talk = Talk(form(), snapshot(clusters=[cluster("a"), cluster("b")], endpoints=endpoints)).settle()
    talk.shown(snapshot(clusters=[cluster("a", "new"), cluster("b")], endpoints=endpoints))
    assert [names for kind, names, _ in talk.node.heard if kind is Kind.ENDPOINTS] == [("a",)]


@EITHER
def test_a_changed_policy_alone_is_all_that_is_said(form: Callable[[], Node]) -> None:
    one, two = simple("1"), simple("1")
    two = Snapshot.of({**{k: v.values() for k, v in one.resources.items()}, Kind.EXTENSION: [other("policy", "2")]})
    talk = Talk(form(), one).settle().shown(two)
    assert talk.node.heard == [(Kind.EXTENSION, ("policy",), ())]


@EITHER
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SECRET])
def test_what_is_refused_leaves_what_was_there_in_use(form: Callable[[], Node], kind: Kind) -> None:
    """`Node.check` sees that no cluster is missed. A policy waits for nobody, whatever else is refused."""
    talk = Talk(form(), simple("1")).settle().shown(simple("2", bad=kind))
    node = talk.node
    assert "cluster-1" in node.held[Kind.CLUSTER]
    assert node.held[Kind.EXTENSION]["policy"].mark == ("1" if kind is Kind.EXTENSION else "2")
    if kind is not Kind.EXTENSION:
        assert node.held[Kind.ROUTES]["in"].mark == "1"
    assert [refused for refused, _, _ in talk.refusals] == [kind]
    assert talk.acked[kind] == simple("1").versions[kind]
    talk.shown(simple("3"))
    assert has(node, simple("3"))
    assert talk.acked == simple("3").versions


@EITHER
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SECRET])
def test_going_back_from_what_was_refused_undoes_what_of_it_was_taken(form: Callable[[], Node], kind: Kind) -> None:
    talk = Talk(form(), simple("1")).settle().shown(simple("2", bad=kind)).shown(simple("1"))
    assert has(talk.node, simple("1"))
    assert talk.acked == simple("1").versions


def some(chance: random.Random) -> Snapshot:
    """A snapshot that makes sense, in which something may be bad."""
    names = chance.sample("abcde", chance.randint(0, 5))
    bad = chance.random() < 0.3

    def broken() -> bool:
        return bad and chance.random() < 0.3

    def mark() -> str:
        return str(chance.randint(1, 3))

    ports = chance.sample("12", chance.randint(0, 2))
    return snapshot(
        clusters=[cluster(name, mark(), discovered=chance.random() < 0.8, bad=broken()) for name in names],
        endpoints=[other(name, mark(), bad=broken()) for name in names],
        listeners=[
            other(
                port,
                mark(),
                routes=[f"r{port}"],
                policies=[f"p{port}"],
                clusters=chance.sample(names, chance.randint(0, len(names))),
                bad=broken(),
            )
            for port in ports
        ],
        routes=[
            other(f"r{port}", mark() + "r", clusters=chance.sample(names, chance.randint(0, len(names))), bad=broken())
            for port in ports
        ],
        policies=[other(f"p{port}", mark() + "p", bad=broken()) for port in ports],
    )


@EITHER
@pytest.mark.parametrize("seed", range(150))
def test_no_order_of_messages_leaves_a_node_in_need(form: Callable[[], Node], seed: int) -> None:
    """Changes come while others are under way, some are refused, and the stream breaks: the end is always the same."""
    chance = random.Random(seed)
    node = form()
    talk = Talk(node)
    shown = some(chance)
    for _ in range(12):
        match chance.random():
            case low if low < 0.1:
                # The state of the world says nothing of what is old to whoever has forgotten the stream before.
                node.strict = "Delta" in type(node).__name__
                talk = Talk(node, shown, talk)
            case _:
                shown = some(chance)
                talk.show(shown)
        for _ in range(chance.randint(0, 15)):
            talk.step(chance)
    talk.settle(chance)
    talk.show(simple("end"))
    talk.settle(chance)
    assert has(node, simple("end"))
    assert talk.acked == simple("end").versions
