"""Each check of the doctor, made to fail once for real."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from licet.app.identity import federations, registration, revocation, rotation
from licet.app.identity.doctor import Wanted, examine
from licet.app.identity.domain import found, opened, stored
from licet.app.identity.place import Place, now
from licet.audit.event import Event
from licet.audit.ledger import Change
from licet.diag.diagnostic import Diagnostic, Severity
from licet.identity import bundle_document, keys
from licet.identity.authority import Kind, Standing, active
from licet.identity.checkup import authorities, clocks, machine
from licet.identity.domain import Settings
from licet.identity.entry import Entry
from licet.identity.errors import RefusedError
from licet.identity.sealing import new_key_file
from licet.identity.spiffeid import TrustDomain, parse
from licet.identity.svid import View
from licet.identity.workload.limits import Limits
from licet.store.database import Database
from licet.store.errors import MissingError
from licet.store.moment import text
from tests.app.identity.approval import approve
from tests.identity.workload.serving import serving
from tests.identity.workload.sources import Authority, Scripted

DOMAIN = TrustDomain("shop.example")
USUAL = {"L0526", "L0532"}
"""A key beside its database, as `init` puts it, and whatever limit of files the tests run with."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("founded") / "data"
    found(Place(data), DOMAIN, Settings(), passphrase=False)
    return data


@pytest.fixture
def place(founded: Path, tmp_path: Path) -> Place:
    shutil.copytree(founded, tmp_path / "data")
    return Place(tmp_path / "data")


def wrong(place: Place, **wanted: object) -> dict[str, Diagnostic]:
    """What is wrong beside the usual, by code; the last of several."""
    return {each.code: each for each in examine(place, Wanted(**wanted)) if each.code not in USUAL}  # type: ignore[arg-type]


def tamper(place: Place, statement: str, *values: object, approved: bool = True) -> None:
    """Change the database behind everybody's back; unless `approved` without the sealing secret."""
    with contextlib.closing(sqlite3.connect(place.data / "licet.db")) as connection:
        assert connection.execute(statement, values).rowcount > 0
        connection.commit()
    if approved:
        approve(place)


def another(key: Path) -> None:
    key.unlink()
    new_key_file(key)


def entry(id: str, path: str, *selectors: str, **more: object) -> Entry:
    return Entry(id=id, spiffe_id=DOMAIN.member(path), selectors=selectors, **more)  # type: ignore[arg-type]


def test_a_new_domain_has_nothing_wrong_with_it(place: Place) -> None:
    assert wrong(place) == wrong(place, deep=True) == {}
    [told] = [each for each in examine(place, Wanted()) if each.code == "L0526"]
    assert told.severity is Severity.INFO
    assert str(place.sealing_key) in told.message


def test_no_domain_is_no_finding(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="there is no database"):
        examine(Place(tmp_path), Wanted())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "no such file"),
        (lambda key: key.chmod(0o644), "others than its owner may use key file"),
        (lambda key: key.write_text("nonsense"), "is no key file"),
        (another, "no key can be opened"),
    ],
    ids=["gone", "readable", "nonsense", "another"],
)
def test_a_secret_that_does_not_open_the_domain(place: Place, harm: Callable[[Path], object], said: str) -> None:
    harm(place.sealing_key)
    told = wrong(place)
    assert set(told) == {"L0500"}
    assert said in told["L0500"].message
    assert wrong(place, keys=False) == {}


def test_a_key_that_was_altered_and_one_that_is_gone(place: Place) -> None:
    signer = active(stored(place).authorities, Kind.INTERMEDIATE)
    assert signer is not None
    assert signer.handle is not None
    flipped = signer.handle[:-1] + bytes([signer.handle[-1] ^ 1])
    for handle, said in ((flipped, "does not open as"), (None, "is destroyed")):
        tamper(place, "UPDATE authority SET handle = ? WHERE id = ?", handle, signer.id)
        told = wrong(place)
        assert set(told) == {"L0501"}
        assert f"the key of intermediate `{signer.id[:16]}` cannot be used" in told["L0501"].message
        assert said in told["L0501"].message


