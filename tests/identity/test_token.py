"""JWT-SVIDs: what is issued is validated, here and by a stock client, and what JWT-SVID.md forbids is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from licet.identity import token
from licet.identity.bundle import Bundle, JwtKey
from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.identity.keys import KeyKind, PrivateKey, generate, spki
from licet.identity.spiffeid import SpiffeID
from tests.identity.authorities import NOW, Authority, public

ours = Authority.of("example.org")
theirs = Authority.of("other.org")
SHOP = ours.trust_domain.member("/shop")
BUNDLES = {each.trust_domain: each.bundle for each in (ours, theirs)}
NOW_SECONDS = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {"sub": str(SHOP), "aud": ["bank"], "exp": NOW_SECONDS + 300}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, claims: object, key: PrivateKey | None = None) -> str:
    """A token that says whatever its issuer wants, properly signed with ES256."""
    text = f"{part(header)}.{part(claims)}"
    signature = jwt.get_algorithm_by_name("ES256").sign(text.encode(), key or ours.jwt_key)
    return f"{text}.{part(signature)}"


HEADER = {"alg": "ES256", "kid": "one", "typ": "JWT"}


def refused(header: object, claims: object, match: str, audience: str = "bank") -> None:
    with pytest.raises(IdentityError, match=match):
        token.validate(signed(header, claims), audience, BUNDLES, NOW)


@pytest.mark.parametrize("kind", [kind for kind in KeyKind if kind is not KeyKind.ED25519])
def test_what_is_issued_is_validated(kind: KeyKind) -> None:
    key = generate(kind)
    text = token.issue(SHOP, ["bank", "ledger"], NOW, 300, key, "two", kind)
    bundle = Bundle(ours.trust_domain, (), (*ours.bundle.jwt, JwtKey("two", spki(public(key)))))
    claims = {"sub": str(SHOP), "aud": ["bank", "ledger"], "iat": NOW_SECONDS, "exp": NOW_SECONDS + 300}
    assert token.validate(text, "ledger", {ours.trust_domain: bundle}, NOW) == (SHOP, claims)


def test_a_token_has_no_headers_but_those_that_are_allowed() -> None:
    """JWT-SVID 2: any other header MUST NOT be included."""
    text = token.issue(SHOP, ["bank"], NOW, 300, ours.jwt_key, "one", KeyKind.EC_P256)
    assert jwt.get_unverified_header(text) == {"alg": "ES256", "kid": "one", "typ": "JWT"}


def test_ed25519_authorities_have_another_key_for_tokens() -> None:
    """JWT-SVID 2.1 has no EdDSA."""
    assert {kind for kind in KeyKind if token.jwt_kind(kind) is not kind} == {KeyKind.ED25519}
    assert token.jwt_kind(KeyKind.ED25519) is KeyKind.EC_P256
    with pytest.raises(RefusedError, match="not signed with a key of kind `ed25519`"):
        token.issue(SHOP, ["bank"], NOW, 300, generate(KeyKind.ED25519), "one", KeyKind.ED25519)


def test_a_token_is_for_a_workload_and_an_audience_and_a_while() -> None:
    key = ours.jwt_key
    with pytest.raises(RefusedError, match="no workload"):
        token.issue(SpiffeID(ours.trust_domain, ""), ["bank"], NOW, 300, key, "one", KeyKind.EC_P256)
    for audience in ([], [""], ["bank", ""]):
        with pytest.raises(RefusedError, match="without an audience"):
            token.issue(SHOP, audience, NOW, 300, key, "one", KeyKind.EC_P256)
    with pytest.raises(RefusedError, match="no lifetime"):
        token.issue(SHOP, ["bank"], NOW, 0, key, "one", KeyKind.EC_P256)
    with pytest.raises(MalformedError, match="name fewer audiences"):
        token.issue(SHOP, ["bank" * token.LONGEST], NOW, 300, key, "one", KeyKind.EC_P256)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_rsa_keys_of_others_are_understood(algorithm: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    bundle = Bundle(ours.trust_domain, (), (JwtKey("one", spki(key.public_key())),))
    text = jwt.encode(CLAIMS, key, algorithm, {"kid": "one"})
    assert token.validate(text, "bank", {ours.trust_domain: bundle}, NOW)[0] == SHOP


@pytest.mark.parametrize(("curve", "algorithm"), [(ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")])
def test_elliptic_keys_of_others_are_understood(curve: ec.EllipticCurve, algorithm: str) -> None:
    key = ec.generate_private_key(curve)
    bundle = Bundle(ours.trust_domain, (), (JwtKey("one", spki(key.public_key())),))
    text = jwt.encode(CLAIMS, key, algorithm, {"kid": "one"})
    assert token.validate(text, "bank", {ours.trust_domain: bundle}, NOW)[0] == SHOP


@pytest.mark.parametrize("header", [{"alg": "ES256"}, {"alg": "ES256", "typ": "JOSE"}, {"alg": "ES256", "kid": "one"}])
def test_kid_and_typ_are_optional(header: dict[str, str]) -> None:
    """JWT-SVID 2.2, 2.3; without a `kid` every key of the domain is tried."""
    assert token.validate(signed(header, CLAIMS), "bank", BUNDLES, NOW) == (SHOP, CLAIMS)


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "one"},
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "None"},
        {**HEADER, "alg": "HS256"},
        {**HEADER, "alg": "EdDSA"},
        {**HEADER, "alg": "ES256K"},
        {**HEADER, "alg": ["ES256"]},
        {**HEADER, "alg": None},
        {**HEADER, "alg": ""},
    ],
)
def test_other_algorithms_are_refused(header: dict[str, object]) -> None:
    """JWT-SVID 2.1: validators MUST reject."""
    refused(header, CLAIMS, "`alg` is not among those allowed")


def test_no_signature_is_refused() -> None:
    for text in (f"{part({'alg': 'none'})}.{part(CLAIMS)}.", f"{part(HEADER)}.{part(CLAIMS)}."):
        with pytest.raises(MalformedError):
            token.validate(text, "bank", BUNDLES, NOW)


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_no_shared_secret(encoding: Encoding) -> None:
    """Who verified HS256 with whatever key is at hand would take the public key for the secret (RFC 8725, 2.1)."""
    secret = public(ours.jwt_key).public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    for algorithm in ("HS256", "ES256"):
        text = f"{part({**HEADER, 'alg': algorithm})}.{part(CLAIMS)}"
        forged = f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
        with pytest.raises(IdentityError, match=r"`alg` is not among|signed by no key"):
            token.validate(forged, "bank", BUNDLES, NOW)


@pytest.mark.parametrize("algorithm", ["ES384", "ES512", "RS256", "PS256"])
def test_a_key_is_used_with_its_own_algorithm_alone(algorithm: str) -> None:
    refused({**HEADER, "alg": algorithm}, CLAIMS, "signed by no key")


def test_a_token_brings_no_keys_of_its_own() -> None:
    mine = generate(KeyKind.EC_P256)
    jwk = jwt.get_algorithm_by_name("ES256").to_jwk(public(mine), as_dict=True)
    extras: list[dict[str, Any]] = [{"jwk": jwk}, {"jku": "https://a"}, {"x5c": []}, {"crit": ["exp"]}, {"b64": False}]
    for extra in (*extras, {"a": 1}):
        with pytest.raises(MalformedError):
            token.validate(signed({**HEADER, **extra}, CLAIMS, mine), "bank", BUNDLES, NOW)


@pytest.mark.parametrize("header", [{**HEADER, "typ": "at+jwt"}, {**HEADER, "typ": "jwt"}, {**HEADER, "typ": None}])
def test_another_type_is_refused(header: dict[str, object]) -> None:
    """JWT-SVID 2.3."""
    refused(header, CLAIMS, "another type")


def test_a_key_of_another_domain_vouches_for_nobody_here() -> None:
    """Even though its `kid` and the domain are known."""
    with pytest.raises(RefusedError, match="signed by no key of its trust domain"):
        token.validate(signed(HEADER, CLAIMS, theirs.jwt_key), "bank", BUNDLES, NOW)
    alone = Bundle(theirs.trust_domain, (), (JwtKey("theirs", spki(public(theirs.jwt_key))),))
    bundles = {**BUNDLES, theirs.trust_domain: alone}
    with pytest.raises(RefusedError, match="has no such key"):
        token.validate(signed({**HEADER, "kid": "theirs"}, CLAIMS, theirs.jwt_key), "bank", bundles, NOW)
    with pytest.raises(RefusedError, match=r"trust domain .* is not known here"):
        token.validate(signed(HEADER, CLAIMS), "bank", {theirs.trust_domain: theirs.bundle}, NOW)


def test_a_key_without_a_name_or_of_a_weak_kind_verifies_nothing() -> None:
    nameless = Bundle(ours.trust_domain, (), (JwtKey("", spki(public(ours.jwt_key))),))
    for header in ({"alg": "ES256"}, {"alg": "ES256", "kid": ""}):
        with pytest.raises(RefusedError, match="has no such key"):
            token.validate(signed(header, CLAIMS), "bank", {ours.trust_domain: nameless}, NOW)
    weak = spki(rsa.generate_private_key(65537, 1024).public_key())
    for key in (weak, spki(public(generate(KeyKind.ED25519))), b"junk"):
        bundle = Bundle(ours.trust_domain, (), (JwtKey("one", key),))
        with pytest.raises(RefusedError, match="signed by no key"):
            token.validate(signed({**HEADER, "alg": "RS256"}, CLAIMS), "bank", {ours.trust_domain: bundle}, NOW)


@pytest.mark.parametrize(
    "subject", [None, 7, "", "shop", "spiffe://example.org", "https://example.org/shop", "spiffe://Example.org/shop"]
)
def test_the_subject_is_a_workload(subject: object) -> None:
    """JWT-SVID 3.1."""
    refused(HEADER, {**CLAIMS, "sub": subject}, "no subject|no SPIFFE ID|no workload|no trust domain")


@pytest.mark.parametrize(
    "audience", [None, "", [], 7, {}, [7], ["bank", None], ["ledger"], "ledger", ["bank "], "banks"]
)
def test_a_token_for_nobody_or_for_others_is_refused(audience: object) -> None:
    """JWT-SVID 3.2."""
    refused(HEADER, {**CLAIMS, "aud": audience}, "whom it is for|another audience")


def test_a_token_without_audience_or_end_is_refused() -> None:
    """JWT-SVID 4."""
    for claim, match in (("aud", "whom it is for"), ("exp", "when it is valid"), ("sub", "no subject")):
        refused(HEADER, {name: value for name, value in CLAIMS.items() if name != claim}, match)


def test_nobody_is_no_audience() -> None:
    refused(HEADER, {**CLAIMS, "aud": [""]}, "another audience", audience="")


@pytest.mark.parametrize("expires", [None, "9999999999", True, [1], {}])
def test_the_end_is_a_number(expires: object) -> None:
    refused(HEADER, {**CLAIMS, "exp": expires}, "when it is valid")


def test_an_expired_token_is_refused_to_the_second() -> None:
    """JWT-SVID 3.3."""
    text = signed(HEADER, CLAIMS)
    assert token.validate(text, "bank", BUNDLES, NOW + timedelta(seconds=299))[0] == SHOP
    with pytest.raises(RefusedError, match="has expired"):
        token.validate(text, "bank", BUNDLES, NOW + timedelta(seconds=300))


def test_a_token_is_refused_before_its_time() -> None:
    refused(HEADER, {**CLAIMS, "nbf": NOW_SECONDS + token.LEEWAY + 1}, "not valid yet")
    soon = signed(HEADER, {**CLAIMS, "nbf": NOW_SECONDS + token.LEEWAY})
    assert token.validate(soon, "bank", BUNDLES, NOW)[0] == SHOP
    refused(HEADER, {**CLAIMS, "nbf": "soon"}, "when it is valid")


def test_a_changed_token_is_refused() -> None:
    header, claims, signature = signed(HEADER, CLAIMS).split(".")
    other = part({**CLAIMS, "sub": "spiffe://example.org/bank"})
    for text in (f"{header}.{other}.{signature}", f"{part({'alg': 'ES256'})}.{claims}.{signature}"):
        with pytest.raises(RefusedError, match="signed by no key"):
            token.validate(text, "bank", BUNDLES, NOW)


def test_only_the_compact_form_is_read() -> None:
    """JWT-SVID 5.1."""
    good = signed(HEADER, CLAIMS)
    header, claims, signature = good.split(".")
    full = json.dumps({"payload": claims, "signatures": [{"protected": header, "signature": signature}]})
    flat = json.dumps({"payload": claims, "protected": header, "signature": signature})
    for text in (
        full,
        flat,
        "",
        ".",
        "..",
        "...",
        f"{good}.x",
        f" {good}",
        f"{good}\n",
        f"{good}=",
        "a" * 20_000,
        "é.é.é",
    ):
        with pytest.raises(MalformedError, match="no JWS in compact form"):
            token.validate(text, "bank", BUNDLES, NOW)


@pytest.mark.parametrize("claims", [[], 7, b"{", b"\xff", b'{"sub": NaN}', b'{"sub":"\\ud800"}', b"[" * 5000])
def test_junk_holds_no_claims(claims: object) -> None:
    with pytest.raises(MalformedError):
        token.validate(signed(HEADER, claims), "bank", BUNDLES, NOW)


def test_a_stock_client_reads_what_is_issued() -> None:
    """PyPI `spiffe` has clock and rules of its own."""
    spiffe = pytest.importorskip("spiffe")
    text = token.issue(SHOP, ["bank"], datetime.now(UTC), 300, ours.jwt_key, "one", KeyKind.EC_P256)
    domain = spiffe.TrustDomain("example.org")
    svid = spiffe.JwtSvid.parse_and_validate(text, spiffe.JwtBundle(domain, {"one": public(ours.jwt_key)}), {"bank"})
    assert str(svid.spiffe_id) == str(SHOP)
