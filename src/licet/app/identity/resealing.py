"""Another secret for a trust domain: every key that the database holds is sealed again, in one transaction."""

from __future__ import annotations

import contextlib
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select, update

from licet.app.identity.domain import LOG_KEY, log_key, opened
from licet.app.identity.key_file import fresh_key, replace_key
from licet.app.identity.place import Place, administrator, now
from licet.audit.event import Detail, Event
from licet.audit.ledger import Change
from licet.identity.domain import load
from licet.identity.errors import IdentityError
from licet.identity.integrity import Integrity
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keyring import Keyring
from licet.identity.sealing import KeyFile, Passphrase, Seal, Secret, kind, new_key_file
from licet.store import tables
from licet.store.alone import hold
from licet.store.errors import BusyError


def reseal(place: Place, new: Secret | None) -> Path | None:
    """Seal with another secret; without one, with a new key file in the place of the one there is.

    What comes back is where that one is kept then. A crash leaves the old secret or the new one in force, whole:
    the new key file is on the disk before the commit, and whoever opens the domain next finishes the exchange.
    """
    with opened(place) as domain:
        file = domain.secret.path if isinstance(domain.secret, KeyFile) else place.sealing_key
        replacing = new is None
        if new is None:
            # The key that waits is no one's: had it been committed, opening would have put it in its place.
            with contextlib.suppress(FileNotFoundError):
                fresh_key(file).unlink()
            new_key_file(fresh_key(file))
            new = KeyFile(fresh_key(file))
        seal = Seal.new(new)
        _require_another(domain.seal.describe(), new)
        old, keyring = domain.seal, domain.keyring
        integrity = domain.integrity

        def exchange(change: Change) -> None:
            hold(change.connection)
            integrity.require(change.connection)
            _seal_all(change, old, seal, keyring)
            Integrity(seal).put(change.connection)

        domain.ledger.change(exchange).result()
        kept = replace_key(file, now()) if replacing else None
        with contextlib.suppress(BusyError):
            domain.database.scrub()
        return kept


def _require_another(description: str, new: Secret) -> None:
    try:
        Seal.reopen(description, new)
    except IdentityError:
        return
    raise IdentityError("this is the secret that keys are sealed with already", "give another")


def _seal_all(change: Change, old: Seal, new: Seal, keyring: Keyring) -> None:
    connection = change.connection
    row = connection.execute(select(tables.domain)).one()
    if row.seal != old.describe():
        raise IdentityError("the sealing secret was changed meanwhile", "see who does so, and run this again")
    sealed, count = SealedKeeper(old), 0
    for authority in load(connection).authorities:
        if authority.keeper == sealed.name and authority.handle is not None:
            handle = sealed.resealed(authority.handle, keyring.label(authority.kind), new)
            connection.execute(
                update(tables.authority).where(tables.authority.c.id == authority.id).values(handle=handle)
            )
            count += 1
    plain = log_key(old, row.log_key).private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    connection.execute(update(tables.domain).values(seal=new.describe(), log_key=new.seal(plain, LOG_KEY)))
    facts: dict[str, Detail] = {"keys": count, "secret": kind(new.describe()), "secret_before": kind(row.seal)}
    change.record(Event("domain.resealed", administrator(), facts))


def chosen(key_file: Path | None, passphrase: Passphrase | None) -> Secret | None:
    """The new secret that was asked for; a key file that is not there yet is made."""
    if key_file is None:
        return passphrase
    if not key_file.exists():
        new_key_file(key_file)
    return KeyFile(key_file)
