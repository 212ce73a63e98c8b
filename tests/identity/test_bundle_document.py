"""Bundle documents are what SPIFFE_Trust_Domain_and_Bundle.md and the sections of both SVIDs on bundles say."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from licet.identity import bundle_document
from licet.identity.bundle import REFRESH_HINT, Bundle, JwtKey
from licet.identity.bundle_document import decode, encode
from licet.identity.errors import MalformedError
from licet.identity.spiffeid import TrustDomain
from tests.identity.federation.authority import Authority, jwt_key

HERE = TrustDomain("example.org")
CA = Authority("spiffe://example.org")
OTHER = Authority("spiffe://example.org")
BUNDLE = Bundle(HERE, (CA.der, OTHER.der), (jwt_key("a"), jwt_key("b")), 7, 600)
Json = Any


def document(bundle: Bundle = BUNDLE) -> Json:
    return json.loads(encode(bundle))


def read(written: Json) -> Bundle:
    return decode(json.dumps(written).encode(), HERE)


def refused(written: Json) -> MalformedError:
    with pytest.raises(MalformedError) as raised:
        decode(written if isinstance(written, bytes) else json.dumps(written).encode(), HERE)
    return raised.value


def spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def changed(change: Callable[[Json], object], use: str = "x509-svid") -> Json:
    """The document with the first entry of this use changed."""
    written = document()
    change(next(each for each in written["keys"] if each["use"] == use))
    return written


def without_first(use: str) -> Bundle:
    """What is left where the first entry of a use is passed over."""
    if use == "x509-svid":
        return Bundle(HERE, BUNDLE.x509[1:], BUNDLE.jwt, 7, 600)
    return Bundle(HERE, BUNDLE.x509, BUNDLE.jwt[1:], 7, 600)


def test_a_bundle_is_read_as_it_was_written() -> None:
    assert decode(encode(BUNDLE), HERE) == BUNDLE
    assert encode(decode(encode(BUNDLE), HERE)) == encode(BUNDLE)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_keys_of_every_algorithm_for_tokens_are_carried(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    bundle = Bundle(HERE, (), (JwtKey("k", spki(key.public_key())),), 1)
    assert decode(encode(bundle), HERE) == bundle


def test_keys_are_there_even_where_there_are_none() -> None:
    """4.1.3."""
    assert document(Bundle(HERE, (), (), 3)) == {"keys": [], "spiffe_sequence": 3, "spiffe_refresh_hint": 300}
    wrong: list[Json] = [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}, [], None, {"Keys": []}, {"keys": [1]}]
    for written in wrong:
        refused(written)


def test_an_empty_bundle_revokes_everything() -> None:
    """4.1.3."""
    assert read({"keys": [], "spiffe_sequence": 8}) == Bundle(HERE, (), (), 8, REFRESH_HINT)


def test_a_bundle_of_unknown_keys_is_empty() -> None:
    """4.1.3."""
    assert read({"keys": [{"kty": "PQ", "use": "x509-svid"}, {"kty": "EC", "use": "wit-svid"}]}).x509 == ()


def test_sequence_and_hint_are_integers_of_64_bits() -> None:
    """4.1.1 and 4.1.2."""
    wrong: list[Json] = ["7", -1, 1.5, 2**64, 10**400, True, None, []]
    for name in ("spiffe_sequence", "spiffe_refresh_hint"):
        for value in wrong:
            refused({"keys": [], name: value})
    assert read({"keys": [], "spiffe_sequence": 2**64 - 1}).sequence == 2**64 - 1
    assert read({"keys": [], "spiffe_refresh_hint": 2419200}).refresh_hint == 2419200


def test_sequence_and_hint_may_be_left_out() -> None:
    """4.1.1 and 4.1.2: they should be there, and nothing hangs on it; five minutes go by where no hint is."""
    assert read({"keys": []}) == Bundle(HERE, (), (), 0, 300)
    assert "spiffe_sequence" not in document(Bundle(HERE, (), ()))


def test_members_that_nobody_defined_are_passed_over() -> None:
    """4.1."""
    written = changed(lambda entry: entry.update(alg="ES256", key_ops=["verify"], vendor={"a": [1]}, x5t=5))
    assert read({**written, "vendor": [{}], "spiffe_next": None}) == BUNDLE


@pytest.mark.parametrize("use", ["x509-svid", "jwt-svid"])
def test_an_unknown_type_of_key_is_passed_over(use: str) -> None:
    """4.1.3 and 4.2.1, and RFC 7517 section 5 where there is none."""
    for kind in ("oct", "ec", "AKP", "", 7, None):
        assert read(changed(lambda entry, kind=kind: entry.update(kty=kind), use)) == without_first(use)  # type: ignore[misc]
    assert read(changed(lambda entry: entry.pop("kty"), use)) == without_first(use)
    assert read(changed(lambda entry: entry.update(crv="secp256k1"), use)) == without_first(use)


@pytest.mark.parametrize("use", ["x509-svid", "jwt-svid"])
def test_an_unknown_use_is_passed_over(use: str) -> None:
    """4.1.3 and 4.2.2: a use is told by its case too, and an entry without one is not guessed at."""
    for other in ("sig", use.upper(), use.title(), "", None, 5, [use]):
        assert read(changed(lambda entry, other=other: entry.update(use=other), use)) == without_first(use)  # type: ignore[misc]
    assert read(changed(lambda entry: entry.pop("use"), use)) == without_first(use)


def test_every_entry_says_type_and_use() -> None:
    """4.2.1 and 4.2.2."""
    assert [(each["kty"], each["use"]) for each in document()["keys"]] == [
        ("EC", "x509-svid"),
        ("EC", "x509-svid"),
        ("EC", "jwt-svid"),
        ("EC", "jwt-svid"),
    ]


def test_nothing_is_published_that_nobody_defined() -> None:
    """4.2: what neither specification defines should not be there; RFC 7517's `key_ops` for one."""
    rsa_key = JwtKey("k", spki(rsa.generate_private_key(65537, 2048).public_key()))
    names = [set(each) for each in document(Bundle(HERE, (CA.der,), (BUNDLE.jwt[0], rsa_key)))["keys"]]
    point = {"kty", "use", "crv", "x", "y"}
    assert names == [point | {"x5c"}, point | {"kid"}, {"kty", "use", "kid", "n", "e"}]


