"""A process that works on a database, and says on standard output what it was told is done."""

from __future__ import annotations

import sys
import threading
from contextlib import closing

from sqlalchemy import Connection, func, insert, select, update

from licet.store.database import Database
from licet.store.tables import record
from licet.store.writer import Writer


def count(database: Database) -> None:
    """Add one to a number two hundred times."""
    for _ in range(200):
        with database.write() as connection:
            found = connection.scalar(select(func.max(record.c.position))) or 0
            connection.execute(update(record).values(position=found + 1))


def append(database: Database) -> None:
    """Append records from eight threads until somebody ends the process; say each one that is acknowledged."""
    writer = Writer(database)

    def one(connection: Connection) -> int:
        position = (connection.scalar(select(func.max(record.c.position))) or 0) + 1
        connection.execute(insert(record).values(position=position, body=b"x" * 3000))
        return position

    def go_on() -> None:
        while True:
            position = writer.submit(one).result()
            sys.stdout.write(f"{position}\n")
            sys.stdout.flush()

    threads = [threading.Thread(target=go_on) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    with closing(Database.open(sys.argv[2], create=True)) as opened:
        {"count": count, "append": append, "open": repr}[sys.argv[1]](opened)
