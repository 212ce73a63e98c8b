"""A stolen authority is replaced under traffic: nobody fails, and whatever was forged with it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.programs import go_client, rust_client
from tests.identity.drills.plane import Plane
from tests.identity.drills.siege import Programs, drill

SOON = 10.0
"""Seconds within which all refuse from the last step of the drill on; half a second is what it takes."""


@pytest.mark.parametrize("apart", [False, True], ids=["one process", "an agent apart"])
def test_a_stolen_root_and_its_intermediate_are_believed_no_more_and_no_request_fails(
    apart: bool, tmp_path: Path
) -> None:
    plane = Plane(tmp_path)
    programs = Programs.enlisted(plane, go_client(), rust_client())
    with plane.up(apart=apart):
        outcome = drill(plane, programs, settle=1.0)
    assert outcome.failed == {}
    assert outcome.requests > 100
    assert all(exchange.client.peer_serials > 1 for exchange in outcome.good.values()), "SVIDs were replaced"
    assert [step.behind for step in outcome.drill.steps] == [(), (), ()]
    assert all(refusal.accepted > 1 for refusal in outcome.refusals), "the attacks are real"
    assert {refusal.attack: refusal.after_drop for refusal in outcome.refusals if refusal.after_drop > SOON} == {}
    assert {refusal.cause for refusal in outcome.refusals} == {
        "alert",
        "closed",
        "unknown_authority",
    }, outcome.refusals
    assert {name: tally.failed for name, tally in outcome.again.items()} == {
        name: {"alert": 3} for name in outcome.again
    }, outcome.again
    assert set(outcome.kept.failed) == {"alert"}, f"new connections are refused as well: {outcome.kept.failures}"
    assert outcome.kept.last_ok > outcome.drill.ended, "an open one is not ended: handshakes are what is judged"
