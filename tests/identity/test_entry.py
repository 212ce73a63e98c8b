"""Whom an entry means, and which must not be registered."""

from __future__ import annotations

import msgspec
import pytest

from licet.identity.entry import Entry, decode, encode
from licet.identity.errors import IdentityError
from licet.identity.lifetimes import Lifetimes
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse
from tests.identity.domains import DOMAIN, NODE, entry

LIVES = Lifetimes()
FULL = entry(
    "full",
    selectors=("unix:uid:1000", "unix:path:/usr/bin/cart:2"),
    nodes=(NODE,),
    x509_lifetime=600,
    jwt_lifetime=60,
    hint="internal",
    federates_with=(TrustDomain("bank.example"),),
    dns_names=("cart.shop.example", "*.cart.svc"),
    source="contracts",
)


def test_an_entry_is_read_back_as_it_was_written() -> None:
    assert decode(encode(FULL)) == FULL
    assert decode(encode(entry())) == entry()
    for other in (encode(FULL).replace(b'"hint"', b'"more"'), encode(FULL)[:-1] + b',"more":1}'):
        with pytest.raises(msgspec.ValidationError):
            decode(other)


@pytest.mark.parametrize(
    ("shown", "enough"),
    [
        ({"unix:uid:1000", "unix:path:/usr/bin/cart:2"}, True),
        ({"unix:uid:1000", "unix:path:/usr/bin/cart:2", "unix:gid:1"}, True),
        ({"unix:uid:1000"}, False),
        ({"unix:uid:1000", "unix:path:/usr/bin/cart"}, False),
        ({"unix:uid:10000", "unix:path:/usr/bin/cart:2"}, False),
        (set(), False),
    ],
)
def test_every_selector_has_to_be_shown(shown: set[str], enough: bool) -> None:
    assert FULL.admits(frozenset(shown)) is enough


def test_an_entry_without_selectors_is_nobodys() -> None:
    nobody = entry(selectors=())
    assert not nobody.admits(frozenset())
    assert not nobody.admits(frozenset({"unix:uid:0"}))


def test_what_may_be_registered() -> None:
    FULL.check(DOMAIN, LIVES)
    for lifetime in (0, 600, LIVES.longest):
        entry(x509_lifetime=lifetime, jwt_lifetime=lifetime).check(DOMAIN, LIVES)
    for path in ("/licetx", "/a/licet/b", "/Licet/a"):
        entry(spiffe_id=DOMAIN.member(path)).check(DOMAIN, LIVES)


def _of(spiffe_id: SpiffeID) -> Entry:
    return entry(spiffe_id=spiffe_id)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (_of(parse("spiffe://bank.example/cart")), "is no identity of `shop.example`"),
        (_of(parse("spiffe://a.shop.example/cart")), "is no identity of `shop.example`"),
        (_of(parse(DOMAIN.id)), "is no identity of `shop.example`"),
        (_of(NODE), "is reserved"),
        (_of(DOMAIN.member("/licet")), "is reserved"),
        (entry(selectors=()), "has no selector"),
        *[
            (entry(selectors=("unix:uid:1", bad)), "is no selector")
            for bad in ("", "unix", "unix:uid", "unix:uid:", ":uid:1", "unix::1", "::")
        ],
        *[
            (entry(dns_names=("good.example", name)), "`licet-identity-server` is reserved")
            for name in ("licet-identity-server", "Licet-Identity-Server", "licet-identity-server.")
        ],
        (entry(dns_names=("good.example", "a_b")), "is no DNS name"),
        (entry(x509_lifetime=-1), "cannot live that long"),
        (entry(jwt_lifetime=-1), "cannot live that long"),
        (entry(x509_lifetime=LIVES.longest + 1), "cannot live that long"),
        (entry(jwt_lifetime=LIVES.longest + 1), "cannot live that long"),
    ],
)
def test_what_must_not_be_registered(wrong: Entry, match: str) -> None:
    with pytest.raises(IdentityError, match=match):
        wrong.check(DOMAIN, LIVES)
