"""Revocation before a real Envoy: everything of one identity ends, of every kind, and the other loses nothing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.mesh.severing.client import KINDS
from tests.mesh.severing.drill import drill
from tests.mesh.severing.scene import BAD

TRIALS = 5


@pytest.mark.parametrize("redirected", [False, True], ids=["explicit", "redirected"])
def test_all_that_one_identity_has_open_ends_and_the_other_loses_nothing(tmp_path: Path, redirected: bool) -> None:
    if os.geteuid():
        pytest.skip("ending connections needs CAP_NET_ADMIN")
    outcome = asyncio.run(drill(tmp_path, TRIALS, redirected=redirected))
    assert {kind: len(took) for kind, took in outcome.ends.items()} == dict.fromkeys(KINDS, TRIALS)
    assert outcome.harmed() == {}
    assert {(each.identity, each.left, each.why) for each in outcome.told} == {(BAD, 0, "")}
    assert sum(each.ended for each in outcome.told) == TRIALS * len(KINDS)
