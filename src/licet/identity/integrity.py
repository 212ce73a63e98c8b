"""Whether what is stored is what this program stored: a code over all of it that only the sealing secret makes.

Whoever can write the database, but has not the secret, could otherwise register a workload, publish a root or permit
what was revoked, and be obeyed. What such a writer can still do is put an earlier state back whole, with its code; a
server that runs does not go back in versions, and `licet audit verify` compares the state with the log.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Select, select, update

from licet.audit.ledger import Change
from licet.identity.errors import UnavailableError
from licet.identity.sealing import Seal
from licet.store import tables
from licet.store.alone import hold, meddling

T = TypeVar("T")

_DOMAIN = tables.domain.c
_FOREIGN = tables.foreign_domain.c
_DECISIVE: tuple[Select[tuple[object, ...]], ...] = (
    select(
        _DOMAIN.trust_domain,
        _DOMAIN.settings,
        _DOMAIN.seal,
        _DOMAIN.version,
        _DOMAIN.sequence,
        _DOMAIN.log_key,
        _DOMAIN.log_public_key,
    ),
    select(tables.authority),
    select(tables.entry),
    select(tables.denial),
    select(
        _FOREIGN.trust_domain,
        _FOREIGN.profile,
        _FOREIGN.url,
        _FOREIGN.endpoint_id,
        _FOREIGN.bundle,
        _FOREIGN.distrusted,
    ),
    select(tables.node.c.spiffe_id).where(tables.node.c.banned != 0),
    select(tables.join_token),
    select(tables.rollout),
)
"""Everything that a decision hangs on. Not among it: what is counted, and what a certificate has to prove anyway."""
_TABLES = tuple(str(table) for wanted in _DECISIVE for table in wanted.get_final_froms())


class Integrity:
    """Makes and checks the code of the stored state, for one sealing secret."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def put(self, connection: Connection) -> None:
        """Store the code of what is stored now; raises UnavailableError where the database would do more than told."""
        _require_alone(connection)
        connection.execute(update(tables.domain).values(code=self._code(connection)))

    def require(self, connection: Connection) -> None:
        """Raise UnavailableError where what is stored is not what was stored with its code."""
        kept = connection.execute(select(_DOMAIN.seal, _DOMAIN.code)).one()
        if kept.seal != self._seal.describe():
            raise UnavailableError("the sealing secret was changed", "start this process again with the new one")
        _require_alone(connection)
        if not isinstance(kept.code, bytes) or not hmac.compare_digest(kept.code, self._code(connection)):
            raise UnavailableError(
                "the database was changed by something else than licet, and is not followed",
                "`licet audit verify` names what differs; restore a backup, and see who may write the database",
            )

    def guarded(self, do: Callable[[Change], T]) -> Callable[[Change], T]:
        """The same change, which builds on no state that was altered, and stores the code of what it leaves."""

        def run(change: Change) -> T:
            hold(change.connection)
            self.require(change.connection)
            result = do(change)
            self.put(change.connection)
            return result

        return run

    def _code(self, connection: Connection) -> bytes:
        code = self._seal.code()
        for number, wanted in enumerate(_DECISIVE):
            # Sorted here: each engine, and each locale of PostgreSQL, has an order of its own.
            for row in sorted(msgspec.msgpack.encode((number, *row)) for row in connection.execute(wanted)):
                code.update(row)
        return code.digest()


def _require_alone(connection: Connection) -> None:
    if name := meddling(connection, _TABLES):
        raise UnavailableError(
            f"`{ascii(name[:80])[1:-1]}` was changed by something else than licet, and the database is not followed",
            "take the trigger, rule or view away, or restore a backup; see who may write the database",
        )
