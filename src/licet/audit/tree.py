"""The Merkle tree of RFC 9162, section 2.1: its root, its growth, its proofs. Positions count from 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

Subtree: TypeAlias = Callable[[int, int], bytes]
"""The hash over the records from the first position up to, and without, the second."""

WIDTH = 32
"""Bytes of a hash."""
EMPTY = sha256(b"").digest()
KEPT_LEVELS = 8
"""Hashes of full subtrees are kept on every eighth level: those over 256 records, over 65536, and so on."""


def leaf_hash(record: bytes) -> bytes:
    """The hash of a record (2.1.1)."""
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children (2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that grows at its right end, known by its full subtrees alone, the largest first.

    A record is added at a cost of one node on average, of the logarithm of the size at most.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        self.full: list[tuple[int, int, bytes]] = []
        """Subtrees on kept levels that filled up since: level, number on that level, hash."""
        if len(self.hashes) != size.bit_count():
            raise ValueError("a tree has as many full subtrees as its size has bits")

    def add(self, leaf: bytes) -> None:
        """Put the hash of a record at the end."""
        hashes, size, level = self.hashes, self.size, 0
        while size & 1:
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
            level += 1
            if not level % KEPT_LEVELS:
                self.full.append((level, size, leaf))
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The hash over everything (2.1.1)."""
        if not self.hashes:
            return EMPTY
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> Frontier:
        """The same tree, which grows on its own."""
        return Frontier(self.size, self.hashes)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The hash over these records' hashes, or over these full subtrees of equal size."""
    tree = Frontier()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion(position: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that a record is in the tree of this size, the lowest node first (2.1.3.1)."""
    if not 0 <= position < size:
        raise ValueError("no such position in a tree of this size")
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if position < middle:
            path.append(subtree(middle, last))
            last = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    return path[::-1]


def consistency(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of this size begins with that of the old one (2.1.4.1); none is needed from size 0."""
    if not 0 <= old <= size:
        raise ValueError("a tree does not shrink")
    if old in (0, size):
        return []
    path: list[bytes] = []
    first, last, known = 0, size, True
    while last != old:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(subtree(middle, last))
            last = middle
        else:
            path.append(subtree(first, middle))
            first, known = middle, False
    if not known:
        path.append(subtree(first, last))
    return path[::-1]


def includes(root: bytes, size: int, position: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether the proof shows that this record's hash stands at this position of the tree (2.1.3.2)."""
    if not 0 <= position < size:
        return False
    number, last, computed = position, size - 1, leaf
    for sibling in path:
        if not last:
            return False
        if number & 1 or number == last:
            computed = node_hash(sibling, computed)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        number >>= 1
        last >>= 1
    return not last and computed == root


def consistent(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree begins with the old one (2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not path and old_root == root
    if not old:
        return not path and old_root == EMPTY
    nodes = list(path) if old & (old - 1) else [old_root, *path]
    if not nodes:
        return False
    number, last = old - 1, size - 1
    while number & 1:
        number >>= 1
        last >>= 1
    of_old = of_new = nodes[0]
    for node in nodes[1:]:
        if not last:
            return False
        if number & 1 or number == last:
            of_old, of_new = node_hash(node, of_old), node_hash(node, of_new)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            of_new = node_hash(of_new, node)
        number >>= 1
        last >>= 1
    return not last and of_old == old_root and of_new == root


def _split(width: int) -> int:
    """The largest power of two below the width."""
    return 1 << ((width - 1).bit_length() - 1)
