"""X509-SVIDs: what is made obeys X509-SVID.md, as OpenSSL sees it too, and what does not obey it is refused."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from licet.identity import certificate as made
from licet.identity import path
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind, generate
from licet.identity.spiffeid import SpiffeID
from tests.identity.authorities import DAY, HOUR, NOW, Authority, der, forged, public, san, usage

BOTH = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
SIGNING = sorted(made.SIGNING, key=lambda kind: kind.value)
LEAF = (x509.BasicConstraints(ca=False, path_length=None), True)
DIGITAL = (usage(digital_signature=True), True)
SIGNS = (usage(key_cert_sign=True), True)
SHOP = (san("spiffe://example.org/shop"), True)
ours = Authority.of("example.org")
theirs = Authority.of("other.org")


def verified(chain: list[bytes], *roots: x509.Certificate) -> SpiffeID:
    return made.verify(chain, [der(each) for each in roots or (ours.root,)], NOW)


def refused(*extensions: tuple[x509.ExtensionType, bool], match: str, subject: x509.Name | None = None) -> None:
    """A leaf that our own authority signed with these extensions is no SVID."""
    leaf = forged(ours.intermediate, ours.key, *extensions, subject=subject)
    with pytest.raises(IdentityError, match=match):
        verified([der(leaf), der(ours.intermediate)])


def authority(*extensions: tuple[x509.ExtensionType, bool], match: str, path: str = "/shop") -> None:
    """A good leaf under an authority with these extensions, which our own root signed, is not believed."""
    key = generate(KeyKind.EC_P256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
    odd = forged(ours.root, ours.root_key, *extensions, subject=name, public_key=public(key))
    leaf = forged(odd, key, LEAF, DIGITAL, (san(f"spiffe://example.org{path}"), True))
    with pytest.raises(RefusedError, match=match):
        verified([der(leaf), der(odd)])


CA = (x509.BasicConstraints(ca=True, path_length=None), True)


@pytest.mark.parametrize("kind", SIGNING)
def test_what_is_made_is_verified(kind: KeyKind) -> None:
    domain = Authority.of("example.org", kind)
    chain = domain.chain("/ns/shop/sa/checkout", dns_names=["checkout.shop.svc", "*.shop.svc"])
    assert verified(chain, domain.root) == domain.trust_domain.member("/ns/shop/sa/checkout")
    assert verified([*chain, der(domain.root)], domain.root) == domain.trust_domain.member("/ns/shop/sa/checkout")
    assert verified(chain[:1], domain.intermediate) == domain.trust_domain.member("/ns/shop/sa/checkout")


@pytest.mark.parametrize("kind", SIGNING)
@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")
def test_openssl_agrees(kind: KeyKind, purpose: str, tmp_path: Path) -> None:
    domain = Authority.of("example.org", kind)
    leaf = x509.load_der_x509_certificate(domain.chain()[0])
    for name, each in (("root", domain.root), ("intermediate", domain.intermediate), ("leaf", leaf)):
        (tmp_path / name).write_bytes(each.public_bytes(Encoding.PEM))
    at = ["-attime", str(int(NOW.timestamp())), "-x509_strict", "-purpose", purpose]
    files = ["-CAfile", "root", "-untrusted", "intermediate", "leaf"]
    done = subprocess.run(["openssl", "verify", *at, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "leaf: OK\n"), done.stderr


def test_a_leaf_says_what_the_specification_wants_and_no_more() -> None:
    leaf = x509.load_der_x509_certificate(ours.chain(dns_names=["shop.svc"])[0])
    assert leaf.version is x509.Version.v3
    assert leaf.subject == x509.Name([])
    assert leaf.issuer == ours.intermediate.subject
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (NOW - timedelta(seconds=10), NOW + HOUR)
    names = [x509.UniformResourceIdentifier("spiffe://example.org/shop"), x509.DNSName("shop.svc")]
    issuer = ours.intermediate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert [(each.value, each.critical) for each in leaf.extensions] == [
        (usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage(BOTH), False),
        LEAF,
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), False),
        (x509.SubjectKeyIdentifier.from_public_key(leaf.public_key()), False),
        (x509.SubjectAlternativeName(names), True),
    ]


def test_authorities_sign_authenticate_nobody_and_have_names_of_their_own() -> None:
    for each, depth in ((ours.root, 1), (ours.intermediate, 0)):
        told = {type(extension.value): (extension.value, extension.critical) for extension in each.extensions}
        told.pop(x509.AuthorityKeyIdentifier, None)
        assert told == {
            x509.BasicConstraints: (x509.BasicConstraints(ca=True, path_length=depth), True),
            x509.KeyUsage: (usage(key_cert_sign=True, crl_sign=True), True),
            x509.SubjectKeyIdentifier: (
                x509.SubjectKeyIdentifier.from_public_key(each.public_key()),
                False,
            ),
            x509.SubjectAlternativeName: (san("spiffe://example.org"), False),
        }
    again = made.root(ours.trust_domain, ours.root_key, NOW, NOW + DAY)
    assert len({each.subject for each in (ours.root, ours.intermediate, again)}) == 3


def test_a_trust_domain_of_any_length_has_an_authority() -> None:
    domain = Authority.of("a" * 255)
    assert verified(domain.chain(), domain.root).trust_domain == domain.trust_domain


def test_serials_are_positive_and_not_repeated() -> None:
    """At most 20 octets (RFC 5280, 4.1.2.2)."""
    serials = {made.new_serial() for _ in range(10_000)}
    assert len(serials) == 10_000
    assert all(0 < serial < 1 << 128 for serial in serials)


def test_nothing_outlives_its_issuer() -> None:
    key = public(generate(KeyKind.EC_P256))
    late = NOW + DAY + timedelta(seconds=1)
    with pytest.raises(RefusedError, match="outlive its issuer"):
        made.leaf(SpiffeID(ours.trust_domain, "/x"), key, ours.intermediate, ours.key, NOW, late, 1)
    with pytest.raises(RefusedError, match="outlive its issuer"):
        made.intermediate(ours.trust_domain, key, ours.root, ours.root_key, NOW, late)
    with pytest.raises(RefusedError, match="end before it begins"):
        made.leaf(SpiffeID(ours.trust_domain, "/x"), key, ours.intermediate, ours.key, NOW, NOW, 1)


def test_an_issuer_signs_with_its_own_key_alone() -> None:
    with pytest.raises(IdentityError, match="does not belong to its certificate"):
        made.LeafFactory(ours.intermediate, theirs.key)
    with pytest.raises(RefusedError, match="cannot sign with a key of kind `rsa-2048`"):
        made.root(ours.trust_domain, generate(KeyKind.RSA_2048), NOW, NOW + DAY)


def test_a_domain_itself_is_given_no_leaf() -> None:
    factory = made.LeafFactory(ours.intermediate, ours.key)
    with pytest.raises(RefusedError, match="the ID of no workload"):
        factory.leaf(SpiffeID(ours.trust_domain, ""), public(ours.key), NOW, NOW + HOUR, 1)


@pytest.mark.parametrize(
    "name", ["", "a..b", "-a", "a_b", "A.b", "*", "a.*.b", "spiffe://a/b", "a" * 64, "a." * 127 + "b", "é"]
)
def test_what_is_no_dns_name_is_put_in_no_leaf(name: str) -> None:
    with pytest.raises(MalformedError, match="is no DNS name"):
        ours.chain(dns_names=[name])


def test_a_lifetime_is_backdated_and_ends_with_the_issuer() -> None:
    begins, ends = NOW - DAY, NOW + DAY
    now = NOW + timedelta(microseconds=999_999)
    assert made.lifetime(now, 3600, 10, ours.root) == (NOW - timedelta(seconds=10), NOW + HOUR)
    assert made.lifetime(now, 90_000, 90_000, ours.root) == (begins, ends)
    assert made.lifetime(ends - timedelta(seconds=10), 3600, 0, ours.root)[1] == ends
    assert made.lifetime(ends - timedelta(seconds=2), 2, 0, ours.root)[1] == ends
    for at in (ends - timedelta(seconds=9), ends, ends + DAY, begins - timedelta(seconds=1)):
        with pytest.raises(UnavailableError, match="leaves no time"):
            made.lifetime(at, 3600, 10, ours.root)
    with pytest.raises(MalformedError, match="no lifetime"):
        made.lifetime(now, 0, 10, ours.root)


def test_two_uris_are_refused() -> None:
    """X509-SVID 2: validators MUST reject more than one."""
    refused(LEAF, DIGITAL, (san("spiffe://example.org/shop", "spiffe://example.org/bank"), True), match="2 URIs")
    refused(LEAF, DIGITAL, (san("spiffe://example.org/shop", "https://example.org"), True), match="2 URIs")
    refused(LEAF, DIGITAL, match="no URIs")
    refused(LEAF, DIGITAL, (x509.SubjectAlternativeName([x509.DNSName("shop")]), True), match="no URIs")


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org/shop",
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe://example.org/shop/",
        "spiffe://example.org//shop",
        "spiffe://example.org/../shop",
        "spiffe://Example.org/shop",
        "SPIFFE://example.org/shop",
        "spiffe://example.org:443/shop",
        "spiffe://root@example.org/shop",
        "spiffe://example.org/shop?a=b",
        "spiffe://example.org/shop#a",
        "spiffe://example.org/sh%6Fp",
        "spiffe://example.org/" + "a" * 2048,
    ],
)
def test_what_is_no_id_of_a_workload_is_refused(uri: str) -> None:
    refused(LEAF, DIGITAL, (san(uri), True), match="SPIFFE ID|no workload|no trust domain")


def test_a_leaf_that_could_sign_is_refused() -> None:
    """X509-SVID 5.2."""
    refused((x509.BasicConstraints(ca=True, path_length=None), True), DIGITAL, SHOP, match="an authority's")
    refused(LEAF, (usage(digital_signature=True, key_cert_sign=True), True), SHOP, match="may sign certificates")
    refused(LEAF, (usage(digital_signature=True, crl_sign=True), True), SHOP, match="may sign certificates")


def test_a_leaf_without_critical_digital_signature_is_refused() -> None:
    """X509-SVID 4.3."""
    refused(LEAF, SHOP, match="not for signatures")
    refused(LEAF, (usage(digital_signature=True), False), SHOP, match="not for signatures")
    refused(LEAF, (usage(key_encipherment=True), True), SHOP, match="not for signatures")


@pytest.mark.parametrize("usages", [BOTH[:1], BOTH[1:], [ExtendedKeyUsageOID.CODE_SIGNING]])
def test_a_leaf_for_one_side_of_tls_is_refused(usages: list[ObjectIdentifier]) -> None:
    """X509-SVID 4.4."""
    refused(LEAF, DIGITAL, SHOP, (x509.ExtendedKeyUsage(usages), False), match="both sides of TLS")


def test_a_leaf_needs_no_extended_usage_and_no_basic_constraints() -> None:
    leaf = forged(ours.intermediate, ours.key, DIGITAL, SHOP)
    assert str(verified([der(leaf), der(ours.intermediate)])) == "spiffe://example.org/shop"


def test_an_empty_subject_has_critical_names() -> None:
    refused(LEAF, DIGITAL, (SHOP[0], False), match="no subject")


def test_a_critical_extension_that_is_not_understood_is_refused() -> None:
    """RFC 5280, 4.2."""
    odd = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    refused(LEAF, DIGITAL, SHOP, (odd, True), match=r"critical extension `1.3.6.1.4.1.99999.1`")
    leaf = forged(ours.intermediate, ours.key, LEAF, DIGITAL, SHOP, (odd, False))
    assert str(verified([der(leaf), der(ours.intermediate)])) == "spiffe://example.org/shop"


@pytest.mark.parametrize("moment", [NOW - timedelta(seconds=11), NOW + HOUR + timedelta(seconds=1), NOW - 2 * DAY])
def test_before_and_after_its_time_a_leaf_is_refused(moment: datetime) -> None:
    with pytest.raises(RefusedError, match=r"valid from .* and not at"):
        made.verify(ours.chain(), [der(ours.root)], moment)


def test_a_leaf_holds_from_its_first_second_to_its_last() -> None:
    """Both belong to it (RFC 5280, 4.1.2.5)."""
    chain = ours.chain()
    for moment in (NOW - timedelta(seconds=10), NOW + HOUR):
        assert made.verify(chain, [der(ours.root)], moment) == ours.trust_domain.member("/shop")
    for moment in (NOW - timedelta(seconds=10, microseconds=1), NOW + HOUR + timedelta(microseconds=1)):
        with pytest.raises(RefusedError, match=r"valid from .* and not at"):
            made.verify(chain, [der(ours.root)], moment)


def test_an_outdated_digest_is_refused() -> None:
    """One that nobody forges yet stands for those that somebody does."""
    key = public(generate(KeyKind.EC_P256))
    builder = x509.CertificateBuilder(ours.intermediate.subject, x509.Name([]), key, 7, NOW - HOUR, NOW + HOUR)
    for value, critical in (LEAF, DIGITAL, SHOP):
        builder = builder.add_extension(value, critical)
    for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        chain = [der(builder.sign(ours.key, digest)), der(ours.intermediate)]
        assert verified(chain) == ours.trust_domain.member("/shop")
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        verified([der(builder.sign(ours.key, hashes.SHA224())), der(ours.intermediate)])


def test_a_chain_and_a_certificate_have_an_end() -> None:
    """Each of them good, so that nothing but their number or their length is wrong."""
    chain = [*ours.chain(), *[der(ours.root)] * 6]
    assert len(chain) == path.DEEPEST
    assert verified(chain) == ours.trust_domain.member("/shop")
    with pytest.raises(MalformedError, match="a chain of 9 certificates"):
        verified([*chain, der(ours.root)])
    bulk = (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(path.LONGEST)), False)
    with pytest.raises(MalformedError, match="too long"):
        verified([der(forged(ours.intermediate, ours.key, LEAF, DIGITAL, SHOP, bulk)), der(ours.intermediate)])


@pytest.mark.parametrize("usages", [BOTH, [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]])
def test_an_authority_may_be_for_both_sides_of_tls_or_for_everything(usages: list[ObjectIdentifier]) -> None:
    key = generate(KeyKind.EC_P256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bound")])
    bound = (x509.ExtendedKeyUsage(usages), False)
    under = forged(ours.root, ours.root_key, CA, SIGNS, bound, subject=name, public_key=public(key))
    chain = [der(forged(under, key, LEAF, DIGITAL, SHOP)), der(under)]
    assert verified(chain) == ours.trust_domain.member("/shop")


def test_an_expired_authority_vouches_for_nobody() -> None:
    leaf = forged(ours.intermediate, ours.key, LEAF, DIGITAL, SHOP, not_after=NOW + 9 * DAY)
    with pytest.raises(RefusedError, match=r"valid from .* and not at"):
        made.verify([der(leaf), der(ours.intermediate)], [der(ours.root)], NOW + 2 * DAY)


def test_a_foreign_authority_is_refused() -> None:
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        verified(theirs.chain(), ours.root)
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        verified([ours.chain()[0], der(theirs.intermediate)], ours.root)
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        made.verify(ours.chain(), [], NOW)


def test_an_authority_of_the_same_name_with_another_key_is_refused() -> None:
    key = generate(KeyKind.EC_P256)
    twin = forged(ours.root, key, CA, SIGNS, subject=ours.root.subject, public_key=public(key))
    leaf = forged(twin, key, LEAF, DIGITAL, SHOP)
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        verified([der(leaf), der(twin)], ours.root)
    assert str(verified([der(leaf)], ours.root, twin)) == "spiffe://example.org/shop"


@pytest.mark.parametrize("kind", SIGNING)
def test_an_authority_of_the_same_name_with_a_key_of_another_kind_is_refused(kind: KeyKind) -> None:
    """Their signatures cannot even be compared."""
    domain = Authority.of("example.org", kind)
    for other in (*SIGNING, KeyKind.RSA_2048):
        twin = forged(
            ours.root, ours.root_key, CA, SIGNS, subject=domain.root.subject, public_key=public(generate(other))
        )
        with pytest.raises(RefusedError, match="no trusted authority signed"):
            verified(domain.chain(), twin)
        assert verified(domain.chain(), twin, domain.root) == domain.trust_domain.member("/shop")


def test_a_leaf_vouches_for_nobody() -> None:
    key = generate(KeyKind.EC_P256)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    shop = forged(ours.intermediate, ours.key, LEAF, DIGITAL, SHOP, subject=subject, public_key=public(key))
    bank = forged(shop, key, LEAF, DIGITAL, (san("spiffe://example.org/bank"), True))
    with pytest.raises(RefusedError, match="no authority's"):
        verified([der(bank), der(shop), der(ours.intermediate)])
    with pytest.raises(RefusedError, match="no authority's"):
        verified([der(bank)], shop)


def test_an_intermediate_makes_no_further_authority() -> None:
    """Its pathLenConstraint is 0 (RFC 5280, 4.2.1.9)."""
    key = generate(KeyKind.EC_P256)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "further")])
    further = forged(ours.intermediate, ours.key, CA, SIGNS, subject=subject, public_key=public(key))
    leaf = forged(further, key, LEAF, DIGITAL, SHOP)
    with pytest.raises(RefusedError, match="more authorities in the path"):
        verified([der(leaf), der(further), der(ours.intermediate)])


def test_an_authority_that_is_none_or_may_not_sign_is_not_believed() -> None:
    authority(LEAF, SIGNS, match="no authority's")
    authority(SIGNS, match="no authority's")
    authority(CA, match="may not sign")
    authority(CA, DIGITAL, match="may not sign")
    authority(CA, SIGNS, (x509.ExtendedKeyUsage(BOTH[:1]), False), match="both sides of TLS")


def constraint(
    permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None
) -> x509.NameConstraints:
    return x509.NameConstraints(permitted, excluded)


@pytest.mark.parametrize(
    "constraints",
    [
        constraint([x509.UniformResourceIdentifier("other.org")], None),
        constraint([x509.UniformResourceIdentifier(".example.org")], None),
        constraint([x509.UniformResourceIdentifier("xample.org")], None),
        constraint(None, [x509.UniformResourceIdentifier("example.org")]),
        constraint(None, [x509.UniformResourceIdentifier(".org")]),
    ],
)
def test_an_authority_gives_no_name_beyond_its_constraints(constraints: x509.NameConstraints) -> None:
    """X509-SVID 4.2 and RFC 5280, 4.2.1.10; critical or not."""
    for critical in (True, False):
        authority(CA, SIGNS, (constraints, critical), match="a name is")


@pytest.mark.parametrize(
    "constraints",
    [
        constraint([x509.UniformResourceIdentifier("example.org")], None),
        constraint([x509.UniformResourceIdentifier(".org")], [x509.UniformResourceIdentifier("other.org")]),
        constraint([x509.DNSName("elsewhere")], None),
        constraint(None, [x509.DNSName("elsewhere")]),
    ],
)
def test_an_authority_gives_names_within_its_constraints(constraints: x509.NameConstraints) -> None:
    key = generate(KeyKind.EC_P256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bound")])
    bound = forged(ours.root, ours.root_key, CA, SIGNS, (constraints, True), subject=name, public_key=public(key))
    leaf = forged(bound, key, LEAF, DIGITAL, SHOP)
    assert str(verified([der(leaf), der(bound)])) == "spiffe://example.org/shop"


@pytest.mark.parametrize(
    ("name", "within", "outside"),
    [
        (x509.DNSName("shop.example.org"), x509.DNSName("example.org"), x509.DNSName("hop.example.org")),
        (x509.RFC822Name("a@b.c"), None, x509.RFC822Name("a@b.c")),
        (x509.DNSName("shop.example.org"), x509.DNSName(""), x509.DNSName("org.example")),
    ],
)
def test_names_of_other_kinds_are_constrained_too(
    name: x509.GeneralName, within: x509.GeneralName | None, outside: x509.GeneralName
) -> None:
    """Kinds that are not understood are refused where they are constrained (RFC 5280, 4.2.1.10)."""
    key = generate(KeyKind.EC_P256)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bound")])
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example.org/shop"), name])

    def chain(permitted: x509.GeneralName) -> list[bytes]:
        bound = (constraint([permitted], None), True)
        issuer = forged(ours.root, ours.root_key, CA, SIGNS, bound, subject=subject, public_key=public(key))
        return [der(forged(issuer, key, LEAF, DIGITAL, (names, True))), der(issuer)]

    if within is not None:
        assert str(verified(chain(within))) == "spiffe://example.org/shop"
    with pytest.raises(RefusedError, match="a name is not among"):
        verified(chain(outside))


@pytest.mark.parametrize(
    "uri", ["https://x@other.org/a", "https://other.org:443/a", "https://[::1]/a", "urn:a", "a:/b"]
)
def test_a_name_of_which_the_host_cannot_be_told_is_taken_for_an_excluded_one(uri: str) -> None:
    """Authorities may have other URIs than SPIFFE IDs, and those are constrained as well."""
    keys = [generate(KeyKind.EC_P256) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("bound", "below")]
    bound = (constraint(None, [x509.UniformResourceIdentifier("other.org")]), True)
    top = forged(ours.root, ours.root_key, CA, SIGNS, bound, subject=names[0], public_key=public(keys[0]))

    def chain(name: str) -> list[bytes]:
        own = (san(name), False)
        below = forged(top, keys[0], CA, SIGNS, own, subject=names[1], public_key=public(keys[1]))
        return [der(forged(below, keys[1], LEAF, DIGITAL, SHOP)), der(below)]

    assert verified(chain("https://another.org/a"), top) == ours.trust_domain.member("/shop")
    with pytest.raises(RefusedError, match="a name is among those"):
        verified(chain(uri), top)


@pytest.mark.parametrize("permitted", [True, False])
def test_a_subject_is_a_name_that_is_constrained_too(permitted: bool) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    there: list[x509.GeneralName] = [x509.DirectoryName(subject)]
    bound = (constraint(there, None) if permitted else constraint(None, there), True)
    key, name = generate(KeyKind.EC_P256), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bound")])
    under = forged(ours.root, ours.root_key, CA, SIGNS, bound, subject=name, public_key=public(key))
    nameless, named = (forged(under, key, LEAF, DIGITAL, SHOP, subject=each) for each in (None, subject))
    assert verified([der(nameless), der(under)]) == ours.trust_domain.member("/shop")
    with pytest.raises(RefusedError, match="a name is"):
        verified([der(named), der(under)])


def test_a_weak_key_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key()
    leaf = forged(ours.intermediate, ours.key, LEAF, DIGITAL, SHOP, public_key=weak)
    with pytest.raises(MalformedError, match="weak"):
        verified([der(leaf), der(ours.intermediate)])


def test_a_signature_over_other_bytes_is_refused() -> None:
    leaf, under = ours.chain()
    altered = leaf.replace(b"spiffe://example.org/shop", b"spiffe://example.org/bank")
    assert altered != leaf
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        verified([altered, under])


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")
@pytest.mark.parametrize(
    ("good", "bad"), [(b"\xa0\x03\x02\x01\x02\x02", b"\xa0\x03\x02\x01\x00\x02"), (b"\x02\x01\x07", b"\x02\x01\x00")]
)
def test_an_old_version_or_a_serial_of_nothing_is_refused(good: bytes, bad: bytes) -> None:
    """RFC 5280, 4.1.2.1 and 4.1.2.2."""
    args = (ours.trust_domain.member("/shop"), public(ours.key), ours.intermediate, ours.key, NOW, NOW + HOUR)
    leaf = der(made.leaf(*args, serial=7))
    assert leaf.count(good) == 1
    with pytest.raises(MalformedError, match=r"old version|unreadable"):
        verified([leaf.replace(good, bad), der(ours.intermediate)])


@pytest.mark.parametrize("chain", [[], [b""], [b"\x30\x00"], [bytes(20_000)], [b"x"] * 9])
def test_junk_is_no_chain(chain: list[bytes]) -> None:
    with pytest.raises(MalformedError):
        verified(chain)


def test_a_domain_vouches_for_its_own_names_alone() -> None:
    """A federated domain's authority signs a name of ours, and is known here: it is not believed."""
    factory = made.LeafFactory(theirs.intermediate, theirs.key)
    mine = factory.leaf(ours.trust_domain.member("/shop"), public(ours.key), NOW, NOW + HOUR, made.new_serial())
    bundles = {each.trust_domain: each.bundle for each in (ours, theirs)}
    with pytest.raises(RefusedError, match="no trusted authority signed"):
        made.authenticate([der(mine), der(theirs.intermediate)], bundles, NOW)
    assert made.authenticate(theirs.chain(), bundles, NOW) == theirs.trust_domain.member("/shop")
    with pytest.raises(RefusedError, match=r"trust domain `other.org` is not known here"):
        made.authenticate(theirs.chain(), {ours.trust_domain: ours.bundle}, NOW)


def test_an_unreadable_authority_hinders_none_of_the_others() -> None:
    assert made.verify(ours.chain(), [b"junk", der(ours.root)], NOW) == ours.trust_domain.member("/shop")
