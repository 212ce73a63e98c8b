"""What stands in the secrets that Envoy is given, and under which names."""

from __future__ import annotations

import msgspec
import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.tls_spiffe_validator_config_pb2 import (  # type: ignore[import-untyped]
    SPIFFECertValidatorConfig,
)

from licet.identity import pem
from licet.identity.bundle import Bundle
from licet.identity.spiffeid import TrustDomain
from licet.identity.svid import View
from licet.identity.workload.secrets import find, version
from tests.identity.workload.sources import Authority

OURS, BANK = Authority("example.org"), Authority("bank.example")
EMPTY = Bundle(TrustDomain("empty.example"), (), (), 1)
SVIDS = (OURS.svid("/one"), OURS.svid("/two"))
VIEW = View(SVIDS, OURS.bundle(), {TrustDomain("bank.example"): BANK.bundle(), TrustDomain("empty.example"): EMPTY})


def opened(name: str, view: View = VIEW) -> Secret:
    """The secret of this name."""
    found = find(view, name)
    assert found is not None
    made = Secret()
    assert found.body.Unpack(made)
    assert made.name == found.name == name
    return made


def believed(name: str, view: View = VIEW) -> dict[str, str]:
    """The trust domains that a secret has names verified by, each with the roots it may be verified with."""
    context = opened(name, view).validation_context
    assert not context.HasField("trusted_ca")
    assert context.custom_validator_config.name == "envoy.tls.cert_validator.spiffe"
    config = SPIFFECertValidatorConfig()
    assert context.custom_validator_config.typed_config.Unpack(config)
    return {each.name: each.trust_bundle.inline_bytes.decode() for each in config.trust_domains}


@pytest.mark.parametrize(
    ("name", "number"), [("default", 0), ("spiffe://example.org/one", 0), ("spiffe://example.org/two", 1)]
)
def test_an_identity_is_its_chain_and_its_key(name: str, number: int) -> None:
    held = opened(name).tls_certificate
    assert held.certificate_chain.inline_bytes.decode() == pem.certificates(SVIDS[number].chain)
    assert held.private_key.inline_bytes.decode() == pem.private_key(SVIDS[number].key)


def test_each_domain_is_verified_with_its_own_roots_alone() -> None:
    ours, bank = (pem.certificates(each.bundle().x509) for each in (OURS, BANK))
    assert believed("ROOTCA") == believed("spiffe://example.org") == {"example.org": ours}
    assert believed("spiffe://bank.example") == {"bank.example": bank}
    assert believed("ALL") == {"bank.example": bank, "example.org": ours}


@pytest.mark.parametrize(
    "name",
    ["", "other", "spiffe://example.org/three", "spiffe://post.example", "spiffe://empty.example", "example.org"],
)
def test_nothing_else_has_a_secret(name: str) -> None:
    assert find(VIEW, name) is None


def test_a_domain_without_roots_is_no_secret_and_not_one_that_believes_everybody() -> None:
    bare = View((), Bundle(OURS.domain, (), (), 2), {})
    for name in ("default", "ROOTCA", "ALL", "spiffe://example.org"):
        assert find(bare, name) is None


def test_a_version_changes_with_what_is_in_it_and_with_nothing_else() -> None:
    again = View(SVIDS[::-1], OURS.bundle(sequence=9), VIEW.federated)
    renewed = msgspec.structs.replace(VIEW, svids=(OURS.svid("/one"),))

    def of(view: View, *names: str) -> str:
        found = [find(view, name) for name in names]
        return version([each for each in found if each is not None])

    for name in ("ROOTCA", "ALL", "spiffe://example.org/one"):
        assert of(VIEW, name) == of(again, name)
    assert of(VIEW, "default") != of(again, "default")
    assert of(VIEW, "spiffe://example.org/one") != of(renewed, "spiffe://example.org/one")
    assert len({of(VIEW, name) for name in ("ROOTCA", "ALL", "spiffe://bank.example")}) == 3
    assert of(VIEW, "ROOTCA", "default") != of(VIEW, "default", "ROOTCA")
