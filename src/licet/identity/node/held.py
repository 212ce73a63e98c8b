"""The SVIDs that a node holds, made as they are needed and renewed before they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random

import msgspec
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.identity import certificate, path, request
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind, PrivateKey, generate, pin, supported
from licet.identity.node.upstream import Ask, Issued, Refusal, Upstream, Witness
from licet.identity.renewal import renewal
from licet.identity.svid import X509Svid

_log = structlog.get_logger("licet.identity.node")

_BATCH = 64
_AT_ONCE = 2
"""Batches under way while workloads come: whoever comes meanwhile goes along with the next."""
_RENEWED_AT_ONCE = 4
"""Batches under way when much is renewed, so that keys are made while the server's disk is waited for."""
_RETRY = timedelta(seconds=5)


class Held(msgspec.Struct, frozen=True):
    """An SVID, on whose behalf it is renewed, and when that is due."""

    svid: X509Svid
    entry: Entry
    witness: Witness
    renew_at: datetime


class Holdings:
    """One SVID an entry. Its key is made here and leaves only towards the workloads of the entry."""

    def __init__(self, upstream: Upstream, key_kind: KeyKind, clock: Callable[[], datetime], random: Random) -> None:
        self._upstream = upstream
        self._key_kind = key_kind
        self._clock = clock
        self._random = random
        self._held: dict[str, Held] = {}
        self._known: dict[str, Entry] | None = None
        self._coming: dict[Entry, asyncio.Future[X509Svid]] = {}
        self._wanted: list[tuple[Entry, Witness]] = []
        self._gathering = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.overtaken = False
        """Whether something was replaced since this was last set to False: workloads may have been handed it."""

    def __len__(self) -> int:
        return len(self._held)

    def all(self) -> list[X509Svid]:
        """Every SVID that is held."""
        return [held.svid for held in self._held.values()]

    def get(self, entry: Entry) -> X509Svid | None:
        """The SVID of this entry as it is registered now, where one is held that has not expired."""
        held = self._held.get(entry.id)
        return held.svid if held is not None and held.entry == entry and held.svid.not_after > self._clock() else None

    async def obtain(self, entry: Entry, witness: Witness) -> X509Svid:
        """The SVID of this entry, made where there is none; raises RefusedError and UnavailableError.

        Those who want the same one at the same time share it, and those who want others share the way to the server.
        """
        if (held := self.get(entry)) is not None:
            return held
        coming = self._coming.get(entry)
        if coming is None:
            coming = self._coming[entry] = asyncio.get_running_loop().create_future()
            coming.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)
            self._wanted.append((entry, witness))
            if self._gathering < _AT_ONCE:
                self._gathering += 1
                self._start(self._gather())
        return await asyncio.shield(coming)

    def keep(self, entries: Iterable[Entry]) -> None:
        """Drop what belongs to no entry as it stands."""
        self._known = known = {entry.id: entry for entry in entries}
        self._held = {id: held for id, held in self._held.items() if known.get(id) == held.entry}

    def drop(self, ids: Iterable[str]) -> None:
        """Drop the SVIDs of these entries: nobody has used them for long."""
        for id in ids:
            self._held.pop(id, None)

    async def replace(self, chosen: Callable[[X509Svid], bool]) -> list[str]:
        """Renew every SVID that is chosen; the ids of the entries whose SVID is another one now.

        One that the server refuses for good is dropped: it is to be gone. Raises UnavailableError where the server
        could not be asked; what could be renewed until then is.
        """
        due = [(held.entry, held.witness) for held in self._held.values() if chosen(held.svid)]
        return await self._renew(due, drop=True)

    async def renew_due(self) -> list[str]:
        """Renew what is due now; the ids of the entries whose SVID is another one now."""
        now = self._clock()
        due = [held for held in self._held.values() if held.renew_at <= now]
        try:
            return await self._renew([(held.entry, held.witness) for held in due])
        finally:
            for held in due:
                if self._held.get(held.entry.id) is held:
                    later = msgspec.structs.replace(held, renew_at=now + _later(held.svid, now))
                    self._held[held.entry.id] = later

    def next_renewal(self) -> datetime | None:
        """When the next SVID is due; None where none is held."""
        return min((held.renew_at for held in self._held.values()), default=None)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _gather(self) -> None:
        try:
            await asyncio.sleep(0)  # whoever asks in the same turn of the loop goes along
            while self._wanted:
                batch, self._wanted = self._wanted[:_BATCH], self._wanted[_BATCH:]
                try:
                    answers: Sequence[X509Svid | IdentityError] = await self._mint(batch)
                except IdentityError as error:
                    answers = [error] * len(batch)
                except Exception as error:
                    _log.error("certificates cannot be had", reason=type(error).__name__)
                    answers = [UnavailableError("certificates cannot be had now", "ask again")] * len(batch)
                except BaseException:
                    stranded, self._wanted = batch + self._wanted, []
                    self._hand_out(stranded, [UnavailableError("the node is stopping", "ask again")] * len(stranded))
                    raise
                self._hand_out(batch, answers)
        finally:
            self._gathering -= 1

    def _hand_out(self, batch: Sequence[tuple[Entry, Witness]], answers: Sequence[X509Svid | IdentityError]) -> None:
        for (entry, _), answer in zip(batch, answers, strict=True):
            coming = self._coming.pop(entry)
            if coming.cancelled():
                continue
            if isinstance(answer, IdentityError):
                coming.set_exception(answer)
            else:
                coming.set_result(answer)

    async def _renew(self, due: Sequence[tuple[Entry, Witness]], *, drop: bool = False) -> list[str]:
        renewed: list[str] = []
        batches = [due[start : start + _BATCH] for start in range(0, len(due), _BATCH)]
        for start in range(0, len(batches), _RENEWED_AT_ONCE):
            some = batches[start : start + _RENEWED_AT_ONCE]
            minted = await asyncio.gather(*map(self._mint, some), return_exceptions=True)
            for batch, answers in zip(some, minted, strict=True):
                if isinstance(answers, BaseException):
                    raise answers
                for (entry, _), made in zip(batch, answers, strict=True):
                    if isinstance(made, X509Svid):
                        renewed.append(entry.id)
                        continue
                    _log.warning("an SVID is not renewed", spiffe_id=str(entry.spiffe_id), reason=str(made))
                    if drop and not isinstance(made, UnavailableError):
                        self.drop([entry.id])
                        self.overtaken = True
        return renewed

    async def _mint(self, batch: Sequence[tuple[Entry, Witness]]) -> list[X509Svid | IdentityError]:
        keys = [generate(self._key_kind) for _ in batch]
        asks = [
            Ask(entry.id, request.make(key, entry.spiffe_id), witness)
            for (entry, witness), key in zip(batch, keys, strict=True)
        ]
        answers = await self._upstream.mint(asks)
        if len(answers) != len(asks):
            raise UnavailableError(f"{len(answers)} answers to {len(asks)} asks", "is it the right server?")
        minted: list[X509Svid | IdentityError] = []
        for (entry, witness), key, answer in zip(batch, keys, answers, strict=True):
            made = _svid(entry, key, answer)
            # Whoever is waiting is answered; what is of an entry that was changed meanwhile is held for nobody.
            if isinstance(made, X509Svid) and (self._known is None or self._known.get(entry.id) == entry):
                self.overtaken |= entry.id in self._held
                due = renewal(self._clock(), made.not_after, self._random)
                self._held[entry.id] = Held(made, entry, witness, due)
            minted.append(made)
        return minted


