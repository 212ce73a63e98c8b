"""A trust domain, founded and opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import Connection, insert, select

from licet.app.identity.keeping import keepers, rehearse
from licet.app.identity.key_file import fresh_key, replace_key
from licet.app.identity.place import Place, administrator, now
from licet.audit import checkpoint
from licet.audit.event import Event
from licet.audit.ledger import Change, Ledger
from licet.identity.domain import Settings, State, load
from licet.identity.errors import IdentityError, RefusedError
from licet.identity.integrity import Integrity
from licet.identity.keepers.keeper import Keeper
from licet.identity.keyring import Keyring
from licet.identity.sealing import KeyFile, Seal, Secret, new_key_file
from licet.identity.spiffeid import TrustDomain
from licet.identity.succession import Succession, give_up
from licet.store import tables
from licet.store.alone import hold
from licet.store.database import Database
from licet.store.errors import BusyError

_log = structlog.get_logger("licet.identity")

T = TypeVar("T")

LOG_KEY = "audit log"
"""For what the key that signs the log is sealed."""


class Domain:
    """An open trust domain: what its servers and its administrators change it by."""

    def __init__(
        self,
        place: Place,
        database: Database,
        ledger: Ledger,
        keepers: Mapping[str, Keeper],
        keyring: Keyring,
        seal: Seal,
        secret: Secret,
    ) -> None:
        self.place = place
        self.database = database
        self.ledger = ledger
        self.keepers = keepers
        self.keyring = keyring
        self.seal = seal
        self.secret = secret
        self.integrity = Integrity(seal)

    def state(self) -> State:
        """The state as it is stored now; raises IdentityError where something else than licet changed it."""
        with self.database.read() as connection:
            self.integrity.require(connection)
            return load(connection)

    def change(self, do: Callable[[Change], T]) -> T:
        """Have this done and recorded; raises what `do` raises."""
        return self.ledger.change(self.integrity.guarded(do)).result()

    def succeed(self, do: Callable[[Succession], T], at: datetime | None = None) -> T:
        """Have this done to the authorities and recorded; keys that are given up are destroyed afterwards."""

        def run(change: Change) -> tuple[T, Succession]:
            succession = Succession(change, self.keyring, at or now(), administrator())
            return do(succession), succession

        result, succession = self.change(run)
        give_up(self.ledger, self.keyring, succession.over, administrator())
        if succession.over:
            self._scrub()
        return result

    def _scrub(self) -> None:
        try:
            self.database.scrub()
        except BusyError as error:
            # A backup that is being made, say, reads on: a drill does not wait for it, and what is left is sealed.
            _log.warning("keys that were given up are in the database's own log for now", reason=str(error))


def found(place: Place, trust_domain: TrustDomain, settings: Settings, *, passphrase: bool) -> State:
    """Found a trust domain: its secret, its database, its first authorities. Raises IdentityError where one stands."""
    settings.lifetimes.check()
    place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database.open(place.address, create=True)
    try:
        _require_free(database)
        secret = _new_secret(place, passphrase=passphrase)
        seal = Seal.new(secret)
        key = Ed25519PrivateKey.generate()
        with keepers(seal, place) as there:
            rehearse(there, settings.keeper, settings.key_kind)
            keyring = Keyring(trust_domain, there, seal.describe())

            def write(change: Change) -> None:
                hold(change.connection)
                require_none(change.connection, database)
                change.connection.execute(insert(tables.domain).values(_row(trust_domain, settings, seal, key)))
                facts = {"trust_domain": str(trust_domain), "settings": msgspec.to_builtins(settings)}
                change.record(Event("domain.founded", administrator(), facts))
                Succession(change, keyring, now(), administrator()).reconcile()
                Integrity(seal).put(change.connection)

            # All at once: whatever stands has its authorities, and its log begins with the founding.
            with Ledger(database, key, checkpoint.origin(str(trust_domain)), place.witness, now) as ledger:
                ledger.change(write).result()
        with database.read() as connection:
            return load(connection)
    finally:
        database.close()


@contextmanager
def opened(place: Place, secret: Secret | None = None) -> Iterator[Domain]:
    """The trust domain that is kept here; raises IdentityError, StoreError and AuditError.

    Without a `secret` it is had as the place says, which may ask somebody for it.
    """
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            row = connection.execute(select(tables.domain)).one_or_none()
        if row is None:
            raise IdentityError(
                f"no trust domain stands in {database}", "`licet identity init --trust-domain NAME` founds one"
            )
        known = secret or place.secret(row.seal)
        seal = reopened(row.seal, known)
        key = log_key(seal, row.log_key)
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            keepers(seal, place) as there,
            Ledger(database, key, checkpoint.origin(row.trust_domain), place.witness, now) as ledger,
        ):
            keyring = Keyring(TrustDomain(row.trust_domain), there, row.seal)
            yield Domain(place, database, ledger, there, keyring, seal, known)
    finally:
        database.close()


def stored(place: Place) -> State:
    """The state alone, for which no secret is needed."""
    with reading(place) as connection:
        return load(connection)


@contextmanager
def reading(place: Place) -> Iterator[Connection]:
    """The database to read from, for which no secret is needed."""
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            yield connection
    finally:
        database.close()


def log_key(seal: Seal, sealed: bytes) -> Ed25519PrivateKey:
    """The key that signs checkpoints of the log."""
    return Ed25519PrivateKey.from_private_bytes(seal.open(sealed, LOG_KEY))


def require_none(connection: Connection, database: Database) -> None:
    """Raise IdentityError where a trust domain stands, or rows of one that would become part of another."""
    if connection.execute(select(tables.domain.c.trust_domain)).scalar() is not None:
        raise IdentityError(f"a trust domain is founded in {database} already", "`licet identity status` shows it")
    for table in tables.metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise IdentityError(f"there are rows in {database}, and no trust domain", "name an empty database")


def reopened(description: str, secret: Secret) -> Seal:
    """The seal of this description. A new key file that `reseal` had no time to put in its place is put there."""
    try:
        return Seal.reopen(description, secret)
    except RefusedError:
        if not isinstance(secret, KeyFile) or not (fresh := fresh_key(secret.path)).exists():
            raise
        seal = Seal.reopen(description, KeyFile(fresh))
        replace_key(secret.path, now())
        return seal


def _row(trust_domain: TrustDomain, settings: Settings, seal: Seal, key: Ed25519PrivateKey) -> dict[str, object]:
    plain = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {
        "one": 1,
        "trust_domain": str(trust_domain),
        "settings": msgspec.json.encode(settings).decode(),
        "seal": seal.describe(),
        "version": 0,
        "sequence": 1,
        "log_key": seal.seal(plain, LOG_KEY),
        "log_public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        "code": b"",
    }


def _require_free(database: Database) -> None:
    with database.read() as connection:
        require_none(connection, database)


def _new_secret(place: Place, *, passphrase: bool) -> Secret:
    if passphrase:
        return place.passphrase(new=True)
    if not place.sealing_key.exists():
        new_key_file(place.sealing_key)
    return KeyFile(place.sealing_key)
