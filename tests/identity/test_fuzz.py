"""Whatever strangers send is read or cleanly refused."""

from __future__ import annotations

import pytest

from tests.identity.fuzz import KINDS, fuzz


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive", "ignore:Attribute's length must be")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_mutated_input_is_read_or_refused(kind: str) -> None:
    """The good ones are read, most of the others are not, and nothing comes of any but an answer or a refusal."""
    tally, failures = fuzz(kind, 1500, 7)
    assert [str(failure) for failure in failures] == []
    assert tally.read >= len(KINDS[kind][0])
    assert tally.refused > 150
