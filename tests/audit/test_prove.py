"""Proofs hold without the log, by Licet's own verification and by Go's, and changed ones hold by neither."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update

from licet.audit.errors import AuditError
from licet.audit.prove import Consistency, Inclusion, check, decode, prove_consistency, prove_inclusion
from licet.store import tables
from licet.store.database import Database
from tests.audit import logs
from tests.built import go_program

BATCHES = (1, 2, 253, 300, 44, 5, 131)
SIZE = sum(BATCHES)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A log whose checkpoints were all kept, as if a day lay between them."""
    made = logs.made(tmp_path_factory.mktemp("log") / "kept" / "licet.db")
    notes = logs.grow(made, BATCHES)
    with made.write() as connection:
        held = connection.execute(select(tables.checkpoint.c.size)).scalars().all()
        size = 0
        for batch, note in zip(BATCHES, notes, strict=True):
            size += batch
            if size not in held:
                row = {"size": size, "at": "", "note": note, "frontier": b"", "head": b""}
                connection.execute(tables.checkpoint.insert().values(row))
    yield made
    made.close()


@pytest.fixture(scope="module")
def judge() -> Path:
    """The program, built from the pinned module; skips where there is no Go."""
    return go_program(Path(__file__).parent / "judge", "audit-judge")


def verdicts(judge: Path, proofs: Sequence[Inclusion | Consistency]) -> list[str]:
    lines = b"".join(msgspec.json.encode(proof) + b"\n" for proof in proofs)
    return subprocess.run([judge], input=lines, capture_output=True, check=True).stdout.decode().splitlines()


def inclusions(database: Database) -> list[Inclusion]:
    with database.read() as connection:
        return [prove_inclusion(connection, logs.KNOWN, at) for at in (0, 1, 2, 255, 256, 511, 512, 600, SIZE - 1)]


def consistencies(database: Database) -> list[Consistency]:
    sizes = [sum(BATCHES[: number + 1]) for number in range(len(BATCHES))]
    pairs = [
        (first, second) for second in sizes for first in (1, 2, 3, 200, 256, 300, 512, 600, 735) if first <= second
    ]
    with database.read() as connection:
        return [prove_consistency(connection, logs.KNOWN, first, second) for first, second in pairs]


def spoiled(proof: Inclusion | Consistency) -> list[Inclusion | Consistency]:
    """The proof with something changed that it is about."""
    change = msgspec.structs.replace
    if isinstance(proof, Inclusion):
        return [
            change(proof, position=proof.position ^ 1),
            change(proof, record=proof.record.replace("svid", "diva")),
            change(proof, checkpoint=proof.checkpoint.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")),
            change(proof, path=proof.path[::-1]),
            change(proof, path=proof.path[:-1]),
        ]
    return [
        change(proof, first=change(proof.first, root=proof.second.root[:-2] + "A=", checkpoint="")),
        change(proof, second=change(proof.second, checkpoint=proof.second.checkpoint.replace("licet", "tecil"))),
        change(proof, path=(*proof.path, proof.first.root)),
    ]


def test_every_proof_holds_and_a_changed_one_does_not(database: Database) -> None:
    for proof in (*inclusions(database), *consistencies(database)):
        read = decode(msgspec.json.encode(proof))
        assert read == proof
        assert check(read, logs.KNOWN).wrong == ()
        for changed in spoiled(proof):
            assert not check(changed, logs.KNOWN).holds, changed


def test_go_holds_the_same_proofs_to_be_right_and_wrong(database: Database, judge: Path) -> None:
    proofs: list[Inclusion | Consistency] = [*inclusions(database), *consistencies(database)]
    assert set(verdicts(judge, proofs)) == {"ok"}
    assert "ok" not in verdicts(judge, [changed for proof in proofs for changed in spoiled(proof)])


def test_a_proof_holds_only_by_the_key_that_signed(database: Database) -> None:
    other = msgspec.structs.replace(logs.KNOWN, key=logs.STRANGER.public_key().public_bytes_raw())
    assert check(inclusions(database)[0], other).wrong == ("the checkpoint is not signed by the log's key",)


def test_a_proof_is_compared_with_what_is_remembered(database: Database, tmp_path: Path) -> None:
    other = logs.made(tmp_path / "other" / "licet.db")
    notes = logs.grow(other, [735, 1])
    other.close()
    with database.read() as connection:
        proof = prove_consistency(connection, logs.KNOWN, 735, None)
    assert check(proof, logs.KNOWN).wrong == ()
    assert check(proof, logs.KNOWN, notes[:1]).wrong == ("the log of 735 records is not the one that is remembered",)


def test_what_was_tampered_with_is_not_proved(tmp_path: Path) -> None:
    database = logs.made(tmp_path / "log" / "licet.db")
    logs.grow(database, [10])
    with database.write() as connection:
        connection.execute(update(tables.record).where(tables.record.c.position == 3).values(body=b"{}"))
    with database.read() as connection, pytest.raises(AuditError, match="nothing can be proved"):
        prove_inclusion(connection, logs.KNOWN, 5)
    database.close()


def test_what_is_not_there_cannot_be_proved(database: Database) -> None:
    with database.read() as connection:
        with pytest.raises(AuditError, match=f"the log has no record {SIZE}"):
            prove_inclusion(connection, logs.KNOWN, SIZE)
        with pytest.raises(AuditError, match="no checkpoint of 299 records is kept") as raised:
            prove_consistency(connection, logs.KNOWN, 10, 299)
        assert raised.value.help == "there is one of 256 and 556"
        with pytest.raises(AuditError, match="does not begin with"):
            prove_consistency(connection, logs.KNOWN, 10, 3)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"proves":"inclusion"}', b"\xff", b'{"proves":"other"}'])
def test_what_is_no_proof_is_refused(document: bytes) -> None:
    with pytest.raises(AuditError, match="no proof"):
        decode(document)