def test_a_row_that_somebody_without_the_secret_changed(place: Place) -> None:
    registration.add(place, [entry("a", "/a", "unix:uid:1")])
    tamper(place, "UPDATE entry SET body = replace(body, 'unix:uid:1', 'unix:uid:2')", approved=False)
    [(code, told)] = wrong(place).items()
    assert (code, told.severity) == ("L0509", Severity.ERROR)
    assert told.message == "the database was changed by something else than licet, and is not followed"


def test_a_key_in_the_place_of_another(place: Place) -> None:
    first, second = [a for a in stored(place).authorities if a.kind is Kind.ROOT]
    tamper(place, "UPDATE authority SET handle = ? WHERE id = ?", first.handle, second.id)
    assert "is another one" in wrong(place)["L0501"].message


def test_certificates_that_were_altered_swapped_or_moved(place: Place) -> None:
    state = stored(place)
    signer = active(state.authorities, Kind.INTERMEDIATE)
    reserve = next(a for a in state.authorities if a.standing is Standing.PREPARED)
    assert signer is not None
    assert signer.certificate is not None
    assert reserve.certificate is not None
    changed = signer.certificate[:-3] + bytes(3)
    shorter = text(signer.not_after - timedelta(hours=1))
    for column, value, said in (
        ("certificate", changed, "is not accepted"),
        ("certificate", b"", "a certificate is unreadable"),
        ("certificate", reserve.certificate, "it is of another key"),
        ("issuer", reserve.id, "no trusted authority signed"),
        ("public_key", reserve.public_key, "the stored public key is another one"),
        ("not_after", shorter, "it ends at another time"),
    ):
        before = getattr(signer, column)
        tamper(place, f"UPDATE authority SET {column} = ? WHERE id = ?", value, signer.id)
        told = wrong(place, keys=False)
        assert set(told) == {"L0502"}, column
        assert said in told["L0502"].message
        back = text(before) if isinstance(before, datetime) else before
        tamper(place, f"UPDATE authority SET {column} = ? WHERE id = ?", back, signer.id)
    assert wrong(place) == {}


def test_an_intermediate_whose_root_is_believed_no_more(place: Place) -> None:
    root = active(stored(place).authorities, Kind.ROOT)
    assert root is not None
    tamper(place, "UPDATE authority SET state = 'revoked' WHERE id = ?", root.id)
    told = wrong(place, keys=False)
    assert set(told) == {"L0502", "L0503"}
    assert told["L0502"].message.endswith("its root is not believed")


def test_a_certificate_that_is_over(place: Place) -> None:
    state = stored(place)
    told = list(authorities.examine_certificates(state, now() + timedelta(days=3)))
    assert ["a certificate is valid from" in each.message for each in told] == [True]


def test_nobody_signs_tokens(place: Place) -> None:
    tamper(place, "UPDATE authority SET state = 'retired' WHERE kind = 'jwt'")
    assert [each.message for each in wrong(place).values()] == ["no jwt authority signs"]


def after(place: Place, **later: float) -> dict[str, Diagnostic]:
    """What is wrong with the succession so much later, if no server runs until then; of intermediates."""
    told = authorities.examine_succession(stored(place), now() + timedelta(**later))
    return {each.code: each for each in told if "jwt" not in each.message}


def test_an_authority_that_nobody_follows(place: Place) -> None:
    assert after(place, hours=39) == {}
    told = after(place, hours=41)
    assert set(told) == {"L0505"}
    assert told["L0505"].message.endswith("ends in 6 h and has no successor")
    assert set(after(place, hours=49)) == {"L0504"}
    assert set(after(place, days=364)) == {"L0504", "L0506"}


def test_an_authority_whose_successor_waits(place: Place) -> None:
    rotation.prepare(place, Kind.INTERMEDIATE)
    assert after(place, hours=41) == {}
    assert set(after(place, hours=45)) == {"L0506"}


def test_a_missing_reserve_root(place: Place) -> None:
    tamper(place, "UPDATE authority SET state = 'revoked', handle = NULL WHERE state = 'prepared'")
    told = wrong(place)
    assert set(told) == {"L0507"}
    assert told["L0507"].help == "run a server, or `licet identity rotate root --prepare`"


