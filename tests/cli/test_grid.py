"""Rows on a terminal of any width: nothing is too wide, nothing gets lost."""

from hypothesis import given
from hypothesis import strategies as st

from licet.cli.render.grid import STACKED_BELOW, grid
from licet.diag.render.paint import PLAIN
from licet.diag.render.visible import columns

_ITEM = st.text(st.sampled_from("abc/-. 日é"), min_size=1, max_size=40).map(lambda text: " ".join(text.split()) or "x")
_ROWS = st.lists(st.tuples(*[st.lists(_ITEM, min_size=1, max_size=6)] * 3), min_size=1, max_size=5)


@given(_ROWS, st.integers(20, 160))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[list[str], ...]], width: int) -> None:
    for line in grid(("FROM", "TO", "PORTS"), rows, width, PLAIN):
        assert columns(line) <= width
        assert line == line.rstrip()


@given(_ROWS, st.integers(STACKED_BELOW, 160))
def test_every_character_is_shown(rows: list[tuple[list[str], ...]], width: int) -> None:
    shown = "".join("".join(grid(("", "", ""), rows, width, PLAIN)).split())
    for row in rows:
        for cell in row:
            for item in cell:
                for character in item.replace(" ", ""):
                    assert character in shown
    wanted = sum(len("".join(", ".join(cell).split())) for row in rows for cell in row)
    assert len(shown) == wanted


def test_items_stay_whole_where_they_fit_and_columns_stay_columns() -> None:
    rows = [(["shop/checkout", "shop/catalog", "shop/payment", "shop/cart"], ["data/postgres"], ["TCP 5432"])]
    assert list(grid(("FROM", "TO", "PORTS"), rows, 62, PLAIN)) == [
        "FROM                                   TO             PORTS",
        "shop/checkout, shop/catalog,           data/postgres  TCP 5432",
        "shop/payment, shop/cart",
    ]


def test_narrow_terminals_get_cells_under_one_another() -> None:
    rows = [(["shop/web"], ["shop/cart", "shop/checkout", "shop/catalog"], ["TCP 80"])]
    assert list(grid(("FROM", "TO", "PORTS"), rows, 30, PLAIN)) == [
        "shop/web",
        "  -> shop/cart, shop/checkout,",
        "     shop/catalog",
        "    TCP 80",
    ]
