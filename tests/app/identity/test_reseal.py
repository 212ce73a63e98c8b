"""Another secret for a trust domain: all of it or nothing, and at no moment are keys sealed with what nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from licet.app.identity import resealing
from licet.app.identity.backing import backup
from licet.app.identity.domain import opened
from licet.app.identity.place import Place
from licet.app.identity.resealing import reseal
from licet.app.identity.restoring import check
from licet.app.identity.rotation import rotate
from licet.identity.authority import Kind
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.sealing import KeyFile, Passphrase, new_key_file
from tests.app.identity.standing import contents, issue, kinds, opened_state, sound, stand


class _KilledError(BaseException):
    """Where a process would have been killed."""


def _killed(*_: object) -> None:
    raise _KilledError


@pytest.fixture
def place(tmp_path: Path, store_url: str) -> Place:
    there = Place(tmp_path / "data", store_url)
    stand(there)
    return there


def handles(place: Place) -> set[object]:
    return {row[7] for row in contents(place)["authority"]}


def test_every_key_is_sealed_anew_and_none_is_another(place: Place) -> None:
    before, boxes, old = opened_state(place), handles(place), place.sealing_key.read_bytes()
    kept = reseal(place, None)
    after = opened_state(place)
    assert [each.id for each in after.authorities] == [each.id for each in before.authorities]
    assert boxes.isdisjoint(handles(place))
    assert kept is not None
    assert kept.read_bytes() == old != place.sealing_key.read_bytes()
    assert kept.stat().st_mode & 0o777 == place.sealing_key.stat().st_mode & 0o777 == 0o600
    issue(place, "/after")
    rotate(place, Kind.ROOT, force=True, reissue=True)
    assert kinds(place).count("domain.resealed") == 1
    assert sound(place)


def test_the_old_secret_opens_nothing_but_older_backups(place: Place, tmp_path: Path) -> None:
    backup(place, tmp_path / "b")
    kept = reseal(place, None)
    old = Place(place.data, place.database, key_file=kept)
    with pytest.raises(RefusedError, match="is not the one"):
        opened_state(old)
    with pytest.raises(RefusedError, match="is not the one"):
        check(place, tmp_path / "b", None)
    assert check(old, tmp_path / "b", None).unopened == ()


def test_from_a_key_file_to_a_passphrase_and_to_another_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text("correct horse battery\n")
    new_key_file(tmp_path / "key")
    assert reseal(place, Passphrase(b"correct horse battery")) is None
    phrase = Place(place.data, place.database, passphrase_file=tmp_path / "phrase")
    issue(phrase, "/one")
    with pytest.raises(RefusedError, match="too short"):
        reseal(phrase, Passphrase(b"short"))
    assert reseal(phrase, KeyFile(tmp_path / "key")) is None
    issue(Place(place.data, place.database, key_file=tmp_path / "key"), "/two")
    assert kinds(place).count("domain.resealed") == 2


def test_the_secret_that_is_in_force_is_no_new_one(place: Place) -> None:
    with pytest.raises(IdentityError, match="already"):
        reseal(place, KeyFile(place.sealing_key))


@pytest.mark.parametrize("where", ["before the commit", "after the commit"])
def test_killed_at_any_point_one_secret_opens_everything(
    place: Place, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = place.sealing_key.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(resealing, "_seal_all" if where == "before the commit" else "replace_key", _killed)
        with pytest.raises(_KilledError):
            reseal(place, None)
    assert place.sealing_key.read_bytes() == old
    opened_state(place)
    issue(place, "/after")
    assert (place.sealing_key.read_bytes() == old) == (where == "before the commit")
    reseal(place, None)
    issue(place, "/again")
    assert sound(place)


def test_a_process_that_has_the_old_secret_goes_on_and_makes_no_key(place: Place) -> None:
    """What it would seal nobody could open."""
    with opened(place) as domain:
        issue(place, "/before")
        reseal(place, None)
        with pytest.raises(UnavailableError, match="sealing secret was changed"):
            domain.succeed(lambda succession: succession.prepare(Kind.ROOT))
    assert len(opened_state(place).authorities) == 4
    rotate(place, Kind.INTERMEDIATE, force=False, reissue=False)


def test_two_at_once_do_not_undo_each_other(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    new_key_file(tmp_path / "theirs")
    with monkeypatch.context() as patch:

        def meanwhile(*_: object) -> None:
            patch.undo()
            reseal(place, KeyFile(tmp_path / "theirs"))

        patch.setattr(resealing, "_require_another", meanwhile)
        with pytest.raises(IdentityError, match="secret was changed"):
            reseal(place, Passphrase(b"correct horse battery"))
    issue(Place(place.data, place.database, key_file=tmp_path / "theirs"), "/after")
