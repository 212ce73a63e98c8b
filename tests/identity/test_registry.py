"""What is registered, as it is stored and recorded."""

from __future__ import annotations

from pathlib import Path

from licet.identity import registry
from licet.identity.bundle import Bundle
from licet.identity.domain import Foreign
from licet.identity.spiffeid import TrustDomain
from tests.identity.domains import ADMINISTRATOR, founded


def test_a_foreign_bundle_may_have_the_largest_number_that_there_is(tmp_path: Path) -> None:
    with founded(tmp_path) as domain:
        other = TrustDomain("bank.example")
        foreign = Foreign(other, "https_web", "https://bank.example/", "", None, None, "", False)
        domain.change(lambda change: registry.federate(change, foreign, ADMINISTRATOR))
        for number in (1, 2**53, 2**64 - 1):
            bundle = Bundle(other, (), (), number, 300)
            domain.change(lambda change, bundle=bundle: registry.fetched(change, bundle, domain.clock()))  # type: ignore[misc]
            assert domain.state.federated[other].sequence == number
        assert [each["sequence"] for each in domain.recorded("federation.fetched")] == [1, str(2**53), str(2**64 - 1)]
