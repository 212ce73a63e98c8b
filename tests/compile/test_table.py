"""The published table of fidelity is the one that the compiler goes by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from licet.compile.compiled import Level
from licet.compile.table import TABLE, Expressed
from licet.compile.targets import TARGETS
from licet.contracts.agreement import EdgeKind
from licet.model.policy import Direction
from tests.conftest import Golden

PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
MUST_BE_EXACT = {
    EdgeKind.WORKLOAD,
    EdgeKind.SERVICE,
    EdgeKind.SELF,
    EdgeKind.NAMESPACE,
    EdgeKind.GATEWAY,
    EdgeKind.RESOLVER,
    EdgeKind.CIDR,
}


def test_the_page_holds_the_table(golden: Golden) -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    golden(PAGE, f"{before}{BEGIN}{''.join(_lines())}{END}{after}")


def test_every_target_has_a_row_for_every_kind() -> None:
    assert set(TABLE) == set(TARGETS)
    assert all(set(kinds) == set(EdgeKind) for kinds in TABLE.values())


def test_network_policies_are_exact_for_all_that_has_labels_or_addresses() -> None:
    for kind in MUST_BE_EXACT:
        assert TABLE["networkpolicy"][kind] == Expressed(Level.EXACT, Level.EXACT), kind


def test_whatever_is_not_exact_has_a_reason() -> None:
    for kinds in TABLE.values():
        for expressed in kinds.values():
            exact = expressed.call is expressed.caller is Level.EXACT
            assert exact == (not expressed.reason)


def _lines() -> Iterator[str]:
    yield "| edge | " + " | ".join(f"`{target}`, call | `{target}`, caller" for target in TABLE) + " |\n"
    yield "|---|" + "---|---|" * len(TABLE) + "\n"
    for kind in EdgeKind:
        cells = [_cell(TABLE[target][kind], d) for target in TABLE for d in (Direction.EGRESS, Direction.INGRESS)]
        yield f"| {kind.value} | {' | '.join(cells)} |\n"


def _cell(expressed: Expressed, direction: Direction) -> str:
    on_request = expressed.on_request and direction is Direction.EGRESS
    return expressed.level(direction).value + (" (1)" if on_request else "")
