"""Sealed secrets open for whoever has the secret, in their own place, unaltered, and for nobody else."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.identity.sealing import KeyFile, Passphrase, Seal, Stretching, new_key_file

WEAK = Stretching(log_n=14)
"""The least that is allowed, so that tests are quick."""
PHRASE = b"correct horse battery staple"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    new_key_file(path)
    return path


def test_what_is_sealed_opens_after_a_restart(key_file: Path) -> None:
    seal = Seal.from_key_file(key_file)
    box = seal.seal(b"secret", "key root")
    assert b"secret" not in box
    assert Seal.reopen(seal.describe(), KeyFile(key_file)).open(box, "key root") == b"secret"


def test_a_passphrase_opens_what_it_sealed() -> None:
    seal = Seal.from_passphrase(PHRASE, WEAK)
    box = seal.seal(b"secret", "key root")
    assert Seal.reopen(seal.describe(), Passphrase(PHRASE)).open(box, "key root") == b"secret"


def test_the_same_secret_makes_another_seal_for_another_domain(key_file: Path) -> None:
    box = Seal.from_key_file(key_file).seal(b"secret", "key root")
    with pytest.raises(MalformedError, match="does not open"):
        Seal.from_key_file(key_file).open(box, "key root")


def test_a_wrong_key_file_is_told_before_anything_is_opened(key_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    new_key_file(other)
    with pytest.raises(RefusedError, match="the key file is not the one that keys were sealed with"):
        Seal.reopen(Seal.from_key_file(key_file).describe(), KeyFile(other))


def test_a_wrong_passphrase_is_told_and_not_repeated() -> None:
    description = Seal.from_passphrase(PHRASE, WEAK).describe()
    with pytest.raises(RefusedError, match="the passphrase is not the one that keys were sealed with") as caught:
        Seal.reopen(description, Passphrase(b"incorrect horse battery"))
    assert "horse" not in str(caught.value)


def test_another_kind_of_secret_is_told(key_file: Path) -> None:
    with pytest.raises(RefusedError, match="keys are sealed with a key file"):
        Seal.reopen(Seal.from_key_file(key_file).describe(), Passphrase(PHRASE))
    with pytest.raises(RefusedError, match="keys are sealed with a passphrase"):
        Seal.reopen(Seal.from_passphrase(PHRASE, WEAK).describe(), KeyFile(key_file))


def test_a_box_opens_in_its_own_place_alone(key_file: Path) -> None:
    seal = Seal.from_key_file(key_file)
    with pytest.raises(MalformedError, match="does not open as `key other`"):
        seal.open(seal.seal(b"secret", "key root"), "key other")


def test_every_changed_bit_of_a_box_is_noticed(key_file: Path) -> None:
    seal = Seal.from_key_file(key_file)
    box = seal.seal(b"secret", "key root")
    for position in range(len(box) * 8):
        altered = bytearray(box)
        altered[position // 8] ^= 1 << position % 8
        with pytest.raises(MalformedError):
            seal.open(bytes(altered), "key root")
    for length in range(len(box)):
        with pytest.raises(MalformedError):
            seal.open(box[:length], "key root")


def test_no_two_boxes_are_alike(key_file: Path) -> None:
    seal = Seal.from_key_file(key_file)
    assert len({seal.seal(b"secret", "key root") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "stretching",
    [
        {"log_n": 40, "r": 8, "p": 1},
        {"log_n": 13, "r": 8, "p": 1},
        {"log_n": 20, "r": 32, "p": 1},
        {"log_n": 17, "r": 1, "p": 1},
        {"log_n": 17, "r": 8, "p": 1000},
        {"log_n": -1, "r": 8, "p": 1},
        {"log_n": "17", "r": 8, "p": 1},
    ],
)
def test_a_hostile_database_cannot_ask_for_all_the_memory_or_for_none(stretching: dict[str, object]) -> None:
    description = msgspec.json.decode(Seal.from_passphrase(PHRASE, WEAK).describe())
    description["scrypt"] = stretching
    with pytest.raises(MalformedError):
        Seal.reopen(msgspec.json.encode(description).decode(), Passphrase(PHRASE))


def test_stretching_takes_a_gibibyte_at_most() -> None:
    assert Stretching(20, 8, 4) != Stretching(19, 16, 4) != Stretching(14, 32, 1)
    for log_n, r, p in (
        (20, 9, 1),
        (19, 17, 1),
        (21, 8, 1),
        (17, 33, 1),
        (17, 7, 1),
        (17, 8, 5),
        (17, 8, 0),
        (13, 8, 1),
    ):
        with pytest.raises(MalformedError, match="out of bounds"):
            Stretching(log_n, r, p)


@pytest.mark.parametrize("junk", ["", "{}", "[]", "null", '{"version": 2, "salt": "", "check": ""}', "\udc80"])
def test_junk_is_no_description(junk: str) -> None:
    with pytest.raises(MalformedError, match="the seal's description"):
        Seal.reopen(junk, Passphrase(PHRASE))


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(RefusedError, match="too short"):
        Seal.from_passphrase(b"hunter2", WEAK)


def test_a_new_key_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        new_key_file(tmp_path / "key")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_overwritten(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(RefusedError, match="already there"):
        new_key_file(key_file)
    assert key_file.read_bytes() == before


def test_a_link_is_not_followed_to_make_a_key_file(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="already there"):
        new_key_file(tmp_path / "key")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_that_others_may_use_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(RefusedError, match=r"others than its owner .* chmod 600"):
        Seal.from_key_file(key_file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of root")
def test_a_credential_as_systemd_hands_it_to_a_service_is_a_key_file(key_file: Path) -> None:
    """Root's, with an access list for the service, whose mask is what the mode shows of the group."""
    key_file.chmod(0o440)
    os.chown(key_file, 0, 0)
    Seal.from_key_file(key_file)
    for mode in (0o441, 0o444, 0o460, 0o640):
        key_file.chmod(mode)
        with pytest.raises(RefusedError, match="others than its owner"):
            Seal.from_key_file(key_file)
    key_file.chmod(0o440)
    os.chown(key_file, 0, 12345)
    with pytest.raises(RefusedError, match="others than its owner"):
        Seal.from_key_file(key_file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_file_of_another_user_is_refused(key_file: Path) -> None:
    os.chown(key_file, 12345, -1)
    with pytest.raises(RefusedError, match="belongs to another user"):
        Seal.from_key_file(key_file)


@pytest.mark.parametrize("text", [b"", b"junk", b"licet-sealing-key-1:", b"licet-sealing-key-1:AAAA\n", b"\xff" * 9000])
def test_junk_is_no_key_file(key_file: Path, text: bytes) -> None:
    key_file.write_bytes(text)
    with pytest.raises(MalformedError, match="is no key file"):
        Seal.from_key_file(key_file)


def test_what_is_no_file_does_not_hold_the_start_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path / "absent", tmp_path):
        with pytest.raises(IdentityError, match=r"key file|no key file|others than"):
            Seal.from_key_file(path)


def test_nothing_secret_is_shown(key_file: Path) -> None:
    assert repr(Passphrase(PHRASE)) == "Passphrase(...)"
    assert repr(Seal.from_key_file(key_file)) == "Seal(key file)"
    secret = key_file.read_text().split(":")[1].strip()
    assert secret not in Seal.from_key_file(key_file).describe()
