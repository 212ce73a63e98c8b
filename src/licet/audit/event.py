"""What is recorded, before it has a place in the log."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Detail: TypeAlias = "str | int | bool | list[Detail] | dict[str, Detail] | None"
"""What a record may hold: JSON without floating-point numbers, whose text would hang on who wrote it."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened: `kind` such as `svid.issued`, who did it, and its facts.

    `actor` names who: `{"type": "workload", "pid": 4711, "uid": 1000}`, `{"type": "administrator", "uid": 0, "name":
    "root"}`, `{"type": "node", "id": "spiffe://..."}` or `{"type": "server"}`. No secret ever stands in a record.
    """

    kind: str
    actor: dict[str, Detail]
    detail: dict[str, Detail]
