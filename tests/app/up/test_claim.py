"""Several platforms stand on one machine beside each other."""

from __future__ import annotations

import socket

import pytest

from licet.app.up import claim
from licet.app.up.claim import Claim
from licet.diag.failure import Failure


@pytest.fixture(autouse=True)
def _blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few that no platform is given that stands meanwhile."""
    monkeypatch.setattr(claim, "_BLOCKS", range(200, 203))


def test_addresses_are_nobody_elses_until_they_are_left() -> None:
    with Claim(9) as one:
        assert one.addresses == tuple(f"127.77.200.{number}" for number in range(1, 10))
        with Claim(300) as other:
            assert len(other.addresses) == len({*other.addresses} - {*one.addresses}) == 300
            for address in (*one.addresses, other.addresses[-1]):
                with socket.socket() as bound:
                    bound.bind((address, 0))
        with Claim(1) as third:
            assert third.addresses == ("127.77.201.1",)


def test_more_than_there_are_is_a_failure_that_holds_nothing() -> None:
    with pytest.raises(Failure, match=r"there are 762 free addresses of 127.77.0.0/16 for 763 workloads: stop another"):
        Claim(763)
    with Claim(762) as after:
        assert after.addresses[-1] == "127.77.202.254"
