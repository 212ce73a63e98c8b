"""A signed question is taken once, from whoever holds the SVID's key, for this service, as it was signed, and soon."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind
from licet.identity.spiffeid import TrustDomain
from licet.mesh.decision.nonces import Nonces, Room
from licet.mesh.decision.signature import AHEAD, WINDOW, Signatures
from tests.mesh.decision.fleets import GATEWAY
from tests.mesh.decision.signers import AUDIENCE, BODY, DOMAIN, NOW, PATH, Authority, Clock, Signer, signatures

AUTHORITY = Authority()
SIGNER = AUTHORITY.signer(GATEWAY)
NONCE = "0123456789abcdef"


def _refused(
    text: str, match: str, path: str = PATH, body: bytes = BODY, kind: type[IdentityError] = RefusedError
) -> None:
    with pytest.raises(kind, match=match):
        signatures(AUTHORITY, Clock()).verify(text, path, body)


@pytest.mark.parametrize("kind", KeyKind)
def test_a_signed_question_is_its_signers(kind: KeyKind) -> None:
    signer = AUTHORITY.signer(GATEWAY, kind=kind)
    assert str(signatures(AUTHORITY, Clock()).verify(signer.sign(), PATH, BODY)) == GATEWAY


def test_a_question_that_was_asked_before_is_refused() -> None:
    verifying, text = signatures(AUTHORITY, Clock()), SIGNER.sign()
    verifying.verify(text, PATH, BODY)
    with pytest.raises(RefusedError, match="was made before"):
        verifying.verify(text, PATH, BODY)


def test_a_nonce_is_good_for_one_question_of_one_signer() -> None:
    verifying, other = signatures(AUTHORITY, Clock()), AUTHORITY.signer("spiffe://shop.example/other")
    verifying.verify(SIGNER.sign(nonce=NONCE), PATH, BODY)
    verifying.verify(other.sign(nonce=NONCE), PATH, BODY)
    with pytest.raises(RefusedError, match="was made before"):
        verifying.verify(SIGNER.sign(b"another", nonce=NONCE), PATH, b"another")


def test_a_replay_is_refused_for_as_long_as_the_signature_would_be_taken() -> None:
    clock = Clock()
    verifying, text = signatures(AUTHORITY, clock), SIGNER.sign(at=NOW + timedelta(seconds=AHEAD))
    verifying.verify(text, PATH, BODY)
    for _ in range(2 * round(WINDOW + AHEAD)):
        clock.pass_(0.5)
        with pytest.raises(RefusedError, match="was made before"):
            verifying.verify(text, PATH, BODY)
    clock.pass_(0.5)
    with pytest.raises(RefusedError, match="too long ago"):
        verifying.verify(text, PATH, BODY)


def test_a_clock_that_goes_back_has_no_replay_taken() -> None:
    clock, nonces = Clock(), Nonces()
    verifying, text = signatures(AUTHORITY, clock, nonces=nonces), SIGNER.sign()
    verifying.verify(text, PATH, BODY)
    clock.pass_(WINDOW + 1)
    verifying.verify(SIGNER.sign(at=clock.now), PATH, BODY)
    assert len(nonces) == 1, "the first is forgotten by now"
    clock.pass_(-WINDOW)
    with pytest.raises(RefusedError, match="too long ago"):
        verifying.verify(text, PATH, BODY)


def test_what_was_signed_before_the_service_began_is_refused() -> None:
    """Who was seen before then is not known any more, and a signer's clock may be ahead."""
    clock = Clock()
    verifying = Signatures(AUDIENCE, lambda: {DOMAIN: AUTHORITY.bundle}, clock, frozenset)
    for ahead in (-1.0, 0.0, AHEAD - 0.1):
        with pytest.raises(UnavailableError, match="signed so early"):
            verifying.verify(SIGNER.sign(at=NOW + timedelta(seconds=ahead)), PATH, BODY)
    clock.pass_(AHEAD)
    verifying.verify(SIGNER.sign(at=clock.now), PATH, BODY)


@pytest.mark.parametrize(
    ("seconds", "match"), [(-WINDOW - 1, "too long ago"), (AHEAD + 1, "a time to come")], ids=["old", "to come"]
)
def test_a_question_of_another_time_is_refused(seconds: float, match: str) -> None:
    clock = Clock()
    verifying = signatures(AUTHORITY, clock)
    clock.pass_(60)
    with pytest.raises(RefusedError, match=match):
        verifying.verify(SIGNER.sign(at=clock.now + timedelta(seconds=seconds)), PATH, BODY)


def test_another_body_or_path_than_was_signed_is_refused() -> None:
    _refused(SIGNER.sign(), "not the one that was signed", body=BODY + b" ")
    _refused(SIGNER.sign(), "not the one that was signed", path="/access/v1/evaluations")


