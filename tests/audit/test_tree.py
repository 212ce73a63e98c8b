"""The tree against the definitions of RFC 9162, written down as they stand there."""

from __future__ import annotations

from hashlib import sha256
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.audit.tree import Frontier, consistency, consistent, includes, inclusion, leaf_hash, root_of

LEAVES = [leaf_hash(str(number).encode()) for number in range(600)]


def defined(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1.1, over hashes of records."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + defined(leaves[:half]) + defined(leaves[half:])).digest()


def subtree(first: int, last: int) -> bytes:
    return defined(LEAVES[first:last])


@pytest.mark.parametrize("size", [*range(18), 255, 256, 257, 600])
def test_the_root_is_the_defined_one(size: int) -> None:
    assert root_of(LEAVES[:size]) == defined(LEAVES[:size])


def test_known_roots() -> None:
    """Vectors of the reference implementation of RFC 6962, whose tree is the same."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_full_subtrees_are_told_as_they_fill_up() -> None:
    tree = Frontier()
    for leaf in LEAVES:
        tree.add(leaf)
    assert tree.full == [(8, 0, defined(LEAVES[:256])), (8, 1, defined(LEAVES[256:512]))]


def test_a_tree_grows_on_from_its_frontier() -> None:
    first = Frontier()
    for leaf in LEAVES[:300]:
        first.add(leaf)
    second = Frontier(first.size, first.hashes)
    for leaf in LEAVES[300:]:
        second.add(leaf)
    assert second.root() == defined(LEAVES)


@pytest.mark.parametrize("size", [*range(1, 20), 64, 65, 127, 300])
def test_every_record_is_shown_to_be_in_the_tree_and_nothing_else_is(size: int) -> None:
    root = defined(LEAVES[:size])
    for position in range(size):
        path = inclusion(position, size, subtree)
        assert includes(root, size, position, LEAVES[position], path)
        assert not includes(root, size, position, LEAVES[size], path)
        assert not includes(root, size, position, LEAVES[position], [*path, root])
        assert not path or not includes(root, size, position, LEAVES[position], path[:-1])
        assert not includes(root, size, (position + 1) % size, LEAVES[position], path) or size == 1


@pytest.mark.parametrize("size", [*range(1, 20), 64, 65, 127])
def test_every_smaller_tree_is_shown_to_be_its_beginning_and_nothing_else_is(size: int) -> None:
    root = defined(LEAVES[:size])
    for old in range(size + 1):
        old_root = defined(LEAVES[:old])
        path = consistency(old, size, subtree)
        assert consistent(old, old_root, size, root, path)
        assert not consistent(old, LEAVES[-1], size, root, path)
        assert not consistent(old, old_root, size, root, [*path, root])
        assert not path or not consistent(old, old_root, size, root, path[:-1])
        assert not 0 < old < size or not consistent(old, old_root, size, LEAVES[-1], path)


@given(st.integers(1, 500), st.randoms(use_true_random=False))
def test_a_path_of_which_one_bit_is_changed_shows_nothing(size: int, random: Random) -> None:
    position = random.randrange(size)
    path = inclusion(position, size, subtree)
    if path:
        at, bit = random.randrange(len(path)), random.randrange(256)
        path[at] = (int.from_bytes(path[at]) ^ (1 << bit)).to_bytes(32)
        assert not includes(root_of(LEAVES[:size]), size, position, LEAVES[position], path)
