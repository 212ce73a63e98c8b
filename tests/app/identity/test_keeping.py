"""Keys of authorities outside the database: made, used, destroyed and moved as those inside."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from licet.app.identity.backing import backup
from licet.app.identity.domain import opened
from licet.app.identity.place import Place
from licet.app.identity.restoring import check
from licet.app.identity.rotation import Patience, replace_stolen, rotate
from licet.app.identity.settings import choose_keeper
from licet.identity.authority import Kind
from licet.identity.errors import IdentityError
from licet.store.errors import MissingError
from tests.app.identity.standing import issue, kinds, opened_state, sound, stand

_KMS = Path(__file__).with_name("file_kms.py")
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
_QUICK = Patience(wait=1, settle=0)


@pytest.fixture
def kms(tmp_path: Path) -> Path:
    """The folder in which the program keeps keys."""
    folder = tmp_path / "kms"
    folder.mkdir()
    return folder


@pytest.fixture
def place(tmp_path: Path, kms: Path) -> Place:
    """A folder that tells of the program."""
    (tmp_path / "data").mkdir(mode=0o700)
    program = json.dumps([sys.executable, str(_KMS), str(kms)])
    (tmp_path / "data" / "keepers.toml").write_text(f"[command]\nprogram = {program}\ntimeout = 60\n")
    return Place(tmp_path / "data")


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder that tells of a token."""
    module = next((each for each in _MODULES if Path(each).exists()), None)
    if importlib.util.find_spec("pkcs11") is None or module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("needs the package python-pkcs11 and SoftHSM 2")
    home = tmp_path / "tokens"
    home.mkdir()
    (home / "conf").write_text(f"directories.tokendir = {home}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(home / "conf"))
    made = ["softhsm2-util", "--init-token", "--free", "--label", "licet", "--so-pin", "1234", "--pin", "5678"]
    subprocess.run(made, check=True, capture_output=True)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "pin").write_text("5678\n")
    (data / "pin").chmod(0o600)
    (data / "keepers.toml").write_text(f'[pkcs11]\nmodule = "{module}"\ntoken = "licet"\npin_file = "pin"\n')
    return Place(data)


def keys(kms: Path) -> list[str]:
    """The keys that the program has, by what they are for."""
    return sorted(each.name.split(".")[2] for each in kms.iterdir() if each.name.startswith("shop.example."))


def test_a_domain_whose_keys_a_program_keeps(place: Place, kms: Path) -> None:
    state = stand(place, "command")
    assert {each.keeper for each in state.authorities} == {"command"}
    assert keys(kms) == ["intermediate", "jwt", "root", "root"]
    rotate(place, Kind.INTERMEDIATE, force=False, reissue=True)
    rotate(place, Kind.ROOT, force=True, reissue=False)
    issue(place, "/after")
    assert len(keys(kms)) > 4
    assert sound(place)


def test_a_stolen_key_is_destroyed_where_it_is_kept(place: Place, kms: Path) -> None:
    before = stand(place, "command")
    had = {each.name for each in kms.iterdir()}
    stolen, after = replace_stolen(place, "", _QUICK, lambda _: None, keep=False)
    gone = had - {each.name for each in kms.iterdir()}
    assert sorted(each.split(".")[2] for each in gone) == ["intermediate", "root"]
    assert len(keys(kms)) == sum(each.handle is not None for each in after.authorities)
    assert stolen.id in {each.id for each in before.authorities}
    issue(place, "/after")


def test_a_key_that_cannot_be_destroyed_is_recorded_and_stops_nothing(place: Place, kms: Path) -> None:
    stand(place, "command")
    (kms / "stuck").touch()
    replace_stolen(place, "", _QUICK, lambda _: None, keep=False)
    assert kinds(place).count("authority.left") == 2
    issue(place, "/after")
    assert sound(place)


def test_a_keeper_is_chosen_for_what_is_made_from_then_on(place: Place, kms: Path) -> None:
    stand(place)
    assert choose_keeper(place, "command") == "sealed"
    assert choose_keeper(place, "command") == "command"
    assert keys(kms) == []
    assert list(kms.iterdir()) == []
    assert {each.keeper for each in opened_state(place).authorities} == {"sealed"}
    rotate(place, Kind.ROOT, force=True, reissue=False)
    state = rotate(place, Kind.ROOT, force=True, reissue=False)
    active = {each.kind: each.keeper for each in state.authorities if each.standing.value == "active"}
    assert active == {Kind.ROOT: "command", Kind.INTERMEDIATE: "command", Kind.JWT: "sealed"}
    assert choose_keeper(place, "sealed") == "command"
    assert kinds(place).count("domain.changed") == 2


