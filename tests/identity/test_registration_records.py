"""Each change of who is who is recorded once, as what it is, and followed by everybody; what changes nothing is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from licet.audit.read import Wanted, records
from licet.identity import registry
from licet.identity.bundle import Bundle
from licet.identity.domain import Foreign
from licet.identity.entry import encode
from licet.identity.errors import IdentityError
from licet.identity.spiffeid import TrustDomain
from tests.identity.authorities import Authority
from tests.identity.domains import ADMINISTRATOR, DOMAIN, Founded, entry, founded

CART = DOMAIN.member("/cart")
BANK = TrustDomain("bank.example")
FOREIGN = Foreign(BANK, "https_web", "https://bank.example/bundle", "", None, None, "", distrusted=False)
FACTS = {"profile": "https_web", "url": "https://bank.example/bundle", "endpoint_id": "", "distrusted": 0}
BUNDLE = Authority.of(BANK.name).bundle


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Founded]:
    with founded(tmp_path) as made:
        yield made


class Step:
    """What a change adds to the log, and by how much the domain's version and its bundle's sequence grow."""

    def __init__(self, domain: Founded) -> None:
        self._domain = domain
        self._seen = len(domain.recorded())
        self._before = domain.state

    def told(self) -> tuple[list[tuple[str, object, object]], int, int]:
        """The records, the versions and the sequences since."""
        with self._domain.database.read() as connection:
            found = [each.record for each in records(connection, Wanted(()))][self._seen :]
        now = self._domain.state
        return (
            [(each.kind, each.actor, each.detail) for each in found],
            now.version - self._before.version,
            now.bundle.sequence - self._before.bundle.sequence,
        )


def once(kind: str, detail: object, actor: object = ADMINISTRATOR) -> tuple[list[tuple[str, object, object]], int, int]:
    return [(kind, actor, detail)], 1, 0


NOTHING: tuple[list[object], int, int] = ([], 0, 0)


def test_entries(domain: Founded) -> None:
    first, second = entry(), entry(hint="other")
    step = Step(domain)
    domain.register(first)
    assert step.told() == once("entry.added", {"entry": msgspec.json.decode(encode(first))})
    step = Step(domain)
    domain.register(first)
    assert step.told() == NOTHING
    domain.register(second)
    assert step.told() == once("entry.changed", {"entry": msgspec.json.decode(encode(second))})
    assert domain.state.entries == {"cart": second}
    step = Step(domain)
    domain.change(lambda change: registry.remove_entry(change, "cart", ADMINISTRATOR))
    assert step.told() == once("entry.removed", {"entry": msgspec.json.decode(encode(second))})
    assert domain.state.entries == {}
    with pytest.raises(IdentityError, match="no entry `cart`"):
        domain.change(lambda change: registry.remove_entry(change, "cart", ADMINISTRATOR))


def test_revocations(domain: Founded) -> None:
    step = Step(domain)
    for _ in range(2):
        domain.change(lambda change: registry.deny(change, CART, "stolen", domain.clock(), ADMINISTRATOR))
    assert step.told() == once("identity.revoked", {"spiffe_id": str(CART), "reason": "stolen"})
    other = DOMAIN.member("/cash")
    domain.change(lambda change: registry.deny(change, other, "", domain.clock(), ADMINISTRATOR))
    assert domain.state.denied == {CART, other}
    step = Step(domain)
    domain.change(lambda change: registry.permit(change, CART, ADMINISTRATOR))
    assert step.told() == once("identity.permitted", {"spiffe_id": str(CART)})
    assert domain.state.denied == {other}
    with pytest.raises(IdentityError, match="is not revoked"):
        domain.change(lambda change: registry.permit(change, CART, ADMINISTRATOR))


def test_federations(domain: Founded) -> None:
    other = replace(FOREIGN, trust_domain=TrustDomain("post.example"), url="https://post.example/bundle")
    domain.change(lambda change: registry.federate(change, other, ADMINISTRATOR))
    step = Step(domain)
    domain.change(lambda change: registry.federate(change, FOREIGN, ADMINISTRATOR))
    assert step.told() == once("federation.set", {"trust_domain": "bank.example", **FACTS})
    step = Step(domain)
    domain.change(lambda change: registry.part(change, BANK, ADMINISTRATOR))
    assert step.told() == once("federation.removed", {"trust_domain": "bank.example"})
    assert [each.trust_domain for each in domain.state.foreign] == [other.trust_domain]
    with pytest.raises(IdentityError, match=r"not federated with `bank\.example`"):
        domain.change(lambda change: registry.part(change, BANK, ADMINISTRATOR))


def _fetched(domain: Founded, bundle: Bundle) -> None:
    domain.change(lambda change: registry.fetched(change, bundle, domain.clock()))


def test_a_newer_bundle_is_kept_and_an_older_one_never(domain: Founded) -> None:
    domain.change(lambda change: registry.federate(change, FOREIGN, ADMINISTRATOR))
    server = {"type": "server"}
    for sequence in (5, 6):
        step = Step(domain)
        _fetched(domain, replace(BUNDLE, sequence=sequence))
        assert step.told() == once("federation.fetched", {"trust_domain": "bank.example", "sequence": sequence}, server)
    step = Step(domain)
    for older in (replace(BUNDLE, sequence=6), replace(BUNDLE, x509=(), sequence=5)):
        _fetched(domain, older)
    assert step.told() == NOTHING
    assert domain.state.federated == {BANK: replace(BUNDLE, sequence=6)}
    _fetched(domain, replace(BUNDLE, x509=(), sequence=6))
    assert domain.state.federated == {BANK: replace(BUNDLE, x509=(), sequence=6)}


def test_what_is_distrusted_or_gone_is_not_brought_back_by_a_fetch(domain: Founded) -> None:
    distrusted = replace(FOREIGN, distrusted=True)
    domain.change(lambda change: registry.federate(change, distrusted, ADMINISTRATOR))
    step = Step(domain)
    for name in (BANK, TrustDomain("post.example")):
        _fetched(domain, replace(BUNDLE, trust_domain=name, sequence=9))
    assert step.told() == NOTHING
    assert [(each.trust_domain, each.bundle) for each in domain.state.foreign] == [(BANK, None)]


def test_why_nothing_was_fetched_is_told_once_and_the_bundle_stays(domain: Founded) -> None:
    domain.change(lambda change: registry.federate(change, FOREIGN, ADMINISTRATOR))
    _fetched(domain, BUNDLE)
    step = Step(domain)
    for _ in range(2):
        for name in (BANK, TrustDomain("post.example")):
            domain.change(lambda change, name=name: registry.failed(change, name, "away"))  # type: ignore[misc]
    failed = ("federation.failed", {"type": "server"}, {"trust_domain": "bank.example", "failure": "away"})
    assert step.told() == ([failed], 0, 0)
    assert [(each.failure, each.bundle) for each in domain.state.foreign] == [("away", BUNDLE)]
