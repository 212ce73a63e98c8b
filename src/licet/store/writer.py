"""A thread that commits what many ask for at once together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from licet.store.database import Database
from licet.store.errors import BusyError, StoreError

T = TypeVar("T")

BATCH = 512
"""Changes that share a transaction at most."""
WAITING = 8192
"""Changes that wait at most before more are turned away."""

_NEXT = {
    "sqlite": ("RELEASE SAVEPOINT change", "SAVEPOINT change"),
    "postgresql": ("RELEASE SAVEPOINT change; SAVEPOINT change",),
}
"""From the savepoint of one change to that of the next, in as few round trips as the engine lets one have."""


def _nothing(*_: object) -> None:
    """Where no hook is wanted."""


class _Change:
    """A change that waits, and after it was run what came of it."""

    def __init__(self, do: Callable[[Connection], Any]) -> None:
        self.do = do
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        """Tell who waits."""
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Runs changes in the order they were submitted, many in one transaction, and answers once it is on the disk.

    A change that raises is undone alone and its future gets the exception, at the same time as the others get their
    answers, since it may be what the others did that it fell over. For each transaction, on the writer's
    thread: the changes; `before_commit`, on the same connection; the commit; `after_commit`; the answers. When the
    transaction does not come about, `after_rollback` is called instead and every future gets the error. So whoever
    gathers something along the way keeps it when a change has returned, and drops all of it in `after_rollback`.

    After an `after_commit` or `after_rollback` that raises nobody knows what its owner believes: what was committed is
    answered, the writer takes no more, and `failure` says why.
    """

    def __init__(
        self,
        database: Database,
        before_commit: Callable[[Connection], None] = _nothing,
        after_commit: Callable[[], None] = _nothing,
        after_rollback: Callable[[], None] = _nothing,
    ) -> None:
        self._database = database
        self._before_commit = before_commit
        self._after_commit = after_commit
        self._after_rollback = after_rollback
        self._queue: queue.Queue[_Change | None] = queue.Queue()
        self._lock = threading.Lock()
        self._closed = False
        self.failure: BaseException | None = None
        self.undone = 0
        """Transactions that did not come about."""
        self._thread = threading.Thread(target=self._run, name="licet-writer", daemon=True)
        self._thread.start()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, do: Callable[[Connection], T]) -> Future[T]:
        """Have this run on the writer's thread; the future is done after the commit.

        Raises BusyError where too many wait, and StoreError once the writer is closed. `do` may run SQL on the
        connection but never ends the transaction.
        """
        change = _Change(do)
        with self._lock:
            if self._closed:
                raise self._refusal()
            if self._queue.qsize() >= WAITING:
                raise BusyError("too many changes wait to be written", "try again later")
            self._queue.put(change)
        return change.future

    @property
    def alive(self) -> bool:
        """Whether changes are taken."""
        return not self._closed

    @property
    def waiting(self) -> int:
        """How many changes wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finish what is queued and end the thread. May be called again, and from any thread but the writer's."""
        self._stop()
        self._thread.join()

    def _stop(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)

    def _refusal(self) -> StoreError:
        refusal = StoreError("no more changes are taken", "start again")
        refusal.__cause__ = self.failure
        return refusal

    def _run(self) -> None:
        try:
            while batch := self._next():
                if wanted := [change for change in batch if change.future.set_running_or_notify_cancel()]:
                    self._commit(wanted)
        except BaseException as error:
            self.failure = error
        finally:
            self._stop()
            while change := self._queue.get():
                if change.future.set_running_or_notify_cancel():
                    change.future.set_exception(self._refusal())

    def _next(self) -> list[_Change]:
        """Everything that waits, once something does; empty when there will be nothing more."""
        batch: list[_Change] = []
        while len(batch) < BATCH and not (batch and self._queue.empty()):
            change = self._queue.get()
            if change is None:
                # The mark of the end stays where it is found, for the round after this one.
                self._queue.put(None)
                break
            batch.append(change)
        return batch

    def _commit(self, batch: list[_Change]) -> None:
        try:
            with self._database.write() as connection:
                connection.exec_driver_sql("SAVEPOINT change")
                for change in batch:
                    self._make(change, connection)
                self._before_commit(connection)
        except BaseException as error:
            self.undone += 1
            try:
                self._after_rollback()
            finally:
                for change in batch:
                    change.future.set_exception(error)
            return
        try:
            self._after_commit()
        finally:
            for change in batch:
                change.answer()

    def _make(self, change: _Change, connection: Connection) -> None:
        """Run the change, from one savepoint to the next; one that raises is undone."""
        try:
            with self._database.explained():
                change.result = change.do(connection)
        except BaseException as error:
            try:
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT change")
            except (DBAPIError, InvalidRequestError):
                raise error from None  # The whole transaction is gone, and this is why.
            change.error = error
            return
        # It has returned, so somebody may count on it: from here on it stands, or nothing of the transaction does.
        self._database.check_open(connection)
        for statement in _NEXT[connection.dialect.name]:
            connection.exec_driver_sql(statement)