def test_lifetimes_that_cannot_rotate(place: Place) -> None:
    tamper(place, """UPDATE domain SET settings = replace(settings, '"x509":3600', '"x509":36000')""")
    assert "cannot rotate safely over x509 ones of 36000 s" in wrong(place)["L0508"].message


@pytest.mark.parametrize(
    ("apart", "wanted"), [(0, None), (10, Severity.WARNING), (-300, Severity.ERROR)], ids=["equal", "a bit", "far"]
)
def test_clocks_that_are_apart(apart: int, wanted: Severity | None, postgres_url: str, place: Place) -> None:
    database = Database.open(postgres_url, create=True)
    try:
        with database.read() as connection:
            told = list(clocks.examine_server(connection, stored(place), lambda: now() + timedelta(seconds=apart)))
    finally:
        database.close()
    assert [each.severity for each in told] == ([] if wanted is None else [wanted])
    if apart < 0:
        assert told[0].message == "this machine's clock is 5 min behind that of the database's server"


def test_what_has_not_happened_yet(place: Place) -> None:
    ahead = text(now() + timedelta(minutes=10))
    tamper(place, "UPDATE checkpoint SET at = ?", ahead)
    assert "the newest checkpoint of the log is" in wrong(place)["L0511"].message
    tamper(place, "UPDATE checkpoint SET at = ?", text(now()))
    tamper(place, "UPDATE authority SET changed_at = ?", ahead)
    assert "the last change of an authority is" in wrong(place)["L0511"].message
    tamper(place, "UPDATE authority SET changed_at = ?", text(now()))
    values = ("1", "spiffe://shop.example/a", "e", "i", text(now() + timedelta(hours=20)))
    tamper(place, "INSERT INTO issuance VALUES (?, ?, ?, ?, ?)", *values)
    assert "the last issuance is" in wrong(place)["L0511"].message


def test_bundles_of_others_that_are_missing_or_stale(place: Place) -> None:
    given = bundle_document.encode(Authority("bank.example").bundle())
    url = "https://bank.example/bundle"
    federations.federate(place, "bank.example", "https_web", url, "", None)
    assert set(wrong(place)) == {"L0515"}
    federations.federate(place, "bank.example", "https_web", url, "", given)
    assert wrong(place) == {}
    old = text(now() - timedelta(hours=2))
    tamper(place, "UPDATE foreign_domain SET fetched_at = ?, failure = 'it is closed'", old)
    told = wrong(place)["L0516"]
    assert told.message == "the bundle of `bank.example` was last fetched 2 h ago: its rotations are missed"
    assert told.notes == ("it is closed",)
    federations.distrust(place, "bank.example", distrusted=True)
    assert wrong(place) == {}


def test_a_bundle_that_was_given_by_hand_does_not_grow_stale(place: Place) -> None:
    given = bundle_document.encode(Authority("bank.example").bundle())
    federations.federate(place, "bank.example", "", "", "", given)
    tamper(place, "UPDATE foreign_domain SET fetched_at = ?", text(now() - timedelta(days=30)))
    assert wrong(place) == {}


