"""Pairs and parts of a map hold exactly what the map holds."""

from hypothesis import given
from hypothesis import strategies as st

from licet.cli.render.pairs import Pairs, Side, focus
from licet.model.edge import Edge, Endpoint, EndpointType, ReachMap
from licet.model.ports import PortRange, PortSet, Protocol

_IDS = [f"w{number}" for number in range(6)]
_PORTS = [PortSet.of(PortRange(Protocol.TCP, first, last)) for first, last in ((1, 9), (5, 20), (80, 80))]

groups = st.lists(st.sampled_from(_IDS), min_size=1, unique=True).map(tuple)
edges = st.lists(
    st.builds(Edge, groups, groups, st.sampled_from(_PORTS), st.sampled_from([(), ("a",), ("a", "b")])), max_size=8
)


def _meaning(found: list[Edge]) -> dict[tuple[str, str, tuple[str, ...]], PortSet]:
    """Per source, destination and assumptions the ports."""
    meaning: dict[tuple[str, str, tuple[str, ...]], PortSet] = {}
    for edge in found:
        for src in edge.src:
            for dst in edge.dst:
                key = (src, dst, edge.assumptions)
                meaning[key] = meaning.get(key, PortSet()) | edge.ports
    return meaning


@given(edges)
def test_every_pair_comes_once_with_all_its_ports(found: list[Edge]) -> None:
    pairs = list(Pairs(found))
    assert _meaning(pairs) == _meaning(found)
    assert len(pairs) == len(_meaning(found))


@given(edges)
def test_the_count_needs_no_walk_and_is_right(found: list[Edge]) -> None:
    assert Pairs(found).count() == len(list(Pairs(found)))


@given(edges, st.sampled_from(_IDS), st.sampled_from(Side))
def test_focus_keeps_what_touches_the_workload_and_nothing_else(found: list[Edge], id: str, side: Side) -> None:
    whole = ReachMap("kubernetes", tuple(Endpoint(i, EndpointType.WORKLOAD) for i in _IDS), tuple(found), ())
    part = focus(whole, frozenset({id}), side)
    wanted = {
        (src, dst, assumptions): ports
        for (src, dst, assumptions), ports in _meaning(found).items()
        if (side is not Side.IN and src == id) or (side is not Side.OUT and dst == id)
    }
    assert _meaning(list(part.edges)) == wanted
    named = {id, *(end for src, dst, _ in wanted for end in (src, dst))}
    assert [endpoint.id for endpoint in part.endpoints] == [i for i in _IDS if i in named]
