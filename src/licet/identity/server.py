"""The server of a trust domain: it follows the stored state, keeps authorities fresh, and answers nodes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Row, delete, insert, select, update

from licet.audit.errors import AuditError
from licet.audit.event import Detail, Event
from licet.audit.ledger import Change, Ledger
from licet.diag.failure import Failure
from licet.identity import path
from licet.identity.attest import join_token
from licet.identity.attest.join_token import JoinToken
from licet.identity.attest.token_review import Reviewer
from licet.identity.authority import Kind
from licet.identity.bundle import Bundle
from licet.identity.domain import State
from licet.identity.domain import version as stored_version
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.issuer import Issuer, workload
from licet.identity.keyring import Keyring
from licet.identity.node.authority import Admission
from licet.identity.node.upstream import Ask, Delivery, Issued, NodeState, Refusal, Upstream, Witness
from licet.identity.rotation import plan
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse
from licet.identity.steadiness import Steadiness
from licet.identity.succession import Succession, give_up
from licet.store import tables
from licet.store.errors import StoreError
from licet.store.moment import moment, text

T = TypeVar("T")

_log = structlog.get_logger("licet.identity.server")

_PACE = 0.2
"""Seconds between two looks at whether the stored state changed."""
_PRUNE = timedelta(minutes=10)
_SERVER: dict[str, Detail] = {"type": "server"}


class Server:
    """A `NodeAuthority` over the stored state. Any number of servers may run over one database."""

    def __init__(
        self,
        issuer: Issuer,
        ledger: Ledger,
        keyring: Keyring,
        clock: Callable[[], datetime],
        reviewer: Reviewer | None = None,
        steadiness: Steadiness | None = None,
    ) -> None:
        self._issuer = issuer
        self._ledger = ledger
        self._keyring = keyring
        self._clock = clock
        self._reviewer = reviewer
        self._steadiness = steadiness
        self._doubted = ""
        self._changed = asyncio.Event()
        self._assigned: dict[SpiffeID, tuple[Entry, ...]] = {}
        self._everyone: tuple[int, tuple[Entry, ...]] = (-1, ())
        self._pruned = clock()
        self.failure = ""
        """Why the stored state cannot be followed now; empty while it can."""

    @property
    def state(self) -> State:
        """The state as it was last read."""
        return self._issuer.state

    @property
    def trust_domain(self) -> TrustDomain:
        """The domain that is served."""
        return self.state.trust_domain

    async def run(self) -> None:
        """Follow the stored state until cancelled. Whatever fails is told and tried again."""
        told = self.state.version
        while True:
            await self.catch_up()
            if self.state.version != told:
                told = self.state.version
                self._tell()
            await asyncio.sleep(_PACE)

    async def catch_up(self) -> None:
        """Do what is due, and read what is stored; what fails is told, and remembered as `failure`."""
        try:
            await asyncio.to_thread(self._reconcile)
            self.failure = ""
        except Exception as error:  # whatever it is, those who can be served are
            reason = str(error) if isinstance(error, Failure) else type(error).__name__
            if reason != self.failure:
                _log.error("the domain cannot be followed", reason=reason)
            self.failure = reason
        with contextlib.suppress(IdentityError, StoreError):
            state = await asyncio.to_thread(self._issuer.refresh)
            self._keyring.forget(frozenset(each.id for each in state.authorities if each.believed))

    async def changed(self) -> None:
        """Return when the state has changed."""
        await self._changed.wait()

    async def bundle(self) -> Bundle:
        """The domain's own bundle now."""
        return self.state.bundle

    async def attest_join(self, token: str, request: bytes) -> Admission:
        """Use a join token up and certify its agent; raises RefusedError for one that is unknown, used or expired."""
        digest = join_token.digest(token)
        now = self._clock()

        def use(change: Change) -> None:
            kept = _join_token(change.connection, digest)
            kept.redeem(token, now)
            row = tables.join_token.c.digest == digest
            change.connection.execute(update(tables.join_token).where(row).values(used_at=text(now)))
            change.record(Event("node.attested", _node(kept.spiffe_id), {"method": "join token"}))

        def look() -> SpiffeID:
            with self._issuer.database.read() as connection:
                kept = _join_token(connection, digest)
            kept.redeem(token, now)
            return kept.spiffe_id

        return await self._admitted(await self._threaded(look), "join token", request, use)

    async def attest_kubernetes(self, token: str, request: bytes) -> Admission:
        """Have a projected service-account token reviewed and certify its agent."""
        if self._reviewer is None:
            raise RefusedError("this server takes no Kubernetes tokens", "start it with the cluster's settings")
        found = await self._reviewer.review(token)
        agent, method = found.id(self.trust_domain), "service account token"
        facts: dict[str, Detail] = {
            "method": method,
            "service_account": found.service_account,
            "pod_uid": found.pod_uid,
            "node_name": found.node_name,
        }
        attested = Event("node.attested", _node(agent), facts)
        return await self._admitted(agent, method, request, lambda change: change.record(attested))

    async def renew(self, agent: SpiffeID, request: bytes) -> Admission:
        """The agent's next certificate."""
        return await self._admitted(agent, "", request, lambda _: None)

    async def admit(self, agent: SpiffeID, serial: str) -> None:
        """Raise RefusedError where the agent is banned or unknown, or this is not a current certificate of it."""
        row = await self._threaded(lambda: self._node(agent))
        if row is None:
            raise RefusedError(f"`{agent}` is unknown", "let it join anew with another token")
        # Neither word is enough alone: the row is of this moment, and the state nobody can have altered.
        if row.banned or (agent in self.state.banned and agent in (await self._threaded(self._issuer.refresh)).banned):
            raise _banned(agent)
        if serial not in row.serial.split():
            raise RefusedError(f"`{agent}` shows a certificate that was replaced", "another agent has joined as it")

    def upstream(self, agent: SpiffeID) -> Upstream:
        """What this agent may do and see."""
        return _Local(self, agent)

    async def mint(self, agent: SpiffeID, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        """As `Upstream` has it."""
        return await self._threaded(lambda: self._issuer.mint(agent, asks))

    async def mint_token(self, agent: SpiffeID, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        """As `Upstream` has it."""
        return await self._threaded(lambda: self._issuer.mint_token(agent, entry, audience, witness))

    async def states(self, agent: SpiffeID) -> AsyncGenerator[NodeState, None]:
        """As `Upstream` has it."""
        last: NodeState | None = None
        while True:
            changed = self._changed
            state = self._node_state(agent)
            if state != last:
                last = state
                yield state
            await changed.wait()

    async def applied(self, agent: SpiffeID, version: int) -> None:
        """Remember how far the agent follows; raises RefusedError for a version that there is not yet."""

        def write(change: Change) -> None:
            newest = stored_version(change.connection)
            if version > newest:
                raise RefusedError(f"there is no version {version} of the domain", f"the newest is {newest}")
            values = {"applied_version": version, "seen_at": text(self._clock())}
            row = tables.node.c.spiffe_id == str(agent)
            change.connection.execute(update(tables.node).where(row).values(values))

        await self._change(write)

    async def report(self, agent: SpiffeID, deliveries: Sequence[Delivery]) -> None:
        """Record who was handed what; what was never issued as that, or ended long ago, was handed to nobody."""

        def record(change: Change) -> None:
            columns = tables.issuance.c
            told = {delivery.serial: str(delivery.spiffe_id) for delivery in deliveries}
            rows = change.connection.execute(
                select(columns.serial, columns.spiffe_id).where(columns.serial.in_(list(told)))
            )
            issued = {(row.serial, row.spiffe_id) for row in rows}
            for delivery in deliveries:
                if (delivery.serial, str(delivery.spiffe_id)) not in issued:
                    continue
                facts: dict[str, Detail] = {"spiffe_id": str(delivery.spiffe_id), "serial": delivery.serial}
                change.record(Event("svid.delivered", workload(agent, delivery.witness), facts))

        await self._change(record)

    async def register(self, agent: SpiffeID, method: str) -> None:
        """Let an agent in that runs in this process, and needs no certificate to reach it."""

        def write(change: Change) -> None:
            self._remember(change, agent, method, "", self._clock() + timedelta(days=36500))

        await self._change(write)

    def _reconcile(self) -> None:
        """Do what is due of rotation; cheap where nothing is."""
        now = self._clock()
        state = self._issuer.refresh()
        kinds = self._rotated(state)
        if plan(state.authorities, now, state.settings.lifetimes, kinds):

            def follow(change: Change) -> Succession:
                succession = Succession(change, self._keyring, now, dict(_SERVER))
                succession.reconcile(kinds)
                return succession

            followed = self._ledger.change(self._issuer.guarded(follow)).result()
            give_up(self._ledger, self._keyring, followed.over, dict(_SERVER))
        if now - self._pruned >= _PRUNE:
            self._ledger.change(self._issuer.guarded(lambda change: _prune(change, now))).result()
            self._pruned = now

    def _rotated(self, state: State) -> tuple[Kind, ...]:
        """What may be rotated by this clock; why it is not everything is told once."""
        if self._steadiness is None:
            return tuple(Kind)
        doubt = self._steadiness.doubt()
        doubt_of_roots = doubt or self._steadiness.doubt_of_roots(state.settings.lifetimes)
        if doubt_of_roots != self._doubted and doubt_of_roots:
            what = "nothing is" if doubt else "roots are not"
            _log.error(f"{what} rotated", reason=doubt_of_roots, help="correct the clock, or restart if it is right")
        self._doubted = doubt_of_roots
        if doubt:
            return ()
        return (Kind.INTERMEDIATE, Kind.JWT) if doubt_of_roots else tuple(Kind)

    async def _admitted(
        self, agent: SpiffeID, method: str, request: bytes, attest: Callable[[Change], None]
    ) -> Admission:
        """A certificate, which is handed out once `attest` and what is remembered of the agent are committed as one.

        A join token that is used up has brought its agent in, whatever stood in the way of a certificate before.
        """
        row = await self._threaded(lambda: self._node(agent))
        if row is not None and row.banned:
            raise _banned(agent)
        issued = await self._threaded(lambda: self._issuer.directly(agent, request, 0, (), _node(agent)))
        [leaf, *_] = path.read(issued.chain)
        serial, ends = f"{leaf.serial_number:x}", leaf.not_valid_after_utc

        def write(change: Change) -> None:
            attest(change)
            self._remember(change, agent, method, serial, ends)

        await self._change(self._issuer.guarded(write) if method else write)
        return Admission(issued.chain, self.state.bundle)

    def _remember(self, change: Change, agent: SpiffeID, method: str, serial: str, ends: datetime) -> None:
        """Keep the agent's newest certificate beside the one before; joining anew (`method`) forgets that one."""
        row = tables.node.c.spiffe_id == str(agent)
        known = change.connection.execute(select(tables.node).where(row)).one_or_none()
        if known is not None and known.banned:
            raise _banned(agent)
        now = text(self._clock())
        before = known.serial.split()[-1:] if known is not None and not method else []
        values: dict[str, str | int] = {"serial": " ".join([*before, serial]), "expires_at": text(ends), "seen_at": now}
        if method:
            values |= {"attested_by": method, "attested_at": now, "applied_version": 0}
        if known is None:
            change.connection.execute(insert(tables.node).values(spiffe_id=str(agent), banned=0, **values))
        else:
            change.connection.execute(update(tables.node).where(row).values(values))

    def _node(self, agent: SpiffeID) -> Row[Any] | None:
        with self._issuer.database.read() as connection:
            row = tables.node.c.spiffe_id == str(agent)
            return connection.execute(select(tables.node).where(row)).one_or_none()

    def _node_state(self, agent: SpiffeID) -> NodeState:
        state = self.state
        return NodeState(
            state.version, self._entries(state, agent), state.bundle, state.federated, state.reissue, state.denied
        )

    def _entries(self, state: State, agent: SpiffeID) -> tuple[Entry, ...]:
        """The entries of this agent: one tuple for all that share it, and the same again while it is equal."""
        if self._everyone[0] != state.version:
            entries = tuple(entry for entry in state.entries.values() if not entry.nodes)
            self._everyone = (state.version, entries if entries != self._everyone[1] else self._everyone[1])
        own = tuple(entry for entry in state.entries.values() if agent in entry.nodes)
        if not own:
            return self._everyone[1]
        mine = self._everyone[1] + own
        if mine != self._assigned.get(agent):
            self._assigned[agent] = mine
        return self._assigned[agent]

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _change(self, do: Callable[[Change], T]) -> T:
        try:
            return await asyncio.wrap_future(self._ledger.change(do))
        except (StoreError, AuditError) as error:
            raise UnavailableError(error.message, error.help) from error

    async def _threaded(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except (StoreError, AuditError) as error:
            raise UnavailableError(error.message, error.help) from error


class _Local:
    """An `Upstream` for one agent."""

    def __init__(self, server: Server, agent: SpiffeID) -> None:
        self._server = server
        self._agent = agent

    async def mint(self, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        return await self._server.mint(self._agent, asks)

    async def mint_token(self, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        return await self._server.mint_token(self._agent, entry, audience, witness)

    def states(self) -> AsyncGenerator[NodeState, None]:
        return self._server.states(self._agent)

    async def applied(self, version: int) -> None:
        await self._server.applied(self._agent, version)

    async def report(self, deliveries: Sequence[Delivery]) -> None:
        await self._server.report(self._agent, deliveries)


def _join_token(connection: Connection, digest: str) -> JoinToken:
    found = connection.execute(select(tables.join_token).where(tables.join_token.c.digest == digest)).one_or_none()
    if found is None:
        raise join_token.unknown()
    used_at = moment(found.used_at) if found.used_at else None
    return JoinToken(found.digest, parse(found.spiffe_id), moment(found.expires_at), used_at)


def _banned(agent: SpiffeID) -> RefusedError:
    return RefusedError(f"`{agent}` is banned", "`licet identity agents permit` takes that back")


def _node(agent: SpiffeID) -> dict[str, Detail]:
    return {"type": "node", "id": str(agent)}


def _prune(change: Change, now: datetime) -> None:
    """Forget what has expired: the log remembers it."""
    change.connection.execute(delete(tables.issuance).where(tables.issuance.c.not_after < text(now)))
    change.connection.execute(delete(tables.join_token).where(tables.join_token.c.expires_at < text(now)))
