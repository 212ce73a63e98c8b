"""Mutations: of bytes, and of DER's structure with its lengths put right, so that they reach behind the first check."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

_ODD = (
    b"",
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x30\x80",
    b"\x00" * 16,
    b"\xff" * 9,
    b"spiffe://",
    b"..",
    b"/",
    b"%00",
)
_TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x30, 0x31, 0x80, 0x82, 0x86, 0xA0, 0xA3, 0x1F)
_DEEPEST = 24


class Node(msgspec.Struct):
    """A value of DER: its parts, or its content. What stands in an octet or a bit string is taken apart as well."""

    tag: int
    content: bytes = b""
    parts: list[Node] | None = None
    before: bytes = b""

    def encode(self) -> bytes:
        """The bytes, with the lengths that they now have."""
        inner = self.content if self.parts is None else self.before + b"".join(part.encode() for part in self.parts)
        return bytes([self.tag]) + _length(len(inner)) + inner

    def all(self) -> list[Node]:
        """This value and those in it."""
        return [self, *(each for part in self.parts or () for each in part.all())]


def mutated(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Something near this, or between it and another."""
    trees = parse(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if trees and chance.random() < 0.7:
            _STRUCTURE[chance.randrange(len(_STRUCTURE))](trees, chance)
            data = b"".join(tree.encode() for tree in trees)
        else:
            data = _BYTES[chance.randrange(len(_BYTES))](data, chance.choice(others), chance)
            trees = parse(data)
    return data[: 1 << 16]


def parse(data: bytes, depth: int = 0) -> list[Node]:
    """The values that stand here one after the other, none where the bytes are no DER from end to end."""
    nodes, at = [], 0
    while at < len(data):
        if at + 2 > len(data) or depth > _DEEPEST:
            return []
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            many = size & 0x7F
            size, start = int.from_bytes(data[start : start + many]), start + many
            if not 1 <= many <= 3:
                return []
        if start + size > len(data):
            return []
        nodes.append(_node(tag, data[start : start + size], depth))
        at = start + size
    return nodes


def _node(tag: int, content: bytes, depth: int) -> Node:
    before = content[:1] if tag == 0x03 else b""
    parts = parse(content[len(before) :], depth + 1) if tag & 0x20 or tag in (0x03, 0x04) else []
    return Node(tag, content, parts, before) if parts else Node(tag, content)


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    body = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(body)]) + body


def _parents(trees: list[Node]) -> list[list[Node]]:
    return [trees, *(each.parts for tree in trees for each in tree.all() if each.parts)]


def _drop(trees: list[Node], chance: random.Random) -> None:
    parts = chance.choice(_parents(trees))
    if parts:
        parts.pop(chance.randrange(len(parts)))


def _repeat(trees: list[Node], chance: random.Random) -> None:
    parts = chance.choice(_parents(trees))
    if parts:
        parts.insert(chance.randrange(len(parts) + 1), _copy(chance.choice(parts)))


def _shuffle(trees: list[Node], chance: random.Random) -> None:
    chance.shuffle(chance.choice(_parents(trees)))


def _graft(trees: list[Node], chance: random.Random) -> None:
    nodes = [each for tree in trees for each in tree.all()]
    if nodes:
        target, source = chance.choice(nodes), _copy(chance.choice(nodes))
        target.tag, target.content, target.parts, target.before = (
            source.tag,
            source.content,
            source.parts,
            source.before,
        )


def _retag(trees: list[Node], chance: random.Random) -> None:
    nodes = [each for tree in trees for each in tree.all()]
    if nodes:
        chance.choice(nodes).tag = chance.choice(_TAGS)


def _refill(trees: list[Node], chance: random.Random) -> None:
    leaves = [each for tree in trees for each in tree.all() if each.parts is None]
    if leaves:
        leaf = chance.choice(leaves)
        change = _BYTES[chance.randrange(len(_BYTES))]
        leaf.content = change(leaf.content, chance.choice(leaves).content, chance)


def _wrap(trees: list[Node], chance: random.Random) -> None:
    nodes = [each for tree in trees for each in tree.all()]
    if nodes:
        node = chance.choice(nodes)
        for _ in range(chance.choice((1, 2, 40))):
            node.parts, node.before, node.tag = [Node(node.tag, node.content, node.parts, node.before)], b"", 0x30


def _copy(node: Node) -> Node:
    return Node(
        node.tag, node.content, None if node.parts is None else [_copy(each) for each in node.parts], node.before
    )


def _flip(data: bytes, _: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _set(data: bytes, _: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, _: bytes, chance: random.Random) -> bytes:
    one, two = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return chance.choice((data[:one], data[two:], data[:one] + data[two:]))


def _insert(data: bytes, _: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice((*_ODD, chance.randbytes(chance.randrange(1, 9)))) + data[at:]


def _twice(data: bytes, _: bytes, chance: random.Random) -> bytes:
    one, two = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:two] + data[one:two] * chance.choice((1, 2, 50)) + data[two:]


def _splice(data: bytes, other: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


_BYTES: tuple[Callable[[bytes, bytes, random.Random], bytes], ...] = (_flip, _set, _cut, _insert, _twice, _splice)
_STRUCTURE: tuple[Callable[[list[Node], random.Random], None], ...] = (
    _drop,
    _repeat,
    _shuffle,
    _graft,
    _retag,
    _refill,
    _refill,
    _wrap,
)
