"""The log is the same on SQLite and on PostgreSQL, with two servers that append at once."""

from __future__ import annotations

from functools import partial

from sqlalchemy import insert, update

from licet.audit.event import Event
from licet.audit.fault import Wrong
from licet.audit.ledger import Change, Ledger
from licet.audit.prove import check, prove_consistency, prove_inclusion
from licet.audit.read import Wanted, newest, records
from licet.store import tables
from licet.store.database import Database
from tests.audit import logs
from tests.postgres import postgres, postgres_url, store_url

__all__ = ["postgres", "postgres_url", "store_url"]


def noted(change: Change, number: int) -> int:
    change.connection.execute(
        insert(tables.denial).values(spiffe_id=f"spiffe://{logs.DOMAIN}/{number}", reason="", denied_at="")
    )
    change.record(Event("identity.revoked", {"type": "server"}, {"number": number, "text": "é\U0001f600"}))
    if not number % 10:
        raise ValueError("on purpose")
    return number


def test_two_servers_write_one_sound_log(store_url: str) -> None:
    one, other = logs.made(store_url), Database.open(store_url)
    with Ledger(one, logs.KEY, logs.ORIGIN, None) as first, Ledger(other, logs.KEY, logs.ORIGIN, None) as second:
        futures = [(first, second)[number % 2].change(partial(noted, number=number)) for number in range(600)]
        stood = {number for number, future in enumerate(futures) if future.exception() is None}
    assert stood == {number for number in range(600) if number % 10}
    found = logs.verified(one)
    assert (found.faults, found.records) == ((), 540)
    with other.read() as connection:
        assert check(prove_inclusion(connection, logs.KNOWN, 300), logs.KNOWN).holds
        assert check(prove_consistency(connection, logs.KNOWN, 257, None), logs.KNOWN).holds
        told = [kept.record.detail["number"] for kept in records(connection, Wanted(kinds=("identity",)))]
        assert set(told) == stood
        assert [kept.record.detail["number"] for kept in newest(connection, Wanted(), 3)] == told[-3:]
    with one.write() as connection:
        connection.execute(update(tables.record).where(tables.record.c.position == 77).values(body=b"{}"))
    assert [(fault.wrong, fault.first, fault.last) for fault in logs.verified(other).faults] == [
        (Wrong.CHANGED, 77, 77)
    ]
    one.close()
    other.close()
