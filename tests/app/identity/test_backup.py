"""A backup holds one whole moment, opens for whoever has its secret, and is restored whole or not at all."""

from __future__ import annotations

import base64
import shutil
import threading
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, update

from licet.app.identity import agents, restoring
from licet.app.identity.backing import backup
from licet.app.identity.domain import opened, reading, stored
from licet.app.identity.place import Place
from licet.app.identity.restoring import check, restore
from licet.app.identity.rotation import Patience, replace_stolen
from licet.identity import archive, snapshot
from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.identity.sealing import KeyFile, Passphrase, Seal, new_key_file
from licet.store import sqlite, tables
from licet.store.database import Database
from licet.store.errors import MissingError
from tests.app.identity.approval import approve
from tests.app.identity.standing import contents, grow, issue, kinds, opened_state, sound, stand

_PHRASE = Passphrase(b"correct horse battery")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    there = Place(tmp_path / "data")
    stand(there)
    return there


@pytest.fixture
def empty(tmp_path: Path, store_url: str) -> Place:
    """Another machine, with either kind of database, to which the key file was carried."""
    key = tmp_path / "carried"
    return Place(tmp_path / "new", store_url.replace("/data/", "/new/"), key_file=key)


def carry(place: Place, to: Place) -> None:
    assert to.key_file is not None
    shutil.copy2(place.sealing_key, to.key_file)


def test_either_kind_of_database_is_restored_into_either(place: Place, empty: Place, tmp_path: Path) -> None:
    carry(place, empty)
    before = contents(place)
    made, _ = backup(place, tmp_path / "one")
    restored = restore(empty, tmp_path / "one", None)
    assert (restored.records, restored.entries, restored.revoked) == (made.header.records, 1, 1)
    issue(empty, "/later")
    made, _ = backup(empty, tmp_path / "two")
    back = Place(tmp_path / "back", key_file=empty.key_file)
    restore(back, tmp_path / "two", None)
    after = contents(back)
    for name in ("authority", "entry", "denial", "node"):
        assert after[name] == before[name], name
    assert after["record"][: len(before["record"])] == before["record"]
    assert [each for each in after["issuance"] if each in before["issuance"]] == before["issuance"]
    assert kinds(back)[len(before["record"]) :] == ["domain.restored", "svid.issued", "domain.restored"]
    assert sound(empty)
    assert sound(back)
    issue(back, "/last")
    assert sound(back)


def test_what_was_used_up_since_does_not_count_as_unused_and_numbers_do_not_come_twice(
    place: Place, empty: Place, tmp_path: Path
) -> None:
    carry(place, empty)
    agents.token(place, "one", timedelta(minutes=10))
    before = stored(place)
    backup(place, tmp_path / "b")
    restored = restore(empty, tmp_path / "b", None)
    after = opened_state(empty)
    assert (restored.voided, contents(empty)["join_token"]) == (1, [])
    assert after.version > before.version
    assert after.bundle.sequence > before.bundle.sequence
    assert after.bundle.x509 == before.bundle.x509


def test_a_backup_is_of_one_moment_while_others_write(place: Place, tmp_path: Path) -> None:
    grow(place, 2000)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            grow(place, 50)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [backup(place, tmp_path / f"b{n}", rehearsed=True)[1] for n in range(3)]
    finally:
        stop.set()
        writer.join()
    sizes = [each.records for each in found if each is not None]
    assert len(sizes) == 3
    assert sizes == sorted(sizes)
    assert sound(place)
    assert kinds(place).count("domain.backed_up") == 3


