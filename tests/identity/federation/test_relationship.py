"""What an operator spells out about another trust domain is checked before anything is asked of it."""

from __future__ import annotations

import pytest

from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.identity.federation.relationship import Profile, Relationship, relate
from licet.identity.spiffeid import TrustDomain, parse

OWN = TrustDomain("shop.example")
URL = "https://bank.example/bundle.json"


def test_both_profiles_can_be_followed() -> None:
    """SPIFFE_Federation.md 5: a client supports both."""
    assert relate(OWN, "bank.example", "https_web", URL) == Relationship(
        TrustDomain("bank.example"), Profile.HTTPS_WEB, URL
    )
    endpoint = "spiffe://bank.example/bundles"
    assert relate(OWN, "bank.example", "https_spiffe", URL, endpoint) == Relationship(
        TrustDomain("bank.example"), Profile.HTTPS_SPIFFE, URL, parse(endpoint)
    )


def test_url_profile_and_trust_domain_are_all_there() -> None:
    """SPIFFE_Federation.md 5.1."""
    for domain, profile, url in (("", "https_web", URL), ("bank.example", "", URL), ("bank.example", "https_web", "")):
        with pytest.raises(MalformedError):
            relate(OWN, domain, profile, url)


def test_the_web_profile_asks_for_nothing_more() -> None:
    """SPIFFE_Federation.md 5.2.1.2; and an ID that would not be looked at is a misunderstanding."""
    assert relate(OWN, "bank.example", "https_web", URL).vouching is None
    with pytest.raises(MalformedError):
        relate(OWN, "bank.example", "https_web", URL, "spiffe://bank.example/bundles")


def test_the_spiffe_profile_asks_for_the_endpoints_id() -> None:
    """SPIFFE_Federation.md 5.2.2.2: of the same domain or of another; the ID of a domain authenticates nobody."""
    for endpoint in ("", "spiffe://bank.example", "bank.example/bundles", "spiffe://Bank.example/bundles"):
        with pytest.raises(MalformedError):
            relate(OWN, "bank.example", "https_spiffe", URL, endpoint)
    other = relate(OWN, "bank.example", "https_spiffe", URL, "spiffe://hub.example/bundles")
    assert other.vouching == TrustDomain("hub.example")


@pytest.mark.parametrize("endpoint", ["", "spiffe://bank.example/bundles"])
@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/b",
        "HTTP://bank.example/b",
        "ftp://bank.example/b",
        "bank.example/b",
        "//bank.example/b",
        "https:/bank.example/b",
        "https:///b",
        "https://:443/b",
        "https://user@bank.example/b",
        "https://user:secret@bank.example/b",
        "https://@bank.example/b",
        "https://bank.example:0/b",
        "https://bank.example:99999/b",
        "https://bank.example:x/b",
        "https://[::1/b",
        "https://bank.example/b c",
        "https://bank.example/b\nX: y",
        "https://bank.example\\@evil.example/b",
        "https://b\xe4nk.example/b",
        "https://bank.example/" + "b" * 2048,
    ],
)
def test_a_url_is_https_and_names_no_user(url: str, endpoint: str) -> None:
    """SPIFFE_Federation.md 5.2.1.1 and 5.2.2.1."""
    with pytest.raises(MalformedError) as raised:
        relate(OWN, "bank.example", "https_spiffe" if endpoint else "https_web", url, endpoint)
    assert "secret" not in str(raised.value)
    assert str(raised.value).isprintable()


def test_the_rest_of_a_url_is_free() -> None:
    """SPIFFE_Federation.md 5.2.1.1 and 5.2.2.1."""
    for url in ("https://10.0.0.1:8443/a/b%20c?d=e#f", "https://[::1]:1/", "https://bank.example", "HTTPS://B/"):
        assert relate(OWN, "bank.example", "https_web", url).url == url


def test_nobody_federates_with_himself() -> None:
    with pytest.raises(RefusedError):
        relate(OWN, "shop.example", "https_web", URL)


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(IdentityError) as raised:
        relate(OWN, "bank.example", "https", URL)
    assert raised.value.message == "`https` is no endpoint profile"
