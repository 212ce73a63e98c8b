"""Every table of a trust domain as parts of a backup, the same from either engine, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, Row, Table, insert, select

from licet.identity.archive import Part
from licet.identity.errors import MalformedError
from licet.store import tables

KEY = "sealing key"
"""The part that holds the key file, where that was asked for; no table is called so."""
_TALLY = "tally"
_CHUNK = 256 * 1024
_ROWS = 512


def taken(connection: Connection, sealing_key: bytes | None = None) -> Iterator[Part]:
    """Everything, as this connection sees it, which has to answer from one moment. The last part counts the rows."""
    counts: Counter[str] = Counter()
    if sealing_key is not None:
        yield Part(KEY, ("text",), [(sealing_key,)])
    for table in tables.metadata.sorted_tables:
        # SQLAlchemy's names are strings of a kind of their own, which are not encoded.
        name, columns = str(table.name), tuple(str(column.name) for column in table.columns)
        for rows in _pages(connection, table):
            counts[name] += len(rows)
            yield Part(name, columns, rows)
    yield Part(_TALLY, ("table", "rows"), sorted(counts.items()))


def put(connection: Connection, parts: Iterable[Part]) -> None:
    """Fill empty tables; raises MalformedError where something is missing or of no known form."""
    counts: Counter[str] = Counter()
    counted: dict[str, int] | None = None
    for part in parts:
        if part.table == _TALLY:
            counted = {str(name): int(rows) for name, rows in part.rows}
        elif part.table != KEY:
            table = tables.metadata.tables.get(part.table)
            if table is None or not set(part.columns) <= set(table.columns.keys()):
                raise _unknown(part.table)
            counts[part.table] += len(part.rows)
            connection.execute(insert(table), [dict(zip(part.columns, row, strict=True)) for row in part.rows])
    if counted != counts:
        raise MalformedError("the backup does not hold as many rows as it says", "use another backup")


def _pages(connection: Connection, table: Table) -> Iterator[list[tuple[object, ...]]]:
    page: list[tuple[object, ...]] = []
    size = 0
    for row in connection.execute(select(table).order_by(*_order(table)).execution_options(yield_per=_ROWS)):
        page.append(tuple(row))
        size += _size(row)
        if size >= _CHUNK:
            yield page
            page, size = [], 0
    if page:
        yield page


def _order(table: Table) -> list[ColumnElement[object]]:
    """Rows that others of the same table refer to come first."""
    own = [column for column in table.columns for key in column.foreign_keys if key.references(table)]
    return [*(column.is_not(None) for column in own), *table.primary_key.columns]


def _size(row: Row[tuple[object, ...]]) -> int:
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)


def _unknown(name: str) -> MalformedError:
    return MalformedError(
        f"the backup holds a table `{name}` that this program does not know", "restore it with the version that made it"
    )