def _svid(entry: Entry, key: PrivateKey, answer: Issued | Refusal) -> X509Svid | IdentityError:
    if isinstance(answer, Refusal):
        kind = UnavailableError if answer.later else RefusedError
        return kind(f"no certificate for `{entry.spiffe_id}`", answer.message)
    wrong = RefusedError(f"the server's certificate is not that of `{entry.spiffe_id}`", "is it the right server?")
    try:
        [leaf], issuer = path.read(answer.chain[:1]), _issuer(answer.chain[1:])
        named = certificate.spiffe_id_of(leaf)
    except IdentityError:
        return wrong
    if not issuer or named != entry.spiffe_id or leaf.public_key() != key.public_key():
        return wrong
    return X509Svid(
        entry.spiffe_id,
        answer.chain,
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        f"{leaf.serial_number:x}",
        issuer,
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
        entry.hint,
    )


@lru_cache(maxsize=8)
def _issuer(above: tuple[bytes, ...]) -> str:
    """The pin of whoever signed the certificate below this chain; empty where there is none."""
    return pin(supported(path.read(above)[0].public_key())) if above else ""


def _later(svid: X509Svid, now: datetime) -> timedelta:
    """When to try again: soon, but not so often that a server which comes back is run over."""
    left = svid.not_after - now
    if left <= timedelta(0):
        return _RETRY
    return max(min(_RETRY * 12, left / 10), min(_RETRY, max(left / 4, timedelta(seconds=0.5))))
