"""Groups in the table say exactly who is meant."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.cli.render.names import Names
from licet.model.addresses import EVERY_ADDRESS, range_text
from licet.model.edge import Endpoint, EndpointType
from licet.model.key import Key


def _workload(namespace: str, name: str, kind: str = "Deployment") -> Endpoint:
    key = Key("", "apps", kind, namespace, name)
    return Endpoint(str(key), EndpointType.WORKLOAD, key)


SHOP = [_workload("shop", f"s{n:02}") for n in range(20)]
BANK = [_workload("bank", f"b{n}") for n in range(3)]
NAMES = Names([*SHOP, *BANK])


def _ids(endpoints: Sequence[Endpoint]) -> list[str]:
    return [endpoint.id for endpoint in endpoints]


@pytest.mark.parametrize(
    ("group", "labels"),
    [
        (SHOP[:1], ["shop/s00"]),
        (SHOP[:2], ["shop/s00", "shop/s01"]),
        (SHOP, ["all 20 in shop"]),
        (SHOP[1:], ["all 20 in shop but shop/s00"]),
        (SHOP[2:], ["all 20 in shop but shop/s00 and shop/s01"]),
        (SHOP[3:], ["17 of 20 in shop"]),
        (BANK, ["all 3 in bank"]),
        (SHOP + BANK, ["all 23 workloads"]),
        (SHOP + BANK[:1], ["all 23 workloads but bank/b1 and bank/b2"]),
        (SHOP + BANK[:0] + BANK[2:], ["all 23 workloads but bank/b0 and bank/b1"]),
        (SHOP[:1] + BANK, ["shop/s00", "all 3 in bank"]),
    ],
)
def test_groups_are_folded_where_that_is_shorter(group: list[Endpoint], labels: list[str]) -> None:
    assert NAMES.fold(_ids(group)) == labels


def test_a_kind_is_shown_only_where_it_tells_apart() -> None:
    names = Names([_workload("shop", "db"), _workload("shop", "db", "StatefulSet"), _workload("shop", "web")])
    assert names.fold(["shop/db[Deployment]", "shop/web[Deployment]"]) == ["shop/db[Deployment]", "shop/web"]


@pytest.mark.parametrize(
    ("spans", "labels"),
    [
        ([EVERY_ADDRESS.spans[0]], ["every address outside"]),
        ([(0x0A000000, 0x0AFFFFFF)], ["10.0.0.0/8"]),
        ([(0x0A000001, 0x0A000001)], ["10.0.0.1"]),
        ([(0x0A000001, 0x0A000002)], ["10.0.0.1-10.0.0.2"]),
        ([(0, 9), (10, 15)], ["0.0.0.0/28"]),
        ([(20 * n, 20 * n) for n in range(9)], ["9 address ranges"]),
        ([(1 << 32, (1 << 32) + (1 << 127) - 1)], ["::/1"]),
    ],
)
def test_addresses_are_shown_as_blocks_where_they_are_blocks(spans: list[tuple[int, int]], labels: list[str]) -> None:
    ids = [part for first, last in spans for part in _ranges(first, last)]
    assert Names([]).fold(ids) == labels


def _ranges(first: int, last: int) -> list[str]:
    if first < 1 << 32 <= last:
        return [range_text(first, (1 << 32) - 1), range_text(1 << 32, last)]
    return [range_text(first, last)]


@given(st.sets(st.integers(0, 22), min_size=1))
def test_what_a_label_says_is_who_is_in_the_group(numbers: set[int]) -> None:
    everyone = [*SHOP, *BANK]
    group = [everyone[number] for number in sorted(numbers)]
    assert _members(NAMES.fold(_ids(group))) == len(group)


def _members(labels: list[str]) -> int:
    """How many workloads the labels stand for."""
    total = 0
    for label in labels:
        words = label.split()
        if words[0] == "all":
            total += int(words[1]) - label.count("/")
        else:
            total += int(words[0]) if words[1:2] == ["of"] else 1
    return total
