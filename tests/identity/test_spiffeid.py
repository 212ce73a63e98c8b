"""SPIFFE IDs are what SPIFFE-ID.md says they are, and nothing else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.identity.errors import MalformedError
from licet.identity.spiffeid import LONGEST, SpiffeID, TrustDomain, parse


def refused(text: str) -> MalformedError:
    with pytest.raises(MalformedError) as raised:
        parse(text)
    return raised.value


@pytest.mark.parametrize(
    ("text", "domain", "path"),
    [
        ("spiffe://example.org", "example.org", ""),
        ("spiffe://example.org/ns/shop/sa/checkout", "example.org", "/ns/shop/sa/checkout"),
        ("spiffe://e/A-Z.a_z.09", "e", "/A-Z.a_z.09"),
        ("spiffe://10.0.0.1/x", "10.0.0.1", "/x"),
        ("spiffe://not..a--dns_name./x", "not..a--dns_name.", "/x"),
        ("spiffe://example.org/...", "example.org", "/..."),
    ],
)
def test_an_id_is_a_trust_domain_and_a_path(text: str, domain: str, path: str) -> None:
    """An IP address and no DNS name at all are trust domains like any other (2.1)."""
    assert parse(text) == SpiffeID(TrustDomain(domain), path)
    assert str(parse(text)) == text


@pytest.mark.parametrize("text", ["", "spiffe", "spiffe:/a/b", "http://a/b", "spiffe:///b", " spiffe://a/b", "//a/b"])
def test_the_scheme_is_spiffe(text: str) -> None:
    refused(text)


def test_a_trust_domain_is_not_empty() -> None:
    for text in ("spiffe://", "spiffe:///workload"):
        assert refused(text).message == "`` is no trust domain"


def test_there_is_no_query_and_no_fragment() -> None:
    for text in ("spiffe://a/b?c", "spiffe://a/b?", "spiffe://a?c", "spiffe://a/b#c", "spiffe://a#", "spiffe://a/b#"):
        refused(text)


def test_there_is_no_user_and_no_port() -> None:
    for text in ("spiffe://u@a/b", "spiffe://u:p@a/b", "spiffe://@a/b", "spiffe://a:443/b", "spiffe://a:/b"):
        refused(text)


def test_a_trust_domain_and_a_scheme_are_in_lower_case() -> None:
    """2.1; and where 2.4 lets two spellings compare as equal, one of them is no ID here."""
    for text in ("spiffe://Example.org/b", "spiffe://EXAMPLE.ORG", "SPIFFE://example.org/b", "Spiffe://example.org"):
        refused(text)


def test_a_trust_domain_is_of_few_characters() -> None:
    for char in map(chr, [*range(128), 0xE4, 0x212A, 0xFF10]):
        if char in string.ascii_lowercase + string.digits + ".-_":
            assert TrustDomain(f"a{char}b").name == f"a{char}b"
        elif char != "/":
            refused(f"spiffe://a{char}b/c")


def test_nothing_is_percent_encoded() -> None:
    for text in ("spiffe://a%62/c", "spiffe://a/%62", "spiffe://a/b%2Fc", "spiffe://a/%"):
        refused(text)


def test_no_segment_is_empty_or_relative() -> None:
    for path in ("//b", "/b//c", "/./b", "/b/.", "/../b", "/b/..", "/.", "/.."):
        refused(f"spiffe://a{path}")


def test_a_path_ends_without_slash() -> None:
    for path in ("/", "/b/", "/b//"):
        refused(f"spiffe://a{path}")


def test_a_segment_is_of_few_characters() -> None:
    for char in map(chr, [*range(128), 0xE4, 0x212A, 0xFF10]):
        if char in string.ascii_letters + string.digits + ".-_/":
            assert parse(f"spiffe://a/b{char}c").path == f"/b{char}c"
        else:
            refused(f"spiffe://a/b{char}c")
            refused(f"spiffe://a/b{char}")


def test_a_path_keeps_its_case() -> None:
    assert parse("spiffe://a/B") != parse("spiffe://a/b")


def test_ids_of_2048_bytes_are_supported_and_longer_ones_refused() -> None:
    longest = "spiffe://a/".ljust(LONGEST, "b")
    assert str(parse(longest)) == longest
    assert refused(longest + "b").message == "a SPIFFE ID is too long"
    with pytest.raises(MalformedError):
        TrustDomain("a").member("/" + "b" * LONGEST)


def test_a_trust_domain_has_255_bytes_at_most() -> None:
    assert parse(f"spiffe://{'a' * 255}/b").trust_domain.name == "a" * 255
    refused(f"spiffe://{'a' * 256}/b")


def test_a_refusal_is_one_line_whatever_was_written() -> None:
    for text in ("spiffe://a\n/b", "spiffe://a/\x1b[31m", "a\udcffb", "spiffe://a/\u2028"):
        error = str(refused(text))
        assert error.isascii()
        assert error.isprintable()


def test_licets_own_names_are_reserved() -> None:
    domain = TrustDomain("a")
    assert [domain.member(path).reserved for path in ("/licet", "/licet/x", "/licetx", "/x/licet", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@given(st.text(max_size=80) | st.text(alphabet="spife:/ab.%?#@-_A\n", max_size=30).map("spiffe://".__add__))
def test_what_is_read_is_written_as_it_was(text: str) -> None:
    """An ID has one spelling: otherwise two that are one would differ in a policy."""
    try:
        read = parse(text)
    except MalformedError:
        return
    assert str(read) == text
