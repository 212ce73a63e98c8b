"""Trust domains on a real database, with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import insert

from licet.audit.event import Detail
from licet.audit.ledger import Change, Ledger
from licet.audit.read import Wanted, records
from licet.identity import registry
from licet.identity.domain import Settings, State, load
from licet.identity.entry import Entry
from licet.identity.issuer import Issuer
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keyring import Keyring
from licet.identity.keys import KeyKind, PrivateKey, generate
from licet.identity.lifetimes import Lifetimes
from licet.identity.node.upstream import Ask, Witness
from licet.identity.request import make
from licet.identity.sealing import Seal, new_key_file
from licet.identity.spiffeid import TrustDomain, parse
from licet.identity.succession import Succession
from licet.store import tables
from licet.store.database import Database

T = TypeVar("T")

DOMAIN = TrustDomain("shop.example")
NODE = DOMAIN.member("/licet/agent/one")
BEGAN = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
ADMINISTRATOR: dict[str, Detail] = {"type": "administrator", "uid": 0}
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Clock:
    """The time, until it is set to another."""

    def __init__(self, at: datetime = BEGAN) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """The time."""
        return self.at

    def pass_by(self, seconds: float) -> None:
        """So much later; earlier where it is negative."""
        self.at += timedelta(seconds=seconds)


class Founded:
    """A trust domain and everything that changes it."""

    def __init__(self, database: Database, ledger: Ledger, seal: Seal, clock: Clock) -> None:
        self.database = database
        self.ledger = ledger
        self.clock = clock
        self.keyring = Keyring(DOMAIN, {"sealed": SealedKeeper(seal)})

    @property
    def state(self) -> State:
        """What is stored now."""
        with self.database.read() as connection:
            return load(connection)

    def change(self, do: Callable[[Change], T]) -> T:
        """Have this done."""
        return self.ledger.change(do).result()

    def succeed(self, do: Callable[[Succession], T]) -> T:
        """Have this done to the authorities."""

        def run(change: Change) -> tuple[T, Succession]:
            succession = Succession(change, self.keyring, self.clock(), ADMINISTRATOR)
            return do(succession), succession

        result, succession = self.change(run)
        for authority in succession.over:
            self.keyring.destroy(authority)
        return result

    def reconcile(self) -> State:
        """Do what is due."""
        self.succeed(Succession.reconcile)
        return self.state

    def register(self, *entries: Entry) -> None:
        """Register them."""
        lifetimes = self.state.settings.lifetimes

        def write(change: Change) -> None:
            for entry in entries:
                registry.add_entry(change, DOMAIN, lifetimes, entry, ADMINISTRATOR)

        self.change(write)

    def issuer(self) -> Issuer:
        """One of any number."""
        return Issuer(self.database, self.ledger, self.keyring, self.clock)

    def recorded(self, kind: str = "") -> list[dict[str, Detail]]:
        """The details of what is in the log, of one kind or all."""
        with self.database.read() as connection:
            return [each.record.detail for each in records(connection, Wanted((kind,) if kind else ()))]


@contextmanager
def founded(
    folder: Path, lifetimes: Lifetimes | None = None, clock: Clock | None = None, kind: KeyKind = KeyKind.EC_P256
) -> Iterator[Founded]:
    """A new trust domain with its first authorities."""
    new_key_file(folder / "sealing.key")
    seal = Seal.from_key_file(folder / "sealing.key")
    database = Database.open(folder / "licet.db", create=True)
    settings = Settings(lifetimes=lifetimes or Lifetimes(), key_kind=kind)
    with database.write() as connection:
        connection.execute(
            insert(tables.domain).values(
                one=1,
                trust_domain=str(DOMAIN),
                settings=msgspec.json.encode(settings).decode(),
                seal=seal.describe(),
                version=0,
                sequence=1,
                log_key=b"",
                code=b"",
                log_public_key=LOG_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
            )
        )
    made = clock or Clock()
    try:
        with Ledger(database, LOG_KEY, f"licet.dev/{DOMAIN}", None, made) as ledger:
            domain = Founded(database, ledger, seal, made)
            domain.reconcile()
            yield domain
    finally:
        database.close()


def entry(name: str = "cart", uid: int = 1000, **fields: object) -> Entry:
    """An entry of whoever has this uid."""
    given = Entry(id=name, spiffe_id=DOMAIN.member(f"/{name}"), selectors=(f"unix:uid:{uid}",))
    return msgspec.structs.replace(given, **fields)


def witness(uid: int = 1000, pid: int = 4711) -> Witness:
    """A process of this user."""
    return Witness(pid, uid, uid, (f"unix:gid:{uid}", f"unix:uid:{uid}"))


def ask(name: str = "cart", uid: int = 1000, key: PrivateKey | None = None, spiffe_id: str = "") -> Ask:
    """What a node asks for on behalf of a process of this user."""
    wanted = parse(spiffe_id or f"{DOMAIN.id}/{name}")
    return Ask(name, make(key or generate(KeyKind.EC_P256), wanted), witness(uid))
