"""Whoever writes the database without the sealing secret is obeyed by nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from licet.app.identity import agents, federations, registration, revocation
from licet.app.identity.domain import found, opened
from licet.app.identity.place import Place, now
from licet.identity import registry
from licet.identity.domain import Settings
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError
from licet.identity.issuer import Issuer
from licet.identity.spiffeid import TrustDomain
from licet.store import tables

DOMAIN = TrustDomain("shop.example")
WEB = Entry(id="web", spiffe_id=DOMAIN.member("/web"), selectors=("unix:uid:1",))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "data")
    found(place, DOMAIN, Settings(), passphrase=False)
    registration.add(place, [WEB])
    revocation.revoke(place, DOMAIN.member("/stolen"), "")
    agents.token(place, "node", timedelta(minutes=5))
    federations.federate(place, "bank.example", "https_web", "https://bank.example/bundle", "", None)
    agent = {"spiffe_id": str(DOMAIN.member("/licet/agent/join/banned")), "serial": "ab", "banned": 1}
    seen = {"attested_by": "", "attested_at": "", "expires_at": "", "seen_at": "", "applied_version": 0}
    with opened(place) as domain:
        domain.change(lambda change: change.connection.execute(insert(tables.node).values(**agent, **seen)))
    return place


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = replace(body, 'unix:uid:1', 'unix:uid:2')",
        "INSERT INTO entry SELECT 'more', 'spiffe://shop.example/pay', replace(body, '/web', '/pay'), source, 9 "
        "FROM entry",
        "DELETE FROM entry",
        "DELETE FROM denial",
        "UPDATE authority SET certificate = (SELECT certificate FROM authority a WHERE a.kind = 'root' AND a.id <> "
        "authority.id) WHERE kind = 'root'",
        "INSERT INTO authority SELECT 'ab', kind, state, issuer, certificate, public_key, keeper, handle, not_before, "
        "not_after, changed_at FROM authority WHERE kind = 'root' AND state = 'prepared'",
        "UPDATE authority SET state = 'retired' WHERE state = 'prepared'",
        "UPDATE domain SET settings = replace(settings, '\"x509\":3600', '\"x509\":28800')",
        "UPDATE domain SET log_public_key = x'00'",
        "UPDATE join_token SET spiffe_id = 'spiffe://shop.example/licet/agent/join/other'",
        "UPDATE join_token SET expires_at = '2999-01-01T00:00:00.000000Z'",
        "INSERT INTO foreign_domain VALUES ('evil.example', '', '', '', NULL, NULL, '', 0)",
        "UPDATE foreign_domain SET url = 'https://evil.example/bundle'",
        "UPDATE foreign_domain SET profile = 'https_spiffe'",
        "UPDATE foreign_domain SET endpoint_id = 'spiffe://bank.example/evil'",
        """UPDATE foreign_domain SET bundle = '{"keys": []}'""",
        "UPDATE foreign_domain SET distrusted = 1",
        "UPDATE node SET banned = 0",
        "UPDATE node SET spiffe_id = 'spiffe://shop.example/licet/agent/join/another'",
        "UPDATE domain SET sequence = sequence + 1",
        "UPDATE domain SET version = version + 1",
        "UPDATE domain SET code = x''",
    ],
)
def test_no_row_that_decides_can_be_changed(place: Place, statement: str) -> None:
    with opened(place) as domain:
        issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
        before = issuer.state
        with closing(sqlite3.connect(place.data / "licet.db")) as connection:
            assert connection.execute(statement).rowcount > 0
            connection.execute("UPDATE domain SET version = version + 1")
            connection.commit()
        with pytest.raises(IdentityError, match="changed by something else than licet"):
            issuer.refresh()
        assert issuer.state is before
        with pytest.raises(IdentityError, match="changed by something else than licet"):
            domain.state()
        with pytest.raises(IdentityError, match="changed by something else than licet"):
            Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
    with pytest.raises(IdentityError, match="changed by something else than licet"):
        registration.add(place, [WEB])


def test_what_is_counted_may_change(place: Place) -> None:
    """A server's own notes, of which no decision is made, are written without the code."""
    with opened(place) as domain, closing(sqlite3.connect(place.data / "licet.db")) as connection:
        connection.execute("DELETE FROM issuance")
        connection.execute("UPDATE foreign_domain SET failure = 'x', fetched_at = '2026-01-01T00:00:00.000000Z'")
        connection.execute("UPDATE node SET serial = 'ab cd', seen_at = 'x', applied_version = 9")
        connection.commit()
        assert domain.state().entries == {"web": WEB}


def test_a_change_neither_builds_on_what_was_altered_meanwhile_nor_makes_it_good(place: Place) -> None:
    with opened(place) as domain:
        with closing(sqlite3.connect(place.data / "licet.db")) as connection:
            connection.execute("UPDATE node SET banned = 0")
            connection.commit()
        for _ in range(2):
            with pytest.raises(IdentityError, match="changed by something else than licet"):
                domain.change(registry.bump)
