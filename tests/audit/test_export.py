"""An export has OCSF's shape, and the log can be computed from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from licet.audit.checkpoint import parse
from licet.audit.event import Event
from licet.audit.export import event, line
from licet.audit.log import append
from licet.audit.read import Wanted, end, newest, records
from licet.audit.record import draft
from licet.audit.tree import leaf_hash, root_of
from licet.store.database import Database
from tests.audit import logs

CART = f"spiffe://{logs.DOMAIN}/cart"
EVENTS = (
    Event("domain.founded", {"type": "administrator", "uid": 0, "name": "root"}, {"trust_domain": logs.DOMAIN}),
    Event(
        "entry.added", {"type": "administrator", "uid": 0, "name": "root"}, {"entry": {"id": "e1", "spiffe_id": CART}}
    ),
    Event("node.attested", {"type": "node", "id": f"spiffe://{logs.DOMAIN}/licet/agent/n"}, {"method": "join token"}),
    Event(
        "svid.issued", {"type": "workload", "pid": 7, "uid": 1000}, {"spiffe_id": CART, "serial": "0a", "issuer": "f"}
    ),
    Event("federation.failed", {"type": "server"}, {"trust_domain": "other.example", "failure": "timed out"}),
    Event("gate.decided", {"type": "server"}, {"verdict": "allow"}),
    Event("identity.revoked", {"type": "administrator", "uid": 0, "name": "root"}, {"spiffe_id": CART}),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A log with one record a minute."""
    made = logs.made(tmp_path / "log" / "licet.db")
    for minute, happened in enumerate(EVENTS):
        with made.write() as connection:
            append(connection, [draft(happened)], logs.BEGAN + timedelta(minutes=minute), logs.KEY, logs.KNOWN)
    yield made
    made.close()


def chosen(database: Database, wanted: Wanted) -> list[int]:
    with database.read() as connection:
        found = [kept.record.position for kept in records(connection, wanted)]
        assert [kept.record.position for kept in newest(connection, wanted, 2)] == found[-2:]
    return found


def test_records_are_chosen_by_kind_time_and_identity(database: Database) -> None:
    assert chosen(database, Wanted()) == list(range(7))
    assert chosen(database, Wanted(kinds=("svid", "entry.added"))) == [1, 3]
    assert chosen(database, Wanted(kinds=("sv",))) == []
    assert chosen(database, Wanted(identity=CART)) == [1, 3, 6]
    assert chosen(database, Wanted(since=logs.BEGAN + timedelta(minutes=2))) == [2, 3, 4, 5, 6]
    assert chosen(database, Wanted(until=logs.BEGAN + timedelta(minutes=2))) == [0, 1]


def test_more_than_a_page_is_read(database: Database) -> None:
    logs.grow(database, [2500])
    with database.read() as connection:
        assert [kept.record.position for kept in records(connection, Wanted(), 5)] == list(range(5, 2507))
        last = newest(connection, Wanted(kinds=("domain",)), 5)
        assert [kept.record.position for kept in last] == [0]
        assert end(connection) == 2507


def test_classes_and_activities(database: Database) -> None:
    with database.read() as connection:
        events = [event(kept, logs.ORIGIN) for kept in records(connection, Wanted())]
    told = [(one["class_uid"], one["activity_id"], one["type_uid"], one["status_id"]) for one in events]
    assert told == [
        (3004, 1, 300401, 1),
        (3004, 1, 300401, 1),
        (3002, 1, 300201, 1),
        (3002, 99, 300299, 1),
        (3004, 99, 300499, 2),
        (6003, 99, 600399, 1),
        (3004, 4, 300404, 1),
    ]
    assert [one["category_uid"] for one in events] == [3, 3, 3, 3, 3, 6, 3]
    assert events[1]["entity"] == {"type": "entry", "uid": CART, "data": EVENTS[1].detail}
    assert events[3]["actor"] == {"process": {"pid": 7, "user": {"uid": "1000"}}}
    assert events[3]["user"] == {"uid": CART, "name": CART}
    assert events[3]["time"] == 1767225780000


def test_the_log_is_computed_from_an_export(database: Database) -> None:
    notes = logs.grow(database, [300])
    with database.read() as connection:
        lines = [line(kept, logs.ORIGIN) for kept in records(connection, Wanted())]
    leaves = [leaf_hash(msgspec.json.decode(one)["raw_data"].encode()) for one in lines]
    assert root_of(leaves) == parse(notes[-1]).root