def node(place: Place, name: str, *, ends: timedelta, seen: timedelta, follows: int, banned: int = 0) -> None:
    at = now()
    values = [f"spiffe://shop.example/licet/agent/{name}", "join token", text(at), text(at + ends), "1"]
    tamper(place, "INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *values, banned, follows, text(at - seen))


def test_nodes_that_ended_or_lag(place: Place) -> None:
    version, hour, moment = stored(place).version, timedelta(hours=1), timedelta(seconds=1)
    node(place, "well", ends=hour, seen=moment, follows=version)
    node(place, "away", ends=hour, seen=hour, follows=0)
    node(place, "banned", ends=-hour, seen=hour, follows=0, banned=1)
    assert wrong(place) == {}
    node(place, "ended", ends=-2 * hour, seen=hour, follows=0)
    node(place, "slow", ends=hour, seen=moment, follows=version - 1)
    assert {code: each.message for code, each in wrong(place).items()} == {
        "L0520": "the certificate of node `spiffe://shop.example/licet/agent/ended` ended 2 h ago",
        "L0521": "node `spiffe://shop.example/licet/agent/slow` is 1 version behind",
    }


def test_folders_and_files_that_others_can_use(place: Place, tmp_path: Path) -> None:
    place.data.chmod(0o755)
    assert set(wrong(place)) == {"L0525"}
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    told = wrong(place, socket=tmp_path / "open" / "api.sock")
    assert set(told) == {"L0525", "L0527", "L0537"}
    place.data.chmod(0o700)
    (place.data / "licet.db").chmod(0o644)
    assert wrong(place)["L0530"].help == f"`chmod 600 {place.data / 'licet.db'}`"


def test_a_database_that_is_none_or_holds_what_cannot_be_read(place: Place) -> None:
    tamper(place, "UPDATE authority SET not_after = 'tomorrow'")
    assert "time data 'tomorrow' does not match" in wrong(place)["L0530"].message
    (place.data / "licet.db").write_bytes(b"no database" * 1000)
    assert "is no database" in wrong(place)["L0530"].message


def test_a_disk_that_is_nearly_full(place: Place) -> None:
    free = shutil.disk_usage(place.data).free
    for least, severity in ((free * 2, Severity.WARNING), (free * 16, Severity.ERROR)):
        told = machine.examine_folder(place.data, place.data / "elsewhere", database_inside=True, least=least)
        assert [(each.code, each.severity) for each in told] == [("L0531", severity)]


def test_a_limit_of_open_files_that_is_too_low() -> None:
    [told] = machine.examine_limits(Limits(connections=1 << 40))
    assert told.code == "L0532"
    assert list(machine.examine_limits(Limits(connections=1))) == []


def test_a_log_that_lost_its_end_or_is_another(place: Place) -> None:
    with opened(place) as domain:
        before = shutil.copy(place.data / "licet.db", place.data / "older")
        domain.change(lambda change: change.record(Event("test.done", {"type": "server"}, {})))
    tamper(place, "DELETE FROM record WHERE position = (SELECT max(position) FROM record)")
    assert wrong(place)["L0535"].message == "the log does not end as its newest checkpoint says"
    for each in place.data.glob("licet.db*"):
        each.unlink()
    Path(before).rename(place.data / "licet.db")
    told = wrong(place)
    assert set(told) == {"L0535"}
    assert "remembers" in told["L0535"].message


def test_a_record_in_the_middle_is_looked_at_when_asked_for(place: Place) -> None:
    def record(change: Change) -> None:
        for _ in range(600):
            change.record(Event("test.done", {"type": "server"}, {}))

    with opened(place) as domain:
        domain.change(record)
    tamper(place, "UPDATE record SET body = CAST(replace(body, 'test.done', 'test.dane') AS BLOB) WHERE position = 99")
    assert wrong(place) == {}
    told = wrong(place, deep=True)["L0536"]
    assert told.message == "the log is not what was written: 1 fault"
    assert told.notes[0].startswith("changed: ")


def test_a_record_that_is_text_instead_of_bytes_is_a_fault_like_any_other(place: Place) -> None:
    tamper(place, "UPDATE record SET body = CAST(body AS TEXT) || ' '")
    assert set(wrong(place)) == {"L0535"}


def test_a_log_key_that_is_not_the_one_that_verifies(place: Place) -> None:
    other = keys.generate(keys.KeyKind.ED25519).public_key()
    tamper(place, "UPDATE domain SET log_public_key = ?", keys.spki(keys.supported(other))[-32:])
    assert wrong(place)["L0535"].severity is Severity.ERROR


def test_a_socket_that_nobody_serves(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    assert wrong(place, socket=path)["L0537"].message.endswith("there is no socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert wrong(place, socket=path)["L0537"].message.endswith("nobody answers")


@pytest.mark.parametrize(("kind", "wanted"), [("well", []), ("refused", ["L0539"]), ("foreign", ["L0538"])])
def test_what_a_socket_hands_out(kind: str, wanted: Sequence[str], place: Place, tmp_path: Path) -> None:
    async def story() -> set[str]:
        source = Scripted()
        if kind == "refused":
            source.error = RefusedError("no identity is registered", "register one")
        if kind == "foreign":
            source.view = View(source.view.svids, Authority("example.org").bundle(), {})
        home = tmp_path / "home"
        home.mkdir()
        async with serving(home, source):
            return set(await asyncio.to_thread(wrong, place, socket=home / "api.sock"))

    assert asyncio.run(story()) == set(wanted)


@pytest.mark.parametrize(
    ("entries", "code", "said"),
    [
        (
            [entry("a", "/a", "unix:uid:1", "unix:gid:2"), entry("b", "/b", "unix:gid:2", "unix:uid:1")],
            "L0540",
            "whoever shows `unix:uid:1`, `unix:gid:2` is `spiffe://shop.example/a`, `spiffe://shop.example/b` at once",
        ),
        ([entry("a", "/a", "unix:uid:1", "unix:uid:2")], "L0541", "no process shows `unix:uid:1` and `unix:uid:2`"),
        ([entry("a", "/a", "k8s:pod-label:app:x", "k8s:pod-label:app:y")], "L0541", "nobody can be"),
        ([entry("a", "/a", "docker:image:x")], "L0542", "nothing attests `docker:image:x`"),
        (
            [entry("a", "/a", "unix:uid:1", nodes=(DOMAIN.member("/licet/agent/gone"),))],
            "L0543",
            "`spiffe://shop.example/a` is registered on `spiffe://shop.example/licet/agent/gone`, which never joined",
        ),
        (
            [entry("a", "/a", "unix:uid:1", federates_with=(TrustDomain("bank.example"),))],
            "L0517",
            "`spiffe://shop.example/a` is to believe `bank.example`, which this domain does not trust",
        ),
    ],
)
def test_entries_that_nobody_meant(entries: list[Entry], code: str, said: str, place: Place) -> None:
    registration.add(place, entries)
    told = wrong(place)
    assert set(told) == {code}
    assert said in told[code].message
    assert told[code].severity is Severity.WARNING


def test_entries_that_are_meant(place: Place) -> None:
    registration.add(
        place,
        [
            entry("a", "/a", "unix:uid:1", hint="internal"),
            entry("b", "/b", "unix:uid:1", hint="external"),
            entry("c", "/c", "unix:supplementary_gid:1", "unix:supplementary_gid:2"),
            entry("d", "/d", "k8s:pod-label:app:x", "k8s:pod-label:tier:y", "k8s:ns:shop"),
        ],
    )
    assert wrong(place) == {}


def test_an_entry_on_a_banned_node_and_one_of_a_revoked_identity(place: Place) -> None:
    node(place, "bad", ends=timedelta(hours=1), seen=timedelta(), follows=0, banned=1)
    on = (DOMAIN.member("/licet/agent/bad"),)
    registration.add(place, [entry("a", "/a", "unix:uid:1", nodes=on)])
    revocation.revoke(place, parse("spiffe://shop.example/a"), "")
    told = wrong(place)
    assert told["L0543"].message.endswith("which is banned")
    assert told["L0544"].severity is Severity.INFO


def test_an_entry_that_would_be_refused_now(place: Place) -> None:
    registration.add(place, [entry("a", "/a", "unix:uid:1")])
    tamper(place, """UPDATE entry SET body = replace(body, 'shop.example/a', 'other.example/a')""")
    told = wrong(place)
    assert set(told) == {"L0545"}
    assert told["L0545"].notes == ("entry `a`",)


def test_the_worst_comes_first(place: Place) -> None:
    place.data.chmod(0o755)
    tamper(place, "UPDATE authority SET state = 'retired' WHERE kind = 'jwt'")
    severities = [each.severity for each in examine(place, Wanted())]
    assert severities == sorted(severities, reverse=True)
    assert severities[0] is Severity.ERROR


def test_the_doctor_changes_nothing(place: Place) -> None:
    def held() -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in place.data.iterdir()}

    before = held()
    examine(place, Wanted(deep=True))
    assert held() == before