def test_an_authority_is_published_without_kid_and_with_one_certificate() -> None:
    """X509-SVID.md 6.1."""
    entries = [each for each in document()["keys"] if each["use"] == "x509-svid"]
    assert all("kid" not in each for each in entries)
    assert [each["x5c"] for each in entries] == [[base64.b64encode(each).decode()] for each in BUNDLE.x509]


def test_an_authority_without_certificate_is_passed_over() -> None:
    """X509-SVID.md 6.2."""
    empty: list[Json] = [[], None, ""]
    for chain in empty:
        assert read(changed(lambda entry, chain=chain: entry.update(x5c=chain))) == without_first("x509-svid")  # type: ignore[misc]
    assert read(changed(lambda entry: entry.pop("x5c"))) == without_first("x509-svid")


def test_of_several_certificates_the_first_alone_counts() -> None:
    """X509-SVID.md 6.2."""
    stranger = Authority("spiffe://example.org")
    for more in (base64.b64encode(stranger.der).decode(), "no certificate", 5):
        assert read(changed(lambda entry, more=more: entry["x5c"].append(more))) == BUNDLE  # type: ignore[misc]


def test_a_kid_of_an_authority_is_passed_over() -> None:
    assert read(changed(lambda entry: entry.update(kid="a"))) == BUNDLE


def test_an_authority_that_is_there_twice_counts_once() -> None:
    """X509-SVID.md 6.2: the bundle is the union."""
    written = document()
    written["keys"] += written["keys"][:1] * 3
    assert read(written) == BUNDLE


def test_a_certificate_is_der_in_standard_base64() -> None:
    def damaged(text: str) -> Json:
        return changed(lambda entry: entry.update(x5c=[text]))

    good = base64.b64encode(CA.der).decode()
    for text in (
        "",
        "AAAA",
        good[:-8],
        good[:40] + "\n" + good[40:],
        "-" + good[1:],
        base64.b64encode(CA.pem).decode(),
    ):
        refused(damaged(text))
    for chain in ("text", {"0": good}, [None], [[good]]):
        refused(changed(lambda entry, chain=chain: entry.update(x5c=chain)))  # type: ignore[misc]


def test_the_key_of_an_entry_is_its_certificates() -> None:
    foreign = next(each for each in document()["keys"] if each.get("kid") == "a")
    error = refused(changed(lambda entry: entry.update(x=foreign["x"], y=foreign["y"])))
    assert error.message == "a key of a bundle differs from its certificate's"


def test_only_signing_certificates_are_authorities() -> None:
    """X509-SVID.md 3.2, 4.1 and 6.1."""
    unsigning = CA.leaf(x509.UniformResourceIdentifier(HERE.id), ca=True)
    for certificate in (CA.svid("spiffe://example.org/x").der, Authority(HERE.id, ca=False).der, unsigning.der):
        assert (
            refused(encode(Bundle(HERE, (certificate,), (), 1))).message == "a certificate of a bundle is that of no CA"
        )
    plain = Bundle(HERE, (Authority(usage=False).der,), (), 1)
    assert decode(encode(plain), HERE) == plain, "an authority need not be an SVID itself"


