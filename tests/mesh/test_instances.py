"""Which sidecars there are, as control planes with clocks of their own tell each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from licet.app.identity.domain import Domain, found, opened
from licet.app.identity.place import Place
from licet.identity.domain import Settings
from licet.identity.spiffeid import TrustDomain
from licet.mesh import instances
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.model.key import Key

CART = Key("", "apps", "Deployment", "shop", "cart")
AT = datetime(2026, 11, 21, tzinfo=UTC)
LATER = AT + instances.PATIENCE + timedelta(seconds=1)


def sidecar(address: str, number: int = 1) -> Sidecar:
    return Sidecar(f"{CART}/{number}", CART, "spiffe://shop.example/cart", address, Capture.EXPLICIT)


def joined(domain: Domain, server: str, at: datetime, *those: Sidecar) -> None:
    domain.change(lambda change: instances.joined(change.connection, those, server, at))


def state(domain: Domain) -> tuple[object, object]:
    with domain.database.read() as connection:
        return instances.version(connection), instances.known(connection)


def test_every_change_is_seen_whatever_the_clocks_say_and_who_has_gone_is_forgotten_after_a_while(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    found(place, TrustDomain("shop.example"), Settings(), passphrase=False)
    with opened(place) as domain:
        joined(domain, "one", AT, sidecar("10.0.0.1"), sidecar("10.0.0.2", 2))
        before, _ = state(domain)
        joined(domain, "two", AT - timedelta(hours=1), sidecar("10.0.0.9"))
        after, known = state(domain)
        assert after != before, "the clock of the second is behind"
        assert known == {str(CART): (Instance(f"{CART}/1", "10.0.0.9"), Instance(f"{CART}/2", "10.0.0.2"))}
        domain.change(lambda change: instances.left(change.connection, [f"{CART}/1", f"{CART}/2"], "one", AT))
        assert domain.change(lambda change: instances.forget(change.connection, AT)) == 0
        assert domain.change(lambda change: instances.forget(change.connection, LATER)) == 1
        _, known = state(domain)
        assert known == {str(CART): (Instance(f"{CART}/1", "10.0.0.9"),)}, "another has it by now"
        domain.change(lambda change: instances.abandoned(change.connection, "two", AT))
        assert domain.change(lambda change: instances.forget(change.connection, LATER)) == 1
