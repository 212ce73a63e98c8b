"""Join tokens: one agent, once, not for long."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from licet.identity.attest.join_token import JoinToken, digest, new
from licet.identity.errors import RefusedError
from licet.identity.spiffeid import parse

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)
AGENT = parse("spiffe://shop.example/licet/agent/join/1")


def made() -> tuple[str, JoinToken]:
    token, stored = new()
    return token, JoinToken(stored, AGENT, NOW + LIFETIME)


def test_a_token_is_256_random_bits_and_only_its_digest_is_kept() -> None:
    token, stored = made()
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert stored.digest == hashlib.sha256(token.encode()).hexdigest() == digest(token)
    assert token not in repr(stored)
    assert len({new()[0] for _ in range(100)}) == 100


def test_a_token_is_redeemed_once() -> None:
    token, stored = made()
    used = stored.redeem(token, NOW)
    assert used == msgspec.structs.replace(stored, used_at=NOW)
    with pytest.raises(RefusedError, match="has been used"):
        used.redeem(token, NOW)


@pytest.mark.parametrize(("after", "good"), [(LIFETIME - timedelta(microseconds=1), True), (LIFETIME, False)])
def test_a_token_ends_with_its_lifetime(after: timedelta, good: bool) -> None:
    token, stored = made()
    if good:
        assert stored.redeem(token, NOW + after).used_at == NOW + after
    else:
        with pytest.raises(RefusedError, match="has expired"):
            stored.redeem(token, NOW + after)


@pytest.mark.parametrize("guess", ["", "x", "x" * 300, "\udc80", "w" * 43])
def test_another_token_is_not_known_and_nothing_is_said_of_the_one_that_is(guess: str) -> None:
    _, stored = made()
    with pytest.raises(RefusedError) as refused:
        stored.redeem(guess, NOW + 2 * LIFETIME)
    assert refused.value.message == "this join token is not known"
