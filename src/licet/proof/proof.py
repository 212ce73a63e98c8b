"""What a proof says, as values."""

from __future__ import annotations

import enum

import msgspec

from licet.contracts.agreement import Agreement
from licet.diag.place import Place
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.ports import PortSet, Protocol
from licet.model.verdict import Cause


class Fault(enum.Enum):
    """How what is permitted differs from what was agreed.

    MISSING and EXCESS are certain. The other two hang on something that is not known, and are not proved for that.
    """

    MISSING = "missing"
    EXCESS = "excess"
    PERHAPS_MISSING = "perhaps missing"
    PERHAPS_EXCESS = "perhaps excess"


class Witness(msgspec.Struct, frozen=True):
    """One connection that differs. `src` and `dst` are ids of workloads, addresses, or pods that no manifest holds."""

    src: str
    dst: str
    protocol: Protocol
    port: int


class Difference(msgspec.Struct, frozen=True):
    """Pairs of endpoints that differ for one cause, and one of them as the witness.

    All addresses outside together are one endpoint. `ports` are those of the witness's pair that differ. `cause` is
    what decides there, None where it was not looked for since there are very many differences. `isolation` says why
    an end is default-deny; `agreement` is what a missing edge should have been.
    """

    fault: Fault
    witness: Witness
    ports: PortSet
    count: int
    cause: Cause | None
    isolation: Place | None = None
    agreement: Agreement | None = None
    assumptions: tuple[str, ...] = ()


class Unjudged(msgspec.Struct, frozen=True):
    """An agreement that ports and addresses cannot tell, and why; nothing is expected of it."""

    agreement: Agreement
    reason: str


class Open(msgspec.Struct, frozen=True):
    """Traffic with addresses outside that was not agreed and that the target could not refuse."""

    key: Key
    direction: Direction
    reason: str


class Proof(msgspec.Struct, frozen=True):
    """Whether what is permitted is what was agreed, for every workload that is default-deny and enforced.

    `workloads` counts these; `agreed` and `permitted` count pairs of endpoints of which at least one is among them,
    without pods of namespaces that no manifest holds.
    `assumptions` are sentences that the whole proof rests on. What is in `open` and `unjudged` is not in the lists of
    differences.
    """

    profile: str
    workloads: int
    agreed: int
    permitted: int
    missing: tuple[Difference, ...] = ()
    excess: tuple[Difference, ...] = ()
    unproved: tuple[Difference, ...] = ()
    open: tuple[Open, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """True only where there is no difference, under the assumptions."""
        return not self.missing and not self.excess and not self.unproved
