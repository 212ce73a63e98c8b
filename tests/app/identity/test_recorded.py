"""What is stored beside the log is what its records come to, or is named."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from licet.app import auditing
from licet.app.identity import agents, federations, registration, revocation, rotation
from licet.app.identity.domain import found
from licet.app.identity.place import Place, now
from licet.audit.fault import Fault, Wrong
from licet.identity import certificate, keys
from licet.identity.authority import Kind
from licet.identity.domain import Settings
from licet.identity.entry import Entry, encode
from licet.identity.spiffeid import TrustDomain
from licet.store.moment import text

DOMAIN = TrustDomain("shop.example")
Do = Callable[[sqlite3.Connection], object]


def entry(id: str, path: str, selector: str = "unix:uid:1000") -> Entry:
    return Entry(id=id, spiffe_id=DOMAIN.member(path), selectors=(selector,))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A domain to which everything has happened once."""
    place = Place(tmp_path_factory.mktemp("lived") / "data")
    found(place, DOMAIN, Settings(), passphrase=False)
    registration.add(place, [entry("cart", "/cart"), entry("gone", "/gone"), entry("pay", "/pay")])
    registration.add(place, [entry("pay", "/pay", "unix:uid:1001")])
    registration.remove(place, ["gone"])
    for name in ("/old", "/back"):
        revocation.revoke(place, DOMAIN.member(name), "lost")
    revocation.permit(place, DOMAIN.member("/back"))
    for other in ("one.example", "two.example"):
        federations.federate(place, other, "https_web", f"https://{other}/", "", None)
    federations.distrust(place, "one.example", distrusted=True)
    federations.part(place, "two.example")
    agents.token(place, "n1", timedelta(hours=1))
    for kind in Kind:
        rotation.rotate(place, kind, force=True, reissue=kind is Kind.ROOT)
    rotation.replace_stolen(place, "", rotation.Patience(0, 0), lambda _: None, keep=False)
    return place.data


@pytest.fixture
def place(lived: Path, tmp_path: Path) -> Place:
    shutil.copytree(lived, tmp_path / "data")
    return Place(tmp_path / "data")


def faults(place: Place) -> list[Fault]:
    with auditing.opened(place.address, None) as log:
        return list(auditing.verification(log, [place.witness]).faults)


def test_what_the_program_did_is_what_is_stored(place: Place) -> None:
    assert faults(place) == []


def inserted(connection: sqlite3.Connection) -> object:
    made = entry("own", "/admin")
    return connection.execute("INSERT INTO entry VALUES ('own', '/admin', ?, 'manual', 1)", (encode(made).decode(),))


def rogue(connection: sqlite3.Connection) -> object:
    """A root of a stranger's, believed until it goes; nothing of it is sealed."""
    key, begins = keys.generate(keys.KeyKind.EC_P256), now().replace(microsecond=0)
    ends = begins + timedelta(days=3650)
    root = certificate.root(DOMAIN, key, begins, ends).public_bytes(Encoding.DER)
    values = (keys.pin(key.public_key()), root, keys.spki(key.public_key()), text(begins), text(ends), text(begins))
    return connection.execute("INSERT INTO authority VALUES (?,'root','retired',NULL,?,?,'sealed',NULL,?,?,?)", values)


def swapped(connection: sqlite3.Connection) -> object:
    key, begins = keys.generate(keys.KeyKind.EC_P256), now().replace(microsecond=0)
    root = certificate.root(DOMAIN, key, begins, begins + timedelta(days=1)).public_bytes(Encoding.DER)
    return connection.execute("UPDATE authority SET certificate=? WHERE kind='root' AND state='prepared'", (root,))


def statement(words: str) -> Do:
    return lambda connection: connection.execute(words)


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (inserted, "entry `own` is stored, and no record tells of it"),
        (statement("DELETE FROM entry WHERE id='cart'"), "entry `cart` is not stored"),
        (statement("UPDATE entry SET body=replace(body,'1001','1000')"), "entry `pay` is stored otherwise"),
        (statement("UPDATE entry SET id='x' WHERE id='pay'"), "entry `x` is stored"),
        (statement("UPDATE entry SET body='{' WHERE id='pay'"), "entry `pay` is stored otherwise"),
        (statement("DELETE FROM denial"), "the revocation of `spiffe://shop.example/old` is not stored"),
        (statement("UPDATE denial SET spiffe_id='spiffe://shop.example/back'"), "is stored, and was taken back by"),
        (statement("UPDATE authority SET state='retired' WHERE state='revoked'"), "is stored otherwise than this"),
        (statement("UPDATE authority SET not_after='2099-01-01T00:00:00.000000Z'"), "is stored otherwise than this"),
        (statement("UPDATE authority SET public_key=x'00' WHERE state='active'"), "another key than its name says"),
        (rogue, "is stored, and no record tells of it"),
        (swapped, "is stored with another key than its name says"),
        (statement("UPDATE domain SET settings=replace(settings,'3600','360000')"), "what was chosen for the domain"),
        (statement("UPDATE foreign_domain SET distrusted=0"), "the federation with `one.example` is stored otherwise"),
        (statement("UPDATE foreign_domain SET url='https://evil.example/'"), "the federation with `one.example`"),
        (
            statement("INSERT INTO join_token VALUES ('00','spiffe://shop.example/licet/agent/join/n2','2099',NULL)"),
            "a join token for `spiffe://shop.example/licet/agent/join/n2` is stored",
        ),
        (
            statement(
                "INSERT INTO node VALUES ('spiffe://shop.example/licet/agent/join/n1',"
                "'join token','2026','2099','1',1,0,'2026')"
            ),
            "agent `spiffe://shop.example/licet/agent/join/n1` is banned, and the records say otherwise",
        ),
    ],
)
def test_what_somebody_wrote_past_the_program_is_named(place: Place, do: Do, told: str) -> None:
    with contextlib.closing(sqlite3.connect(place.data / "licet.db")) as connection:
        do(connection)
        assert connection.total_changes > 0
        connection.commit()
    found = faults(place)
    assert {fault.wrong for fault in found} == {Wrong.STATE}
    assert any(told in fault.message for fault in found), found
