"""Checkpoints are signed notes, and nothing that is not one passes for one."""

from __future__ import annotations

from base64 import b64encode

import pytest

from licet.audit.checkpoint import Checkpoint, Verifier, parse, sign, verifier, verify
from licet.audit.errors import AuditError
from tests.audit.logs import KEY, KNOWN, ORIGIN, STRANGER

CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))
NOTE = sign(CHECKPOINT, KEY, KNOWN)


def test_the_form_is_that_of_c2sp() -> None:
    text, signature = NOTE.split("\n\n")
    assert text == f"{ORIGIN}\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert signature.startswith(f"— {ORIGIN} ")
    assert signature.endswith("\n")


def test_what_was_signed_is_read_back() -> None:
    assert verify(NOTE, KNOWN) == parse(NOTE) == CHECKPOINT


def test_a_key_is_read_back() -> None:
    assert verifier(f"{KNOWN}\n") == KNOWN


def test_signatures_of_others_beside_it_do_no_harm() -> None:
    assert verify(NOTE + "— witness.example c2lnbmF0dXJl\n", KNOWN) == CHECKPOINT


def test_a_note_is_refused_with_any_character_changed() -> None:
    for at, character in enumerate(NOTE.rstrip("\n")):
        changed = NOTE[:at] + ("A" if character != "A" else "B") + NOTE[at + 1 :]
        with pytest.raises(AuditError):
            verify(changed, KNOWN)


def test_a_note_of_another_key_is_refused() -> None:
    with pytest.raises(AuditError, match="not signed by the log's key"):
        verify(sign(CHECKPOINT, STRANGER, KNOWN), KNOWN)


def test_a_note_of_another_log_is_refused() -> None:
    note = sign(Checkpoint("licet.dev/other", 7, bytes(32)), KEY, KNOWN)
    with pytest.raises(AuditError, match=r"is of the log `licet\.dev/other`"):
        verify(note, KNOWN)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        "origin\n7\n\n— a b\n",
        "origin\n07\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n",
        "origin\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n",
        "origin\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n\n",
        "origin\n7\nAAAA\n\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(AuditError):
        parse(note)


NAME, HASH, ENCODED = str(KNOWN).split("+", 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AQ==",
        "a+b+ä",
        f"{NAME}+00000000+{ENCODED}",
        f"{NAME}+{HASH.upper()}+{ENCODED}",
        f"{NAME}x+{HASH}+{ENCODED}",
        f"{NAME}+{HASH}+{b64encode(bytes([2]) + KNOWN.key).decode()}",
        f"{NAME}+{HASH}+{b64encode(bytes([1]) + STRANGER.public_key().public_bytes_raw()).decode()}",
        f"{NAME}+{HASH}+{ENCODED}!",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(AuditError):
        verifier(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a ", "\x1fa"])
def test_a_log_has_a_name_that_may_stand_in_a_note(name: str) -> None:
    with pytest.raises(AuditError, match="no key of a log"):
        Verifier(name, KNOWN.key)


@pytest.mark.parametrize("key", [b"", KNOWN.key[:-1], KNOWN.key + b"\0"])
def test_a_key_has_one_length(key: bytes) -> None:
    with pytest.raises(AuditError, match="no key of a log"):
        Verifier(ORIGIN, key)
