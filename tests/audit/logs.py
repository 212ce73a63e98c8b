"""Logs to look at: databases on the disk with records in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import insert

from licet.audit.checkpoint import Verifier
from licet.audit.event import Event
from licet.audit.log import append
from licet.audit.record import draft
from licet.audit.verify import Verified, verify
from licet.store import tables
from licet.store.database import Database

DOMAIN = "example.org"
ORIGIN = f"licet.dev/{DOMAIN}"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
KNOWN = Verifier(ORIGIN, RAW)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def issued(number: int) -> Event:
    """A typical event."""
    return Event(
        "svid.issued",
        {"type": "workload", "pid": 4000 + number, "uid": 1000},
        {
            "spiffe_id": f"spiffe://{DOMAIN}/ns/shop/sa/checkout-{number % 7}",
            "serial": f"{number:032x}",
            "selectors": ["unix:uid:1000", "unix:path:/usr/bin/checkout"],
            "issuer": "ab" * 32,
            "not_after": "2026-01-01T01:00:00.000000Z",
        },
    )


def made(path: Path | str) -> Database:
    """A new database of the trust domain."""
    database = Database.open(path, create=True)
    with database.write() as connection:
        connection.execute(
            insert(tables.domain).values(
                one=1,
                trust_domain=DOMAIN,
                settings="{}",
                seal="{}",
                version=1,
                sequence=1,
                log_key=b"sealed",
                code=b"",
                log_public_key=RAW,
            )
        )
    return database


def grow(database: Database, batches: Iterable[int], began: int = 0) -> list[str]:
    """Append so many records each; the notes that came of it. A batch comes a minute after the one before."""
    notes = []
    for number, size in enumerate(batches):
        with database.write() as connection:
            drafts = [draft(issued(began + one)) for one in range(size)]
            notes.append(append(connection, drafts, BEGAN + timedelta(minutes=number), KEY, KNOWN))
        began += size
    return notes


def verified(database: Database, remembered: Sequence[str] = (), known: Verifier = KNOWN) -> Verified:
    """What a verification says."""
    with database.read() as connection:
        return verify(connection, known, remembered)


def bodies(database: Database) -> list[bytes]:
    """Every record, in order."""
    with database.read() as connection:
        return list(connection.execute(tables.record.select().order_by(tables.record.c.position)).scalars(1))


def fields(body: bytes) -> dict[str, object]:
    """A record's fields, for those who change them."""
    return msgspec.json.decode(body, type=dict[str, object])
