"""What follows from a step of succession, beside the laws of rotation."""

from __future__ import annotations

from pathlib import Path

from licet.identity.authority import Kind, active
from licet.identity.succession import Succession
from tests.identity.domains import founded


def test_replacing_every_svid_reaches_those_of_intermediates_that_retired_before(tmp_path: Path) -> None:
    with founded(tmp_path) as domain:

        def follow(succession: Succession, *, tainting: bool) -> str:
            before = active(succession.state.authorities, Kind.INTERMEDIATE)
            assert before is not None
            succession.activate(succession.prepare(Kind.INTERMEDIATE), tainting=tainting)
            return before.id

        retired = domain.succeed(lambda succession: follow(succession, tainting=False))
        assert domain.state.reissue == frozenset(), "what it signed expires in its time"
        replaced = domain.succeed(lambda succession: follow(succession, tainting=True))
        assert domain.state.reissue == {retired, replaced}
