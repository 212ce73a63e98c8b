"""A stolen key of tokens is replaced: what was forged with it is refused by every library, and by the Workload API."""

from __future__ import annotations

from pathlib import Path

from tests.clients.programs import CLIENTS
from tests.clients.traffic import Validated, fetch, validate
from tests.identity.drills.plane import Plane
from tests.identity.drills.siege import LEDGER
from tests.identity.drills.thief import forge_token, steal

AUDIENCE = "licet-test"


def test_forged_tokens_are_refused_from_the_drill_on_and_good_ones_are_not(tmp_path: Path) -> None:
    programs = {name: program() for name, program in CLIENTS.items()}
    plane = Plane(tmp_path)
    plane.enlist(programs)
    loot = steal(plane)
    forged = forge_token(loot, LEDGER, AUDIENCE)
    with plane.serving():
        for program in programs.values():
            said = validate(program, plane.socket, forged)
            assert said == Validated(LEDGER, LEDGER, ""), "the attack is real"
        drill = plane.taint(loot.token, 0.2)
        assert [step.behind for step in drill.steps] == [(), (), ()]
        for name, program in programs.items():
            said = validate(program, plane.socket, forged)
            assert (name, said.library, said.api) == (name, "", "")
            assert said.refusal != ""
            [token] = fetch(program, plane.socket).jwts
            assert validate(program, plane.socket, token.token) == Validated(token.id, token.id, "")
