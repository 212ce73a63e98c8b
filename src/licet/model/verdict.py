"""An answer to one question, with the chain that led to it."""

from __future__ import annotations

import enum

import msgspec

from licet.diag.place import Place
from licet.model.key import Key
from licet.model.policy import Direction


class Verdict(enum.Enum):
    """May this connection be made?"""

    ALLOW = "allow"
    DENY = "deny"
    UNDETERMINED = "undetermined"


class Cause(msgspec.Struct, frozen=True):
    """One link of the chain.

    `layer` is `Self`, `Node`, `Admin`, `NetworkPolicy`, `Baseline`, `Default`, `Service`, `Route` or `Gateway`;
    `direction` is None for links that belong to neither side. `policy` and `rule` (such as `ingress[0]`) name what
    decided; where a policy denies because no rule of it matches, `rule` is empty. `effect` is `allow`,
    `deny`, `pass`, `undetermined`, or `leads` for the steps from a name to a pod. `text` is one sentence
    for people.
    """

    layer: str
    direction: Direction | None
    policy: Key | None
    rule: str
    effect: str
    text: str
    place: Place | None = None


class Explanation(msgspec.Struct, frozen=True):
    """A verdict, the chain behind it in the order in which it was decided, and the assumptions it hangs on."""

    verdict: Verdict
    because: tuple[Cause, ...]
    assumptions: tuple[str, ...] = ()
