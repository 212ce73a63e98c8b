"""Tables that change a little at a time: a changed table shares with the one before it every page that stayed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Generic, TypeVar

V = TypeVar("V")

_SHIFT = 6
"""A page has 64 places: small enough to be copied for one change, large enough that the pages are few."""


def page_of(at: int) -> int:
    """The page on which a number stands."""
    return at >> _SHIFT


class Pages(Generic[V]):
    """Values by number, in ascending order; numbers may be missing. It never changes.

    What `changed` copies, and what the cyclic collector then looks through, are the pages that change and the list of
    pages, and not every value that there is.
    """

    __slots__ = ("_pages",)

    def __init__(self, pages: dict[int, dict[int, V]]) -> None:
        self._pages = pages

    @classmethod
    def of(cls, values: Iterable[tuple[int, V]]) -> Pages[V]:
        """The table of these (number, value)."""
        pages: dict[int, dict[int, V]] = {}
        held = dict(values)
        for number, numbers in groupby(sorted(held), lambda at: at >> _SHIFT):
            pages[number] = {at: held[at] for at in numbers}
        return cls(pages)

    @classmethod
    def filled(cls, values: Sequence[V]) -> Pages[V]:
        """The table of these values under 0, 1, 2 and so on."""
        size = 1 << _SHIFT
        starts = range(0, len(values), size)
        return cls({at >> _SHIFT: dict(enumerate(values[at : at + size], at)) for at in starts})

    def changed(self, come: Mapping[int, V], gone: Iterable[int] = ()) -> Pages[V]:
        """The table without `gone` and with `come`, which replace what has their numbers. KeyError for a stranger."""
        pages = dict(self._pages)
        own: set[int] = set()

        def page(at: int) -> dict[int, V]:
            number = at >> _SHIFT
            if number not in own:
                own.add(number)
                pages[number] = dict(pages.get(number, ()))
            return pages[number]

        for at in gone:
            del page(at)[at]
        for at, value in come.items():
            page(at)[at] = value
        for number in own:
            if pages[number]:
                pages[number] = dict(sorted(pages[number].items()))
            else:
                del pages[number]
        return Pages(pages)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pages) and self._pages == other._pages

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, at: int) -> V:
        return self._pages[at >> _SHIFT][at]

    def get(self, at: int) -> V | None:
        """The value of a number, None where it is missing."""
        page = self._pages.get(at >> _SHIFT)
        return None if page is None else page.get(at)

    def __contains__(self, at: int) -> bool:
        return at in self._pages.get(at >> _SHIFT, ())

    def __iter__(self) -> Iterator[V]:
        return chain.from_iterable(self._pages[number].values() for number in sorted(self._pages))

    def __len__(self) -> int:
        return sum(map(len, self._pages.values()))

    def pages(self) -> Iterable[tuple[int, Mapping[int, V]]]:
        """Every page and its number."""
        return self._pages.items()

    def page(self, number: int) -> Mapping[int, V]:
        """The values of one page; KeyError where it has none."""
        return self._pages[number]

    def numbers(self) -> Iterator[int]:
        """The numbers that have a value, ascending."""
        return chain.from_iterable(self._pages[number] for number in sorted(self._pages))
