"""A trust domain in one encrypted file, as it is at one moment while servers run."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import select

from licet.app.identity.domain import Domain, opened
from licet.app.identity.place import Place, administrator, now
from licet.app.identity.restoring import Restored, check
from licet.audit.event import Detail, Event
from licet.audit.log import head
from licet.identity import archive, snapshot
from licet.identity.archive import Header
from licet.identity.errors import IdentityError
from licet.identity.sealing import KeyFile, Seal, Secret, key_text
from licet.store import private_file, tables
from licet.store.moment import text
from licet.store.schema import NEWEST


class Backup(msgspec.Struct, frozen=True):
    """A backup that was written: its header, how many bytes it has, and keys that are not in it by their keeper."""

    path: Path
    header: Header
    bytes: int
    outside: dict[str, int]


def backup(
    place: Place,
    out: Path,
    own: Secret | None = None,
    *,
    sealing_key: bool = False,
    rehearsed: bool = False,
    force: bool = False,
) -> tuple[Backup, Restored | None]:
    """Write everything to `out`, which appears whole or not at all, once that is recorded.

    It opens with the secret of the domain, or with its `own`; with `sealing_key` that of the domain is in it. With
    `rehearsed` it is put to the test at once, and what would be restored comes back too.
    """
    if out.exists() and not force:
        raise _taken(out)
    with opened(place) as domain:
        known = domain.secret
        inside = _sealing_key(domain, own) if sealing_key else None
        fresh = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
        with open(_begun(fresh, out), "wb") as file:
            try:
                header, outside = _write(domain, file, own, inside)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
                _record(domain, header)
                _put(fresh, out, force=force)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise
    made = Backup(out, header, size, outside)
    return made, check(place, out, own, known) if rehearsed else None


def _write(
    domain: Domain, file: IO[bytes], own: Secret | None, sealing_key: bytes | None
) -> tuple[Header, dict[str, int]]:
    seal = Seal.new(own or domain.secret)
    with domain.database.read() as connection:
        row = connection.execute(select(tables.domain)).one()
        if row.seal != domain.seal.describe():
            raise IdentityError("the sealing secret was changed meanwhile", "run this again with the new one")
        last = head(connection)
        assert last is not None, "founding is recorded"
        header = Header(
            id=secrets.token_hex(16),
            trust_domain=row.trust_domain,
            created_at=text(now()),
            schema=NEWEST,
            records=last.size,
            checkpoint=last.note,
            secret="domain" if own is None else "backup",
            seal=seal.describe(),
        )
        kept = select(tables.authority.c.keeper).where(
            tables.authority.c.handle.is_not(None), tables.authority.c.keeper != "sealed"
        )
        outside = list(connection.execute(kept).scalars())
        archive.write(file, header, seal, snapshot.taken(connection, sealing_key))
    return header, {name: outside.count(name) for name in sorted(set(outside))}


def _record(domain: Domain, header: Header) -> None:
    facts: dict[str, Detail] = {
        "backup": header.id,
        "records": header.records,
        "checkpoint": header.checkpoint,
        "secret": header.secret,
    }
    domain.change(lambda change: change.record(Event("domain.backed_up", administrator(), facts)))


def _sealing_key(domain: Domain, own: Secret | None) -> bytes:
    if own is None:
        raise IdentityError(
            "the sealing key cannot be in a backup that it opens itself", "give the backup a passphrase of its own"
        )
    if not isinstance(domain.secret, KeyFile):
        raise IdentityError("keys are sealed with a passphrase, which is no file", "leave `--include-sealing-key` out")
    return key_text(domain.secret.path)


def _begun(fresh: Path, out: Path) -> int:
    try:
        return os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        raise IdentityError(f"`{out}` cannot be written: {reason}", "name one that you may write") from None


def _put(fresh: Path, out: Path, *, force: bool) -> None:
    if force:
        fresh.replace(out)
    else:
        try:
            os.link(fresh, out)
            fresh.unlink()
        except FileExistsError:
            raise _taken(out) from None
        except OSError:
            # Disks that are carried about often have no hard links.
            if out.exists():
                raise _taken(out) from None
            fresh.rename(out)
    private_file.sync(out.parent)


def _taken(out: Path) -> IdentityError:
    return IdentityError(f"`{out}` is already there", "name another file, or add --force")
