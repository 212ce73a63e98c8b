"""What cannot be rotated safely is refused, with what to do; and how long an outage may last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from licet.identity.errors import IdentityError
from licet.identity.lifetimes import Lifetimes, guaranteed_budget, outage_budget

EXACT = Lifetimes(x509=100, jwt=100, intermediate=600, root=3600, backdate=100, propagation=600)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def said(**changes: int) -> str:
    with pytest.raises(IdentityError) as raised:
        replace(EXACT, **changes).check()
    return f"{raised.value.message}: {raised.value.help}"


def test_the_defaults_and_lifetimes_exactly_on_the_edge_are_fine() -> None:
    Lifetimes().check()
    EXACT.check()
    Lifetimes(x509=10, jwt=10, intermediate=60, root=360, backdate=0, propagation=0).check()


@pytest.mark.parametrize("name", ["x509", "jwt", "intermediate", "root"])
def test_nothing_lives_less_than_ten_seconds(name: str) -> None:
    assert said(**{name: 9}) == f"the {name} lifetime is 9 s: 10 s at least"
    assert said(**{name: -5}) == f"the {name} lifetime is -5 s: 10 s at least"


def test_an_upper_lifetime_holds_six_of_the_lower() -> None:
    assert said(root=3599) == (
        "the root lifetime of 3599 s cannot rotate safely over intermediate ones of 600 s: "
        "make it 3600 s at least, 6 intermediate lifetimes, or shorten the intermediate lifetime"
    )
    assert said(x509=101) == (
        "the intermediate lifetime of 600 s cannot rotate safely over x509 ones of 101 s: "
        "make it 606 s at least, 6 x509 lifetimes, or shorten the x509 lifetime"
    )
    assert said(jwt=101) == (
        "the intermediate lifetime of 600 s cannot rotate safely over jwt ones of 101 s: "
        "make it 606 s at least, 6 jwt lifetimes, or shorten the jwt lifetime"
    )


def test_backdating_and_propagation_have_bounds() -> None:
    assert said(backdate=101) == "backdating by 101 s: between 0 and the x509 lifetime, 100 s"
    assert said(backdate=-1) == "backdating by -1 s: between 0 and the x509 lifetime, 100 s"
    wanted = "between 0 and 600 s, a sixth of a root"
    assert said(propagation=601) == f"new roots are held back 601 s: {wanted}"
    assert said(propagation=-1) == f"new roots are held back -1 s: {wanted}"


def test_no_root_lives_longer_than_certificates_can_say() -> None:
    century = 100 * 365 * 86400
    replace(EXACT, root=century).check()
    assert said(root=century + 1) == f"the root lifetime is {century + 1} s: {century} s at most, a hundred years"


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_what_is_accepted_keeps_six_fold_distances(x509: int, jwt: int, intermediate: int, root: int) -> None:
    lifetimes = Lifetimes(x509=x509, jwt=jwt, intermediate=intermediate, root=root, backdate=0, propagation=0)
    safe = min(x509, jwt) >= 10 and max(x509, jwt) * 6 <= intermediate and intermediate * 6 <= root
    try:
        lifetimes.check()
    except IdentityError:
        assert not safe
    else:
        assert safe
        assert lifetimes.longest >= max(x509, jwt)


def test_the_budget_is_what_is_left_of_the_first_to_expire() -> None:
    ends = [NOW + timedelta(seconds=90), NOW + timedelta(seconds=30)]
    assert outage_budget(ends, NOW) == timedelta(seconds=30)
    assert outage_budget(ends, NOW + timedelta(seconds=31)) == timedelta(0)
    assert outage_budget([], NOW) is None
    assert guaranteed_budget(Lifetimes(), 0.1) == timedelta(seconds=3600 * 0.45)
