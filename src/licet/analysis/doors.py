"""Which classes let in any of some sources, found without asking every class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from licet.analysis import bits
from licet.analysis.pages import Pages, page_of
from licet.analysis.population import every
from licet.analysis.rows import Row


class Doors:
    """Ingress rows with, for each page of them, all that any of its rows admits.

    Most rows admit few sources, so most pages admit none of those that are asked for, and their rows are passed over.
    """

    def __init__(self, rows: Pages[Row], admitted: Mapping[int, int]) -> None:
        self._rows = rows
        self._admitted = admitted

    @classmethod
    def of(cls, rows: Pages[Row]) -> Doors:
        """The doors of these rows, by class."""
        return cls(rows, {number: _together(page) for number, page in rows.pages()})

    def changed(self, rows: Pages[Row], changed: Iterable[int]) -> Doors:
        """The doors after the rows of some classes have changed."""
        pages = set(map(page_of, changed))
        if not pages:
            return self
        return Doors(rows, {**self._admitted, **{number: _together(rows.page(number)) for number in pages}})

    def admitting(self, sources: int, within: int, width: int) -> Iterator[int]:
        """The classes of `within` that let in any of the sources, ascending."""
        if within.bit_count() <= width >> 3:
            return (at for at in bits.indices(within) if self._rows[at].admitted & sources)
        found: list[int] = []
        for number, admitted in self._admitted.items():
            if admitted & sources:
                found += [at for at, row in self._rows.page(number).items() if row.admitted & sources]
        return bits.indices(bits.of(found, width) & within)


def _together(page: Mapping[int, Row]) -> int:
    return every([row.admitted for row in page.values()])