def test_a_backup_says_which_keys_are_not_in_it(place: Place, kms: Path, tmp_path: Path) -> None:
    stand(place, "command")
    made, found = backup(place, tmp_path / "b", rehearsed=True)
    assert made.outside == {"command": 4}
    assert found is not None
    assert (found.keys, found.unopened) == (5, ())
    shutil.rmtree(kms)
    assert len(check(place, tmp_path / "b", None).unopened) == 4


def test_a_keeper_that_does_not_work_founds_nothing(place: Place, kms: Path) -> None:
    shutil.rmtree(kms)
    for keeper in ("command", "pkcs11"):
        with pytest.raises(IdentityError):
            stand(place, keeper)
    with pytest.raises((IdentityError, MissingError)):
        opened_state(place)
    kms.mkdir()
    stand(place, "command")


def test_a_domain_whose_keys_a_token_keeps(token: Place) -> None:
    state = stand(token, "pkcs11")
    assert {each.keeper for each in state.authorities} == {"pkcs11"}
    had = [each.handle for each in state.authorities]
    rotate(token, Kind.INTERMEDIATE, force=False, reissue=True)
    replace_stolen(token, "", _QUICK, lambda _: None, keep=False)
    issue(token, "/after")
    with opened(token) as domain:
        for handle in (each.handle for each in domain.state().authorities if each.handle):
            domain.keepers["pkcs11"].load(handle, "any")
        [root] = [each for each in state.authorities if each.kind is Kind.ROOT and each.standing.value == "active"]
        assert root.handle in had
        with pytest.raises(IdentityError, match="no such key"):
            domain.keepers["pkcs11"].load(root.handle or b"", "root")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[command]\n", "missing required field `program`"),
        ('[command]\nprogram = "/bin/true -x"\n', "got `str`"),
        ('[command]\nprogram = ["true"]\n', "no absolute path"),
        ('[command]\nprogram = ["/bin/true"]\ntimeout = "1"\n', "Expected `float`"),
        ('[command]\nprogram = ["/bin/true"]\nshell = true\n', "unknown field `shell`"),
        ('[vault]\naddress = "x"\n', "unknown field `vault`"),
        (
            '[pkcs11]\nmodule = "m"\ntoken = "t"\npin = "5678"\n',
            "unknown field `pin`|missing required field `pin_file`",
        ),
        ('[pkcs11]\nmodule = "m"\ntoken = "t"\npin_file = "none"\n', "cannot be read"),
        ("[command\n", "does not say how keepers are reached"),
        ("\x00", "does not say how keepers are reached"),
    ],
)
def test_a_file_of_keepers_that_is_wrong_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    stand(Place(tmp_path / "data"))
    file = tmp_path / "data" / "keepers.toml"
    file.write_text(text)
    with pytest.raises(IdentityError, match=message) as caught:
        opened_state(Place(tmp_path / "data"))
    assert "5678" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_who_may_write_the_file_may_run_programs_so_that_others_must_not(place: Place) -> None:
    stand(place, "command")
    place.keepers.chmod(0o666)
    with pytest.raises(IdentityError, match="others may write"):
        opened_state(place)
    place.keepers.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(place.keepers, 12345, -1)
        with pytest.raises(IdentityError, match="others may write"):
            opened_state(place)


def test_a_pin_that_others_may_read_is_none(tmp_path: Path) -> None:
    stand(Place(tmp_path / "data"))
    pin = tmp_path / "data" / "pin"
    pin.write_text("5678")
    pin.chmod(0o644)
    (tmp_path / "data" / "keepers.toml").write_text('[pkcs11]\nmodule = "m"\ntoken = "t"\npin_file = "pin"\n')
    with pytest.raises(IdentityError, match="others than its owner"):
        opened_state(Place(tmp_path / "data"))


def test_another_file_of_keepers_is_named(place: Place, tmp_path: Path) -> None:
    place.keepers.rename(tmp_path / "elsewhere.toml")
    stand(Place(place.data, keepers_file=tmp_path / "elsewhere.toml"), "command")
    with pytest.raises(IdentityError, match="nothing here keeps keys by `command`"):
        issue(place, "/x")
    with pytest.raises(IdentityError, match="cannot be read"):
        opened_state(Place(place.data, keepers_file=tmp_path / "none.toml"))
