"""What a target makes of agreements: objects, and how faithfully each edge is in them."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from licet.contracts.agreement import Agreement
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.key import Key
from licet.model.policy import Direction


class Level(enum.StrEnum):
    """How an edge came out: this and no more, this and more, or not at all since the target has no words for it."""

    EXACT = "exact"
    WIDENED = "widened"
    UNSUPPORTED = "unsupported"


class Fidelity(msgspec.Struct, frozen=True):
    """How one agreement came out, and why where it is not exact."""

    agreement: Agreement
    level: Level
    reason: str = ""


class Unclosed(msgspec.Struct, frozen=True):
    """What a target cannot refuse: traffic in one direction with addresses that are no pods'.

    `key` is a workload's, or a namespace's for the pods of it that no manifest holds.
    """

    key: Key
    direction: Direction
    reason: str


class Remark(msgspec.Struct, frozen=True):
    """One line of comment; whoever has the texts puts the lines of the places behind it."""

    text: str
    places: tuple[Place, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """One object, the lines of comment above it, and the file (relative, with `/`) that it belongs into."""

    file: str
    value: dict[str, Any]
    header: tuple[Remark, ...]


class Compiled(msgspec.Struct, frozen=True):
    """Everything a target wrote, in a fixed order.

    `fidelity` has an entry for each agreement that touches a workload in mode Enforce; of the others nothing is
    written. `diagnostics` tell why a workload or an edge got nothing.
    """

    target: str
    written: tuple[Written, ...]
    fidelity: tuple[Fidelity, ...]
    unclosed: tuple[Unclosed, ...]
    diagnostics: tuple[Diagnostic, ...]
