"""Several processes on one database, and one that dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from licet.store.database import Database
from licet.store.tables import record

ROOT = Path(__file__).resolve().parents[2]


def start(task: str, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.store.work", task, url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_count_lose_nothing(store_url: str) -> None:
    database = Database.open(store_url, create=True)
    with database.write() as connection:
        connection.execute(insert(record).values(position=0, body=b""))
    workers = [start("count", store_url) for _ in range(2)]
    assert [worker.communicate() for worker in workers] == [("", "")] * 2
    with database.read() as connection:
        assert connection.scalars(select(record.c.position)).all() == [400]
    database.close()


def test_processes_that_come_at_once_make_one_database(store_url: str) -> None:
    workers = [start("open", store_url) for _ in range(4)]
    assert [worker.communicate() for worker in workers] == [("", "")] * 4
    Database.open(store_url).close()


@pytest.mark.parametrize("acknowledged", [1, 40, 300])
def test_a_killed_process_loses_nothing_that_it_acknowledged(store_url: str, acknowledged: int) -> None:
    worker = start("append", store_url)
    assert worker.stdout is not None
    said = [int(worker.stdout.readline()) for _ in range(acknowledged)]
    worker.kill()
    said += [int(line) for line in worker.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    database = Database.open(store_url)
    with database.write() as connection:
        kept = connection.scalars(select(record.c.position).order_by(record.c.position)).all()
        assert connection.scalar(select(func.count()).where(func.length(record.c.body) != 3000)) == 0
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert kept == list(range(1, len(kept) + 1))
    assert max(said) <= len(kept)
    database.close()