@pytest.mark.parametrize(
    "names",
    [
        ("spiffe://other.example",),
        ("spiffe://other.example/",),
        ("SPIFFE://other.example",),
        ("spiffe://example.org.evil",),
        ("spiffe://example.org@other.example",),
        ("spiffe://example.org:1",),
        ("spiffe://example.org/path",),
        ("spiffe://example.org?x",),
        ("spiffe://[",),
        ("spiffe://example.org", "spiffe://other.example"),
        ("spiffe://example.org", "https://example.org"),
    ],
)
def test_a_domain_never_vouches_for_anothers_names(names: tuple[str, ...]) -> None:
    """X509-SVID.md 2 and 3.2 for the ID of an authority; SPIFFE_Federation.md 4.2."""
    refused(encode(Bundle(HERE, (Authority(*names).der,), (), 1)))


def test_the_slash_of_the_specifications_own_example_is_no_path() -> None:
    bundle = Bundle(HERE, (Authority("spiffe://example.org/").der,), (), 1)
    assert decode(encode(bundle), HERE) == bundle


def test_a_key_for_tokens_is_published_with_its_kid() -> None:
    """JWT-SVID.md 6.1."""
    entries = [each for each in document()["keys"] if each["use"] == "jwt-svid"]
    assert [each["kid"] for each in entries] == ["a", "b"]
    assert all("x5c" not in each for each in entries)


def test_a_key_for_tokens_has_a_kid() -> None:
    """JWT-SVID.md 6.1."""
    for kid in ("", None, 5, ["a"], "x" * 2000):
        refused(changed(lambda entry, kid=kid: entry.update(kid=kid), "jwt-svid"))  # type: ignore[misc]
    refused(changed(lambda entry: entry.pop("kid"), "jwt-svid"))


def test_two_keys_for_tokens_have_two_kids() -> None:
    assert refused(changed(lambda entry: entry.update(kid="b"), "jwt-svid")).message == "two keys of a bundle are `b`"


def test_keys_for_tokens_are_told_from_authorities() -> None:
    """JWT-SVID.md 6.2, and SPIFFE_Workload_API.md 6.2.2."""
    assert read(document(Bundle(HERE, BUNDLE.x509, (), 1))).jwt == ()
    assert read(document(Bundle(HERE, (), BUNDLE.jwt, 1))).x509 == ()
    keys = json.loads(bundle_document.encode_jwt(BUNDLE))
    assert list(keys) == ["keys"]
    assert [each["use"] for each in keys["keys"]] == ["jwt-svid", "jwt-svid"]


def test_no_key_for_tokens_is_of_an_algorithm_that_tokens_have_not() -> None:
    """JWT-SVID.md 2.1."""
    key = JwtKey("k", spki(ed25519.Ed25519PrivateKey.generate().public_key()))
    assert read(document(Bundle(HERE, (), (key, BUNDLE.jwt[0]), 1))).jwt == (BUNDLE.jwt[0],)


def test_a_weak_key_is_passed_over() -> None:
    key = JwtKey("k", spki(rsa.generate_private_key(65537, 2048).public_key()))
    written = document(Bundle(HERE, (), (key,), 1))
    written["keys"][0]["n"] = base64.urlsafe_b64encode((2**1023 + 1).to_bytes(128, "big")).decode().rstrip("=")
    assert read(written).jwt == ()


def test_numbers_that_make_no_key_are_refused() -> None:
    wrong: list[Json] = [{"x": "AAAA"}, {"x": ""}, {"y": None}, {"y": 7}, {"x": "!"}, {"x": "A" * 5000}, {"crv": []}]
    for members in wrong:
        refused(changed(lambda entry, members=members: entry.update(members), "jwt-svid"))  # type: ignore[misc]


def test_a_private_key_in_a_bundle_is_nobodys() -> None:
    assert read(changed(lambda entry: entry.update(d="AQAB"), "jwt-svid")) == BUNDLE


def test_a_document_has_bounds() -> None:
    fits = encode(BUNDLE).ljust(bundle_document.LONGEST)
    assert decode(fits, HERE) == BUNDLE
    assert refused(fits + b" ").message == "a bundle is too long"
    assert read({"keys": [{}] * 1000}).jwt == ()
    assert refused({"keys": [{}] * 1001}).message == "a bundle has too many keys"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"keys":[]',
        b'{"keys":[]}{}',
        b'{"keys":[]} x',
        '{"keys":[]}'.encode("utf-16"),
        b'{"keys":[{"kty":"\xff","use":"x"}]}',
        b'{"keys":' * 20000,
        b'{"keys":[' + b"[" * 200000,
        b'{"x":' + b"[" * 200000 + b"]" * 200000 + b',"keys":[]}',
        b'{"keys":[{"x5c":' + b"[" * 200000 + b"]" * 200000 + b"}]}",
        b'{"keys":[{"kty":"EC","use":"x509-svid","x5c":["\\ud800"],"crv":"P-256","x":"\\ud800","y":"\\udfff"}]}',
    ],
)
def test_what_is_no_json_is_one_clean_refusal(data: bytes) -> None:
    error = refused(data)
    assert str(error).isascii()
    assert str(error).isprintable()
