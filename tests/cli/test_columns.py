"""Rows below each other: aligned, one line each, and nothing in them that moves a cursor."""

from __future__ import annotations

from licet.cli.render.columns import aligned


def test_cells_stand_below_their_head_and_nothing_trails() -> None:
    assert aligned([("a", "bb", ""), ("aaa", "b", "c")], ("X", "Y", "")) == ["X    Y", "a    bb", "aaa  b   c"]
    assert aligned([], ("X", "Y")) == []


def test_an_overlong_cell_moves_its_own_row_alone() -> None:
    long = "x" * 2048
    assert aligned([("a", "b"), (long, "c")]) == ["a  b", f"{long}  c"]


def test_what_would_move_a_cursor_is_shown() -> None:
    assert aligned([("\x1b[2J", "a\nb")]) == ["␛[2J  a␊b"]
