"""A trust domain, founded and opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import insert, select

from licet.app.identity.place import Place, administrator, now
from licet.audit import checkpoint
from licet.audit.event import Event
from licet.audit.ledger import Change, Ledger
from licet.identity.domain import Settings, State, load
from licet.identity.errors import IdentityError
from licet.identity.keepers.keeper import Keeper
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keyring import Keyring
from licet.identity.sealing import Seal, new_key_file
from licet.identity.spiffeid import TrustDomain
from licet.identity.succession import Succession
from licet.store import tables
from licet.store.database import Database

T = TypeVar("T")

LOG_KEY = "audit log"
"""For what the key that signs the log is sealed."""


class Domain:
    """An open trust domain: what its servers and its administrators change it by."""

    def __init__(self, place: Place, database: Database, ledger: Ledger, keyring: Keyring, seal: Seal) -> None:
        self.place = place
        self.database = database
        self.ledger = ledger
        self.keyring = keyring
        self.seal = seal

    def state(self) -> State:
        """The state as it is stored now."""
        with self.database.read() as connection:
            return load(connection)

    def change(self, do: Callable[[Change], T]) -> T:
        """Have this done and recorded; raises what `do` raises."""
        return self.ledger.change(do).result()

    def succeed(self, do: Callable[[Succession], T], at: datetime | None = None) -> T:
        """Have this done to the authorities and recorded; keys that are given up are destroyed afterwards."""

        def run(change: Change) -> tuple[T, Succession]:
            succession = Succession(change, self.keyring, at or now(), administrator())
            return do(succession), succession

        result, succession = self.change(run)
        for authority in succession.over:
            self.keyring.destroy(authority)
        if succession.over:
            self.database.scrub()
        return result


def found(place: Place, trust_domain: TrustDomain, settings: Settings, *, passphrase: bool) -> State:
    """Found a trust domain: its secret, its database, its first authorities. Raises IdentityError where one stands."""
    settings.lifetimes.check()
    place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database.open(place.address, create=True)
    try:
        with database.write() as connection:
            if connection.execute(select(tables.domain.c.trust_domain)).scalar() is not None:
                raise IdentityError(
                    f"a trust domain is founded in {database!r} already", "`licet identity status` shows it"
                )
            seal = _new_seal(place, passphrase=passphrase)
            key = Ed25519PrivateKey.generate()
            plain = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            connection.execute(
                insert(tables.domain).values(
                    one=1,
                    trust_domain=str(trust_domain),
                    settings=msgspec.json.encode(settings).decode(),
                    seal=seal.describe(),
                    version=0,
                    sequence=1,
                    log_key=seal.seal(plain, LOG_KEY),
                    log_public_key=key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
                )
            )
    finally:
        database.close()
    with opened(place) as domain:
        facts = {"trust_domain": str(trust_domain), "settings": msgspec.to_builtins(settings)}
        domain.change(lambda change: change.record(Event("domain.founded", administrator(), facts)))
        domain.succeed(Succession.reconcile)
        return domain.state()


@contextmanager
def opened(place: Place) -> Iterator[Domain]:
    """The trust domain that is kept here; raises IdentityError, StoreError and AuditError."""
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            row = connection.execute(select(tables.domain)).one_or_none()
            if row is None:
                raise IdentityError(
                    f"no trust domain stands in {database!r}", "`licet identity init --trust-domain NAME` founds one"
                )
        seal = Seal.reopen(row.seal, place.secret(row.seal))
        log_key = Ed25519PrivateKey.from_private_bytes(seal.open(row.log_key, LOG_KEY))
        keyring = Keyring(TrustDomain(row.trust_domain), keepers(seal))
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Ledger(database, log_key, checkpoint.origin(row.trust_domain), place.witness, now) as ledger:
            yield Domain(place, database, ledger, keyring, seal)
    finally:
        database.close()


def stored(place: Place) -> State:
    """The state alone, for which no secret is needed."""
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            return load(connection)
    finally:
        database.close()


def keepers(seal: Seal) -> dict[str, Keeper]:
    """Whoever may keep keys of authorities, by name."""
    sealed = SealedKeeper(seal)
    return {sealed.name: sealed}


def _new_seal(place: Place, *, passphrase: bool) -> Seal:
    if passphrase:
        return Seal.from_passphrase(place.passphrase(new=True).text)
    if not place.sealing_key.exists():
        new_key_file(place.sealing_key)
    return Seal.from_key_file(place.sealing_key)