def test_a_drill_does_not_wait_for_a_backup(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    with reading(place) as connection:
        connection.execute(tables.domain.select()).all()
        replace_stolen(place, "", Patience(wait=1, settle=0), lambda _: None, keep=False)
    assert "authority.revoked" in kinds(place)
    assert sound(place)


def test_a_long_log_is_not_held_in_memory(place: Place, tmp_path: Path) -> None:
    grow(place, 6000, size=4000)
    tracemalloc.start()
    try:
        made, _ = backup(place, tmp_path / "b", rehearsed=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.bytes > 24_000_000
    assert peak < made.bytes // 2


def test_the_file_is_its_owners_and_is_never_overwritten_unasked(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out" / "b"
    out.parent.mkdir()
    first, _ = backup(place, out)
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(IdentityError, match="already there"):
        backup(place, out)
    assert archive.read(out).header == first.header
    second, _ = backup(place, out, force=True)
    assert archive.read(out).header == second.header != first.header
    assert [each.name for each in out.parent.iterdir()] == ["b"]


def test_a_backup_that_fails_leaves_nothing(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out" / "b"
    out.parent.mkdir()
    with pytest.raises(IdentityError, match="cannot be in a backup that it opens itself"):
        backup(place, out, sealing_key=True)
    with pytest.raises(RefusedError, match="too short"):
        backup(place, out, Passphrase(b"short"))
    assert list(out.parent.iterdir()) == []
    assert "domain.backed_up" not in kinds(place)


def test_the_record_of_a_backup_comes_before_the_backup(place: Place, tmp_path: Path) -> None:
    made, _ = backup(place, tmp_path / "b")
    with opened(place) as domain, domain.database.read() as connection:
        [text] = connection.execute(tables.record.select().where(tables.record.c.position == made.header.records)).all()
    record = msgspec.json.decode(text.body)
    assert (record["kind"], record["detail"]["backup"]) == ("domain.backed_up", made.header.id)
    assert record["actor"]["type"] == "administrator"


def test_nothing_is_restored_over_a_domain(place: Place, tmp_path: Path) -> None:
    backup(place, tmp_path / "b")
    before = contents(place)
    with pytest.raises(IdentityError, match=r"is founded in .* already"):
        restore(place, tmp_path / "b", None)
    assert contents(place) == before
    assert sound(place)


@pytest.mark.parametrize("changed", ["cut", "altered", "no key", "another key", "schema"])
def test_what_is_refused_leaves_no_trace(place: Place, tmp_path: Path, changed: str) -> None:
    file, there = tmp_path / "b", Place(tmp_path / "new", key_file=tmp_path / "carried")
    carry(place, there)
    backup(place, file)
    raw = bytearray(file.read_bytes())
    match changed:
        case "cut":
            file.write_bytes(raw[:-1])
        case "altered":
            raw[-40] ^= 1
            file.write_bytes(raw)
        case "no key":
            there = Place(tmp_path / "new")
        case "another key":
            (tmp_path / "carried").unlink()
            new_key_file(tmp_path / "carried")
        case "schema":
            header = archive.read(file).header
            _write(place, file, msgspec.structs.replace(header, schema="9999"))
    with pytest.raises(IdentityError):
        restore(there, file, None)
    with pytest.raises(IdentityError):
        check(there, file, None)
    assert not (tmp_path / "new").exists()


def _write(place: Place, file: Path, header: archive.Header) -> None:
    """A backup as this program would not write it."""
    seal = Seal.reopen(header.seal, KeyFile(place.sealing_key))
    with reading(place) as connection, file.open("wb") as stream:
        archive.write(stream, header, seal, snapshot.taken(connection))


@pytest.mark.parametrize("tampering", ["record changed", "record gone", "older than it says", "another domain"])
def test_a_log_that_does_not_hold_is_not_restored(place: Place, empty: Place, tmp_path: Path, tampering: str) -> None:
    """Though every chunk opens: whoever wrote the backup did not look."""
    carry(place, empty)
    file = tmp_path / "b"
    made, _ = backup(place, file)
    header = made.header
    database = Database.open(place.address)
    with database.write() as connection:
        match tampering:
            case "record changed":
                connection.execute(update(tables.record).where(tables.record.c.position == 3).values(body=b"{}"))
            case "record gone":
                connection.execute(delete(tables.record).where(tables.record.c.position == 3))
            case "older than it says":
                header = msgspec.structs.replace(header, records=header.records + 7)
            case "another domain":
                header = msgspec.structs.replace(header, trust_domain="evil.example")
    database.close()
    _write(place, file, header)
    with pytest.raises(MalformedError, match=r"the log in the backup does not hold|does not hold the trust domain"):
        restore(empty, file, None)
    with pytest.raises((IdentityError, MissingError)):
        opened_state(empty)


def test_a_restore_that_breaks_off_can_be_run_again(
    place: Place, empty: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry(place, empty)
    backup(place, tmp_path / "b", _PHRASE, sealing_key=True)
    there = msgspec.structs.replace(empty, key_file=None)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "append", full)
        with pytest.raises(OSError, match="No space"):
            restore(there, tmp_path / "b", _PHRASE)
    assert not (tmp_path / "new" / "licet.db").exists()
    assert not there.sealing_key.exists()
    restore(there, tmp_path / "b", _PHRASE)
    assert sound(there)


def test_what_the_folder_remembers_says_how_much_is_lost(place: Place, tmp_path: Path) -> None:
    """On the machine that lost its database alone."""
    backup(place, tmp_path / "b")
    grow(place, 10)
    for each in place.data.glob("licet.db*"):
        each.unlink()
    restored = restore(place, tmp_path / "b", None)
    assert restored.lost == 11
    assert restored.aside is not None
    assert restored.aside.exists()
    assert sound(place)
    issue(place, "/on")


def test_a_backup_with_its_own_secret_needs_the_domains_too_unless_it_holds_it(place: Place, tmp_path: Path) -> None:
    backup(place, tmp_path / "without", _PHRASE)
    backup(place, tmp_path / "with", _PHRASE, sealing_key=True)
    there = Place(tmp_path / "new")
    with pytest.raises(IdentityError, match="passphrase of its own"):
        restore(there, tmp_path / "with", None)
    with pytest.raises(RefusedError, match="is not the one"):
        restore(there, tmp_path / "with", Passphrase(b"correct horse batterx"))
    found = check(there, tmp_path / "without", _PHRASE)
    assert found.unopened == ("every key: the domain's secret is not given",)
    with pytest.raises(IdentityError, match=r"sealing\.key` cannot be used"):
        restore(there, tmp_path / "without", _PHRASE)
    assert check(there, tmp_path / "with", _PHRASE).unopened == ()
    restore(there, tmp_path / "with", _PHRASE)
    assert there.sealing_key.read_bytes() == place.sealing_key.read_bytes()
    assert there.sealing_key.stat().st_mode & 0o777 == 0o600
    issue(there, "/on")


def test_a_check_opens_every_key_and_changes_nothing(place: Place, tmp_path: Path) -> None:
    backup(place, tmp_path / "b")
    before = contents(place)
    found = check(place, tmp_path / "b", None)
    assert (found.keys, found.unopened) == (5, ())
    assert contents(place) == before


def test_a_rehearsal_puts_no_key_on_the_disk(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is thrown away stays where the process is killed."""
    backup(place, tmp_path / "b", _PHRASE, sealing_key=True)
    (tmp_path / "thrown").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "thrown"))
    seen: list[bytes] = []
    keys = restoring._keys

    def looked(*arguments: Any) -> restoring.Restored:
        seen.extend(each.read_bytes() for each in (tmp_path / "thrown").rglob("*") if each.is_file())
        return keys(*arguments)

    monkeypatch.setattr(restoring, "_keys", looked)
    assert check(Place(tmp_path / "new"), tmp_path / "b", _PHRASE).unopened == ()
    secret = place.sealing_key.read_bytes().partition(b":")[2].strip()
    assert seen
    assert not [each for each in seen if secret in each or base64.b64decode(secret) in each]


def test_a_key_that_does_not_open_is_named(place: Place, tmp_path: Path) -> None:
    root = next(each for each in stored(place).authorities if each.kind.value == "root")
    database = Database.open(place.address)
    with database.write() as connection:
        others = [each.handle for each in stored(place).authorities if each.kind.value == "jwt"]
        connection.execute(update(tables.authority).where(tables.authority.c.id == root.id).values(handle=others[0]))
    database.close()
    approve(place)
    _, found = backup(place, tmp_path / "b", rehearsed=True)
    assert found is not None
    [reason] = found.unopened
    assert reason.startswith(f"root {root.id[:16]}: ")
