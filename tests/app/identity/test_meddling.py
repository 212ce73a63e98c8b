"""What writes the database beside licet, or makes it do more than it is told, gets no code and is obeyed by nobody."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from licet.app.identity import agents, registration, revocation
from licet.app.identity.domain import found, opened
from licet.app.identity.place import Place, now
from licet.audit.ledger import Change
from licet.identity import path, registry, request
from licet.identity.domain import Settings
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.issuer import Issuer
from licet.identity.keys import KeyKind, generate
from licet.identity.server import Server
from licet.identity.spiffeid import TrustDomain
from licet.store.database import Database

DOMAIN = TrustDomain("shop.example")
WEB = Entry(id="web", spiffe_id=DOMAIN.member("/web"), selectors=("unix:uid:1",))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "data")
    found(place, DOMAIN, Settings(), passphrase=False)
    registration.add(place, [WEB])
    revocation.revoke(place, DOMAIN.member("/stolen"), "")
    agents.token(place, "node", timedelta(minutes=5))
    return place


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER more AFTER UPDATE OF version ON domain BEGIN INSERT OR IGNORE INTO entry SELECT 'more', "
        "'spiffe://shop.example/pay', replace(replace(body, '/web', '/pay'), '\"web\"', '\"more\"'), source, 9 "
        "FROM entry WHERE id = 'web'; END",
        "ALTER TABLE entry RENAME TO kept; CREATE VIEW entry AS SELECT * FROM kept",
        "ALTER TABLE denial RENAME TO kept; CREATE TABLE denial (spiffe_id TEXT PRIMARY KEY NOT NULL, "
        "reason TEXT NOT NULL UNIQUE ON CONFLICT REPLACE, denied_at TEXT NOT NULL); "
        "INSERT INTO denial SELECT * FROM kept; DROP TABLE kept",
    ],
    ids=["trigger", "view", "replacing"],
)
def test_a_database_that_changes_by_itself_more_than_it_is_asked_to_is_not_followed(
    place: Place, statement: str
) -> None:
    """Else what a trigger of somebody adds to a change would be stored with a code that holds."""
    with closing(sqlite3.connect(place.data / "licet.db")) as connection:
        connection.executescript(statement)
    with pytest.raises(IdentityError, match="changed by something else than licet"):
        revocation.revoke(place, DOMAIN.member("/late"), "")
    with opened(place) as domain, pytest.raises(IdentityError, match="changed by something else than licet"):
        domain.state()


def test_a_table_whose_index_leaves_a_row_out_is_not_followed(place: Place) -> None:
    """The code would hold of the rows, and what is revoked be looked up in the index."""
    file = place.data / "licet.db"
    with closing(sqlite3.connect(file)) as connection:
        [row] = connection.execute("SELECT * FROM denial")
        [(sql,)] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'denial'")
        [index] = connection.execute("SELECT * FROM sqlite_schema WHERE name LIKE 'sqlite_autoindex_denial%'")
        connection.executescript(
            "DELETE FROM denial; PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name LIKE "
            "'sqlite_autoindex_denial%'; UPDATE sqlite_schema SET sql = 'CREATE TABLE denial (spiffe_id, reason, "
            "denied_at)' WHERE name = 'denial'"
        )
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO denial VALUES (?, ?, ?)", row)
        connection.commit()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'denial'", (sql,))
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
        connection.commit()
    with opened(place) as domain, pytest.raises(IdentityError, match="`denial` was changed by something else"):
        domain.state()


_TRIGGER = """
CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM denial; RETURN NULL; END';
CREATE TRIGGER more AFTER INSERT ON entry EXECUTE FUNCTION more()
"""


def test_neither_is_one_of_postgresql(tmp_path: Path, postgres_url: str) -> None:
    place = Place(tmp_path / "data", postgres_url)
    found(place, DOMAIN, Settings(), passphrase=False)
    revocation.revoke(place, DOMAIN.member("/stolen"), "")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(_TRIGGER)
    with pytest.raises(IdentityError, match="changed by something else than licet"):
        registration.add(place, [WEB])
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP TRIGGER more ON entry")
    registration.add(place, [WEB])


def test_what_somebody_writes_while_a_change_is_made_gets_no_code(tmp_path: Path, postgres_url: str) -> None:
    """Who does not take turns writes between the check and the code of what the change leaves, and would be obeyed."""
    place = Place(tmp_path / "data", postgres_url)
    found(place, DOMAIN, Settings(), passphrase=False)
    revocation.revoke(place, DOMAIN.member("/stolen"), "")
    told: list[str] = []

    def write(change: Change) -> None:
        registry.add_entry(change, DOMAIN, Settings().lifetimes, WEB, {"type": "administrator"})
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '200ms'")
            try:
                connection.execute("DELETE FROM denial")
            except psycopg.errors.LockNotAvailable:
                told.append("not now")

    with opened(place) as domain:
        domain.change(write)
        assert domain.state().denied == {DOMAIN.member("/stolen")}
    assert told == ["not now"]


def test_the_code_is_the_same_in_every_order(place: Place) -> None:
    """Each engine sorts text in its own way, each locale too, and another release of it in another."""
    for name in ("/a-b", "/aa", "/B"):
        revocation.revoke(place, DOMAIN.member(name), "")
    with opened(place) as domain, domain.database.read() as connection:
        domain.integrity.require(connection)
        connection.exec_driver_sql("PRAGMA reverse_unordered_selects=ON")
        domain.integrity.require(connection)


def test_rows_that_were_there_before_a_domain_are_not_made_part_of_it(tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    place.data.mkdir(mode=0o700)
    Database.open(place.data / "licet.db", create=True).close()
    with closing(sqlite3.connect(place.data / "licet.db")) as connection:
        connection.execute("INSERT INTO denial VALUES ('spiffe://shop.example/web', '', '')")
        connection.commit()
    with pytest.raises(IdentityError, match="there are rows in"):
        found(place, DOMAIN, Settings(), passphrase=False)


def test_an_agent_that_is_banned_stays_so_whatever_its_row_says(place: Place) -> None:
    agent = DOMAIN.member("/licet/agent/join/node")
    _, token = agents.token(place, "node", timedelta(minutes=5))

    async def story() -> None:
        with opened(place) as domain:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            server = Server(issuer, domain.ledger, domain.keyring, now)
            csr = request.make(generate(KeyKind.EC_P256), agent)
            admission = await server.attest_join(token, csr)
            serial = f"{path.read(admission.chain)[0].serial_number:x}"
            await server.admit(agent, serial)
            agents.ban(place, agent, banned=True)
            await server.catch_up()
            with closing(sqlite3.connect(place.data / "licet.db")) as connection:
                connection.execute("UPDATE node SET banned = 0")
                connection.commit()
            with pytest.raises(RefusedError, match="is banned"):
                await server.admit(agent, serial)
            with closing(sqlite3.connect(place.data / "licet.db")) as connection:
                connection.execute("UPDATE node SET banned = 1")
                connection.commit()
            agents.ban(place, agent, banned=False)
            await server.admit(agent, serial)

    asyncio.run(story())


def test_a_server_goes_on_once_the_database_is_as_it_was(place: Place) -> None:
    """What nobody did wrong who asks is no refusal, after which an agent would not ask again."""

    async def story() -> None:
        with opened(place) as domain:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            server = Server(issuer, domain.ledger, domain.keyring, now)
            name = DOMAIN.member("/licet/agent/embedded/here")
            await server.register(name, "embedded")
            with closing(sqlite3.connect(place.data / "licet.db")) as connection:
                [(reason,)] = connection.execute("SELECT reason FROM denial")
                connection.execute("UPDATE denial SET reason = 'another'")
                connection.execute("UPDATE domain SET version = version + 1")
                connection.commit()
                await server.catch_up()
                assert "changed by something else" in server.failure
                with pytest.raises(UnavailableError, match="changed by something else"):
                    await server.renew(name, request.make(generate(KeyKind.EC_P256), name))
                connection.execute("UPDATE denial SET reason = ?", (reason,))
                connection.execute("UPDATE domain SET version = version - 1")
                connection.commit()
            await server.catch_up()
            assert server.failure == ""
            await server.renew(name, request.make(generate(KeyKind.EC_P256), name))

    asyncio.run(story())
