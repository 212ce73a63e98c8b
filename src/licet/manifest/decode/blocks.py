"""Addresses and CIDR blocks, read as the API server reads them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from licet.diag.place import Path
from licet.manifest.decode import findings
from licet.manifest.decode.fields import Reader
from licet.model import intervals
from licet.model.addresses import V6_BASE, AddressSet

_V4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", re.ASCII)
_LEADING_ZERO = re.compile(r"(?:^|\.)0\d")
_LENGTH = re.compile(r"\d{1,3}", re.ASCII)
_HELP = "write a block such as `10.0.0.0/8` or `fd00::/8`"


class Block:
    """A CIDR block: where it stands on the line of addresses, its prefix length and its size in bits."""

    __slots__ = ("first", "last", "length", "size")

    def __init__(self, number: int, length: int, size: int) -> None:
        span = 1 << (size - length)
        base = V6_BASE if size == 128 else 0
        self.first = base + number // span * span
        self.last = self.first + span - 1
        self.length = length
        self.size = size


def address(text: str) -> AddressSet:
    """One address; raises ValueError where the text is none."""
    number, size = _number(text, lenient=False)
    place = number + (V6_BASE if size == 128 else 0)
    return AddressSet(((place, place),))


def block(text: str, path: Path, reader: Reader, *, lenient: bool) -> Block | None:
    """A CIDR block, or None after a finding.

    `lenient` is how NetworkPolicy reads (`ParseCIDRSloppy`): leading zeros are decimal, and a finding.
    """
    head, slash, tail = text.partition("/")
    try:
        number, size = _number(head, lenient=lenient)
    except ValueError:
        reader.refuse(path, f"is not a CIDR block: `{text}`", _HELP)
        return None
    if not slash:
        reader.refuse(path, f"has no prefix length: `{text}`", f"write `{text}/{size}` for this one address")
        return None
    if not _LENGTH.fullmatch(tail) or int(tail) > size or (not lenient and str(int(tail)) != tail):
        reader.refuse(path, f"has no prefix length from 0 to {size}: `{text}`", _HELP)
        return None
    found = Block(number, int(tail), size)
    if lenient:
        _doubt(text, head, number, found, path, reader)
    return found


def without(
    text: str, excluded: Sequence[str], path: Path, excluded_path: Path, reader: Reader, *, lenient: bool
) -> AddressSet:
    """The block at `path` without the smaller ones inside it; no address after a finding on the block itself."""
    whole = block(text, path, reader, lenient=lenient)
    if whole is None:
        return AddressSet()
    holes: list[tuple[int, int]] = []
    for at, part in enumerate(excluded):
        hole = block(part, (*excluded_path, at), reader, lenient=lenient)
        if hole is None:
            continue
        if not _strictly_inside(hole, whole):
            help = f"name a smaller block inside `{path[-1]}`"
            reader.refuse((*excluded_path, at), f"does not lie inside `{text}`: `{part}`", help)
        holes.append((hole.first, hole.last))
    return AddressSet(intervals.difference(((whole.first, whole.last),), intervals.normal(holes)))


def _strictly_inside(hole: Block, whole: Block) -> bool:
    return (
        hole.size == whole.size and hole.length > whole.length and whole.first <= hole.first and hole.last <= whole.last
    )


def _doubt(text: str, head: str, number: int, found: Block, path: Path, reader: Reader) -> None:
    base = V6_BASE if found.size == 128 else 0
    if found.size == 32 and _LEADING_ZERO.search(head):
        problem = "has leading zeros, which newer API servers refuse"
    elif number + base != found.first:
        problem = "has bits set behind its prefix"
    else:
        return
    start = found.first - base
    read = f"{ipaddress.IPv4Address(start) if found.size == 32 else ipaddress.IPv6Address(start)}/{found.length}"
    reader.report(findings.doubtful_block(reader.origin, path, text, problem, read))


def _number(text: str, *, lenient: bool) -> tuple[int, int]:
    parts = _V4.fullmatch(text)
    if parts is None:
        if "%" in text:
            raise ValueError(text)
        return int(ipaddress.IPv6Address(text)), 128
    a, b, c, d = map(int, parts.groups())
    if max(a, b, c, d) > 255 or (not lenient and f"{a}.{b}.{c}.{d}" != text):
        raise ValueError(text)
    return a << 24 | b << 16 | c << 8 | d, 32
