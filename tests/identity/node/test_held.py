"""What a node takes from a server, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind
from licet.identity.node.held import Holdings
from licet.identity.node.upstream import Ask, Issued, Refusal
from licet.identity.svid import X509Svid
from tests.identity.domains import NODE, Founded, ask, entry, founded, witness

WRONG = "the server's certificate is not that of `spiffe://shop.example/cart`: is it the right server?"


class Bent:
    """An upstream whose answers are bent; `mint` is all that is asked of it."""

    def __init__(self, domain: Founded, bend: Callable[[Sequence[Issued | Refusal]], Any]) -> None:
        self._issuer = domain.issuer()
        self.bend = bend

    async def mint(self, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        """As `Upstream`."""
        bent: Sequence[Issued | Refusal] = self.bend(self._issuer.mint(NODE, asks))
        return bent


def obtained(folder: Path, bend: Callable[[Founded, Sequence[Issued | Refusal]], Any]) -> list[str]:
    """What becomes of two entries that are asked for together."""

    async def story() -> list[str]:
        with founded(folder) as domain:
            domain.register(entry(), entry("cash"))
            upstream: Any = Bent(domain, lambda answers: bend(domain, answers))
            holdings = Holdings(upstream, KeyKind.EC_P256, domain.clock, Random(7))
            asked = (holdings.obtain(each, witness()) for each in (entry(), entry("cash")))
            answers = await asyncio.gather(*asked, return_exceptions=True)
            kept = {svid.spiffe_id.path for svid in holdings.all()}
            assert kept == {each.spiffe_id.path for each in answers if isinstance(each, X509Svid)}
            await holdings.close()
            assert all(isinstance(each, X509Svid | IdentityError) for each in answers)
            return [each.spiffe_id.path if isinstance(each, X509Svid) else str(each) for each in answers]

    return asyncio.run(story())


def issued(answer: Issued | Refusal) -> Issued:
    assert isinstance(answer, Issued)
    return answer


def test_good_answers_are_taken(tmp_path: Path) -> None:
    assert obtained(tmp_path, lambda _, answers: answers) == ["/cart", "/cash"]


@pytest.mark.parametrize(
    "bend",
    [
        lambda domain, answers: [domain.issuer().mint(NODE, [ask()])[0], answers[1]],
        lambda domain, answers: [domain.issuer().mint(NODE, [ask("cash")])[0], answers[1]],
        lambda _, answers: [Issued(issued(answers[0]).chain[:1]), answers[1]],
        lambda _, answers: [Issued(issued(answers[0]).chain[1:]), answers[1]],
        lambda _, answers: [Issued(()), answers[1]],
        lambda _, answers: [Issued((b"garbage", b"garbage")), answers[1]],
    ],
    ids=["another key", "another name", "no authority", "an authority", "nothing", "garbage"],
)
def test_a_certificate_that_is_not_the_one_is_refused_and_spoils_no_other(tmp_path: Path, bend: Any) -> None:
    assert obtained(tmp_path, bend) == [WRONG, "/cash"]


def test_answers_that_are_swapped_are_both_refused(tmp_path: Path) -> None:
    said = obtained(tmp_path, lambda _, answers: answers[::-1])
    assert said == [WRONG, WRONG.replace("/cart", "/cash")]


@pytest.mark.parametrize("count", [0, 1])
def test_an_answer_short_is_none(tmp_path: Path, count: int) -> None:
    said = f"{count} answers to 2 asks: is it the right server?"
    assert obtained(tmp_path, lambda _, answers: answers[:count]) == [said, said]


def test_refusals_say_whether_to_ask_again(tmp_path: Path) -> None:
    bend = [Refusal("never"), Refusal("not now", later=True)]
    assert obtained(tmp_path, lambda *_: bend) == [
        "no certificate for `spiffe://shop.example/cart`: never",
        "no certificate for `spiffe://shop.example/cash`: not now",
    ]


def test_what_fails_in_an_unforeseen_way_leaves_nobody_waiting(tmp_path: Path) -> None:
    said = "certificates cannot be had now: ask again"
    assert obtained(tmp_path, lambda *_: 1 / 0) == [said, said]


def test_renewals_that_fail_are_tried_again_soon_and_not_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        with founded(tmp_path) as domain:
            domain.register(entry())
            upstream: Any = Bent(domain, lambda answers: answers)
            holdings = Holdings(upstream, KeyKind.EC_P256, domain.clock, Random(7))
            before = await holdings.obtain(entry(), witness())

            def away(_: object) -> None:
                raise UnavailableError("away", "ask again")

            upstream.bend = away
            waits = []
            for _ in range(80):
                due = holdings.next_renewal()
                assert due is not None
                waits.append((due - domain.clock()).total_seconds())
                domain.clock.at = due
                with pytest.raises(UnavailableError):
                    await holdings.renew_due()
            assert min(waits) >= 0.5
            assert max(waits[1:]) <= 360
            assert waits[-1] == 5
            assert holdings.get(entry()) is None
            upstream.bend = lambda answers: answers
            domain.clock.pass_by(5)
            assert await holdings.renew_due() == ["cart"]
            assert holdings.all()[0].serial != before.serial

    asyncio.run(story())


def test_a_refusal_of_a_renewal_leaves_what_is_held_until_it_ends(tmp_path: Path) -> None:
    async def story() -> None:
        with founded(tmp_path) as domain:
            domain.register(entry())
            upstream: Any = Bent(domain, lambda answers: answers)
            holdings = Holdings(upstream, KeyKind.EC_P256, domain.clock, Random(7))
            held = await holdings.obtain(entry(), witness())
            upstream.bend = lambda _: [Refusal("never")]
            domain.clock.pass_by(2400)
            assert await holdings.renew_due() == []
            assert await holdings.obtain(entry(), witness()) == held
            domain.clock.pass_by(1200)
            with pytest.raises(RefusedError):
                await holdings.obtain(entry(), witness())

    asyncio.run(story())