def test_a_signature_for_another_audience_is_refused() -> None:
    _refused(SIGNER.sign(audience=AUDIENCE + "2"), "another audience")


def test_a_foreign_chain_is_refused() -> None:
    _refused(Authority().signer(GATEWAY).sign(), "authorit")
    elsewhere = Authority(domain=TrustDomain("bank.example"))
    _refused(elsewhere.signer("spiffe://bank.example/gateway").sign(), "not known here")


def test_an_svid_that_has_ended_is_refused() -> None:
    _refused(AUTHORITY.signer(GATEWAY, -1).sign(), "valid")


def test_a_revoked_identity_is_refused() -> None:
    with pytest.raises(RefusedError, match="is revoked"):
        signatures(AUTHORITY, Clock(), frozenset({GATEWAY})).verify(SIGNER.sign(), PATH, BODY)


def test_a_certificate_without_its_key_is_refused() -> None:
    thief = Signer(SIGNER.chain, AUTHORITY.signer("spiffe://shop.example/thief").key)
    _refused(thief.sign(), "not that of the certificate's key")


def _altered(number: int, change: dict[str, object]) -> str:
    parts = SIGNER.sign().split(".")
    held = json.loads(base64.urlsafe_b64decode(parts[number] + "==")) | change
    parts[number] = base64.urlsafe_b64encode(json.dumps(held).encode()).rstrip(b"=").decode()
    return ".".join(parts)


@pytest.mark.parametrize(
    "change",
    [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"crit": ["b64"], "b64": False}, {"x5c": []}, {"jku": "x"}],
    ids=str,
)
def test_a_header_of_another_kind_is_refused(change: dict[str, object]) -> None:
    _refused(_altered(0, change), "kind|read|chain of", kind=MalformedError)


def test_an_algorithm_that_is_not_the_keys_is_refused() -> None:
    for algorithm in ("ES384", "ES512", "PS256", "EdDSA"):
        _refused(_altered(0, {"alg": algorithm}), "not that of the certificate's key")


def test_claims_that_were_altered_are_refused() -> None:
    changes: tuple[dict[str, object], ...] = ({"nonce": "x" * 20}, {"iat": NOW.timestamp() + 1}, {"path": "/"})
    for change in changes:
        _refused(_altered(1, change), "not that of the certificate's key")


def test_a_nonce_that_could_be_guessed_is_refused() -> None:
    _refused(SIGNER.sign(nonce="1"), "the nonce is none", kind=MalformedError)


def test_a_full_store_refuses_and_forgets_nothing_early() -> None:
    clock = Clock()
    nonces = Nonces(Room(all=3, one=2))
    verifying = signatures(AUTHORITY, clock, nonces=nonces)
    others = [AUTHORITY.signer(f"spiffe://shop.example/{name}") for name in "ab"]
    first = SIGNER.sign()
    verifying.verify(first, PATH, BODY)
    verifying.verify(SIGNER.sign(), PATH, BODY)
    with pytest.raises(UnavailableError, match="too many"):
        verifying.verify(SIGNER.sign(), PATH, BODY)
    verifying.verify(others[0].sign(), PATH, BODY)
    with pytest.raises(UnavailableError, match="too many"):
        verifying.verify(others[1].sign(), PATH, BODY)
    with pytest.raises(RefusedError, match="was made before"):
        verifying.verify(first, PATH, BODY)
    clock.pass_(WINDOW + 1)
    verifying.verify(SIGNER.sign(at=clock.now), PATH, BODY)
    assert len(nonces) == 1


def test_who_cannot_sign_takes_no_room() -> None:
    nonces = Nonces()
    verifying = signatures(AUTHORITY, Clock(), nonces=nonces)
    for text in (Authority().signer(GATEWAY).sign(), SIGNER.sign(audience="x"), _altered(1, {"nonce": "x" * 20})):
        with pytest.raises(IdentityError):
            verifying.verify(text, PATH, BODY)
    assert len(nonces) == 0


@pytest.mark.filterwarnings("ignore:Attribute's length")  # which cryptography says of a name that was spoilt
@settings(deadline=None)
@given(st.data())
def test_whatever_is_changed_is_refused(data: st.DataObject) -> None:
    text = SIGNER.sign(nonce=NONCE)
    at = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from("AZaz09-_.=\u00e9\n"))
    changed = text[:at] + put + text[at + 1 :]
    try:
        signatures(AUTHORITY, Clock()).verify(changed, PATH, BODY)
    except IdentityError:
        return
    assert changed == text or at == len(text) - 1, "the last letter has bits that nothing is said by"
