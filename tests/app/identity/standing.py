"""Trust domains that stand, made and changed in this process."""

from __future__ import annotations

from sqlalchemy import select

from licet.app.identity.domain import found, opened, reading
from licet.app.identity.place import Place, administrator, now
from licet.audit import checkpoint, witness
from licet.audit.checkpoint import Verifier
from licet.audit.event import Event
from licet.audit.read import Wanted, records
from licet.audit.verify import verify
from licet.identity import registry, request
from licet.identity.domain import Settings, State
from licet.identity.entry import Entry
from licet.identity.issuer import Issuer
from licet.identity.keys import KeyKind, generate
from licet.identity.spiffeid import TrustDomain
from licet.store import tables

DOMAIN = TrustDomain("shop.example")


def stand(place: Place, keeper: str = "sealed", *, passphrase: bool = False) -> State:
    """A new domain with an entry, a revocation, and a certificate issued by hand."""
    found(place, DOMAIN, Settings(keeper=keeper), passphrase=passphrase)
    entry = Entry(id="cart", spiffe_id=DOMAIN.member("/cart"), selectors=("unix:uid:1000",), source="manual")
    with opened(place) as domain:
        lifetimes = domain.state().settings.lifetimes
        domain.change(lambda change: registry.add_entry(change, DOMAIN, lifetimes, entry, administrator()))
        domain.change(lambda change: registry.deny(change, DOMAIN.member("/old"), "gone", now(), administrator()))
    issue(place, "/till")
    return opened_state(place)


def opened_state(place: Place) -> State:
    """What is stored, once its secret opens it."""
    with opened(place) as domain:
        return domain.state()


def issue(place: Place, path: str) -> None:
    """Have a certificate signed, by whoever keeps the intermediate's key."""
    with opened(place) as domain:
        issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
        name = DOMAIN.member(path)
        issuer.directly(name, request.make(generate(KeyKind.EC_P256), name), 0, (), administrator())


def grow(place: Place, records: int, size: int = 400) -> None:
    """Have so many more records in the log."""
    with opened(place) as domain:
        futures = [
            domain.ledger.change(lambda change, n=n: change.record(Event("test.grown", {"n": n}, {"x": "x" * size})))  # type: ignore[misc]
            for n in range(records)
        ]
        for future in futures:
            future.result()


def contents(place: Place) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with reading(place) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in tables.metadata.sorted_tables
        }


def sound(place: Place) -> bool:
    """Whether the log verifies, against what the folder remembers too."""
    with reading(place) as connection:
        row = connection.execute(select(tables.domain)).one()
        known = Verifier(checkpoint.origin(row.trust_domain), row.log_public_key)
        return verify(connection, known, [witness.recall(place.witness)]).holds


def kinds(place: Place) -> list[str]:
    """What is in the log, by its kind."""
    with reading(place) as connection:
        return [kept.record.kind for kept in records(connection, Wanted())]
