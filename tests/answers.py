"""From manifests to an answer in its plainest form, pair by pair, so that tests can compare whole answers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from licet.analysis.reach import reach
from licet.diag.diagnostic import Diagnostic
from licet.diag.text import Text
from licet.manifest.decode import decode
from licet.manifest.documents import read
from licet.model.addresses import EVERY_ADDRESS, AddressSet, range_from_text, range_text
from licet.model.cluster import Cluster
from licet.model.edge import Edge
from licet.model.platform import UNKNOWN_PLATFORM, Platform
from licet.model.ports import NO_PORTS, PortRange, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.sources import Fetched, fetch

Pairs: TypeAlias = dict[tuple[str, str], PortSet]
"""What a source may reach at a destination, by ids; a pair that is missing reaches nothing."""


_RANGE = re.compile(r"[0-9a-f.:]+-[0-9a-f.:]+")


class Answer(msgspec.Struct, frozen=True):
    """A whole map, pair by pair; `why` holds the assumptions of the undetermined pairs."""

    allowed: Pairs
    undetermined: Pairs
    why: frozenset[str]


def manifests(
    *paths: str, texts: Sequence[Text] = (), platform: Platform = UNKNOWN_PLATFORM
) -> tuple[Cluster, list[Diagnostic]]:
    """What the files at the paths, and the texts beside them, mean; with every finding on the way."""
    fetched = fetch(paths) if paths else Fetched([], [])
    documents, broken = read([*fetched.texts, *texts])
    decoded = decode(documents, platform=platform)
    return decoded.cluster, [*fetched.diagnostics, *broken, *decoded.diagnostics]


def answer(cluster: Cluster, profile: str) -> Answer:
    """The whole map of the cluster."""
    answered = reach(cluster, PROFILES[profile]).map()
    return Answer(
        allowed=pairs(answered.edges),
        undetermined=pairs(answered.undetermined),
        why=frozenset(assumption for edge in answered.undetermined for assumption in edge.assumptions),
    )


def pairs(edges: Iterable[Edge]) -> Pairs:
    """Edges between groups, spelled out."""
    spelled: Pairs = {}
    for edge in edges:
        for src in edge.src:
            for dst in edge.dst:
                spelled[src, dst] = spelled.get((src, dst), NO_PORTS) | edge.ports
    return spelled


def ports(text: str) -> PortSet:
    """Read `TCP 80,90-95,UDP 53`: a number goes on with the protocol before it; `all` is every port of all three."""
    if text == "all":
        return PortSet.of(*(PortRange(protocol) for protocol in Protocol))
    ranges: list[PortRange] = []
    protocol = Protocol.TCP
    for part in text.split(","):
        word, _, numbers = part.strip().rpartition(" ")
        if word:
            protocol = Protocol[word]
        first, _, last = numbers.partition("-")
        ranges.append(PortRange(protocol, int(first), int(last or first)))
    return PortSet.of(*ranges)


def listed(text: str, names: Mapping[str, Sequence[str]] | None = None) -> Pairs:
    """Read a map as a person writes it, `a, b -> c : TCP 80` a line; `names` says which ids a word stands for."""
    known = names or {}
    found: Pairs = {}
    for line in filter(None, map(str.strip, text.split("\n"))):
        src, _, rest = line.partition(" -> ")
        dst, _, opened = rest.partition(" : ")
        for a in _ids(src, known):
            for b in _ids(dst, known):
                found[a, b] = found.get((a, b), NO_PORTS) | ports(opened)
    return found


def _ids(words: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    return [id_ for word in words.split(",") for id_ in names.get(word.strip(), [word.strip()])]


def side_by_side(ours: Pairs, theirs: Pairs, limit: AddressSet = EVERY_ADDRESS) -> tuple[list[str], list[str]]:
    """Two answers in one form: address ranges cut to the same pieces of `limit`, from outside to outside left out."""
    pieces = _pieces({id_ for answered in (ours, theirs) for pair in answered for id_ in pair}, limit)
    return _in_pieces(ours, pieces), _in_pieces(theirs, pieces)


def _in_pieces(answered: Pairs, pieces: Mapping[str, Sequence[str]]) -> list[str]:
    spelled: Pairs = {}
    for (src, dst), opened in answered.items():
        if src in pieces and dst in pieces:
            continue
        for a in pieces.get(src, [src]):
            for b in pieces.get(dst, [dst]):
                spelled[a, b] = spelled.get((a, b), NO_PORTS) | opened
    return [f"{src} -> {dst} : {opened}" for (src, dst), opened in sorted(spelled.items())]


def _pieces(ids: Iterable[str], limit: AddressSet) -> dict[str, list[str]]:
    """The coarsest pieces of `limit` that no range among the ids crosses, for each range those within it."""
    ranges = {id_: range_from_text(id_) & limit for id_ in ids if _RANGE.fullmatch(id_)}
    cut = sorted(
        {b for found in (*ranges.values(), limit) for first, last in found.ranges() for b in (first, last + 1)}
    )
    pieces = [(start, end - 1) for start, end in itertools.pairwise(cut) if AddressSet(((start, start),)) & limit]
    return {
        id_: [range_text(*piece) for piece in pieces if not AddressSet((piece,)) - within]
        for id_, within in ranges.items()
    }
