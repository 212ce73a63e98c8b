"""A server across the network, as a node sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeVar

import grpc

from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.node import tls, wire
from licet.identity.node.authority import Admission
from licet.identity.node.backoff import backoff
from licet.identity.node.changes import Hearing
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.proto import node_pb2_grpc as rpc
from licet.identity.node.upstream import Ask, Delivery, Issued, NodeState, Refusal, Witness
from licet.identity.spiffeid import TrustDomain

if TYPE_CHECKING:
    from licet.identity.node.proto.node_pb2_grpc import NodeAsyncStub

DEADLINE = 10.0
"""Seconds that one server has for one answer."""
_ELSEWHERE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_Answer = TypeVar("_Answer")


class Papers(Protocol):
    """What an agent shows and believes; both change while it runs."""

    def current(self) -> tls.Material:
        """What holds now; raises UnavailableError where the agent is not attested."""

    async def changed(self, known: tls.Material) -> None:
        """Return once something else is current."""

    async def follow(self, state: NodeState) -> None:
        """Believe the own domain's bundle from now on, and still after a restart; renew what is to be reissued."""

    def refused(self) -> None:
        """A server does not take the certificate that is current."""

    async def settled(self) -> None:
        """Return once the agent's certificate is none that a state wants replaced."""


class _Line:
    """A connection to one server, closed when it was given up and the last call on it has ended."""

    def __init__(self, address: str, material: tls.Material) -> None:
        self.material = material
        self._channel = grpc.aio.secure_channel(address, tls.channel_credentials(material), options=tls.options())
        self.stub: NodeAsyncStub = rpc.NodeStub(self._channel)
        self.calls = 0
        self._given_up = False

    async def give_up(self) -> None:
        self._given_up = True
        await self.settle()

    async def settle(self) -> None:
        if self._given_up and not self.calls:
            await self._channel.close()


class Remote:
    """An `Upstream` over mutual TLS, to whichever of the addresses answers.

    A call that one server does not answer goes to the next; once none answers, calls fail at once until a time drawn at
    random, within bounds that double, is over. New papers are used from the next call on, and calls in flight end
    where they began.
    """

    def __init__(self, addresses: Sequence[str], trust_domain: TrustDomain, papers: Papers, random: Random) -> None:
        assert addresses, "a node has a server"
        self._addresses = tuple(addresses)
        self._papers = papers
        self._random = random
        self._hearing = Hearing(trust_domain)
        self._line: _Line | None = None
        self._turn = random.randrange(len(addresses))
        self._failures = 0
        self._closed_until = 0.0
        self._breaks = 0
        self._stream_after = 0.0

    async def mint(self, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        """One answer for each ask, in order; any number of them."""
        answers: list[Issued | Refusal] = []
        for first in range(0, len(asks), wire.MOST_ASKS):
            batch = asks[first : first + wire.MOST_ASKS]
            message = wire.asks_message(batch)
            answer = await self._call(lambda stub: stub.Mint(message, timeout=DEADLINE))  # noqa: B023
            answers += _read(lambda: wire.answers(answer, len(batch)))  # noqa: B023
        return answers

    async def mint_token(self, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        """A JWT-SVID in compact form."""
        message = pb.MintTokenRequest(entry=entry, audience=audience, witness=wire.witness_message(witness))
        return (await self._call(lambda stub: stub.MintToken(message, timeout=DEADLINE))).token

    async def applied(self, version: int) -> None:
        """Say that this version is followed, once the agent's own certificate is none of those that it replaces.

        Raises UnavailableError where that takes too long: after the answer a server may drop the old root.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                await self._papers.settled()
        except TimeoutError:
            raise UnavailableError("the agent's own certificate is not renewed yet", "the agent tries again") from None
        await self._call(lambda stub: stub.Applied(pb.AppliedRequest(version=version), timeout=DEADLINE))

    async def report(self, deliveries: Sequence[Delivery]) -> None:
        """Have deliveries recorded; any number of them."""
        for first in range(0, len(deliveries), wire.MOST_ASKS):
            message = wire.deliveries_message(deliveries[first : first + wire.MOST_ASKS])
            await self._call(lambda stub: stub.Report(message, timeout=DEADLINE))  # noqa: B023

    async def renew(self, request: bytes) -> Admission:
        """The agent's next certificate."""
        answer = await self._call(lambda stub: stub.Renew(pb.RenewRequest(csr=request), timeout=DEADLINE))
        return _read(lambda: wire.admission(answer))

    async def states(self) -> AsyncGenerator[NodeState, None]:
        """The state now and whenever it changes, until a server goes away; ask again then, which waits first."""
        await asyncio.sleep(max(0.0, self._closed_until - _now(), self._stream_after - _now()))
        last: NodeState | None = None
        while True:
            async with self._using() as line, aclosing(self._until_changed(line)) as states:
                async for state in states:
                    if state != last:
                        yield state
                    last = state

    async def close(self) -> None:
        """Dial no more, and hang up when calls in flight have ended."""
        if self._line is not None:
            await self._line.give_up()
            self._line = None

    async def _until_changed(self, line: _Line) -> AsyncGenerator[NodeState, None]:
        """States over this line, until the papers change."""
        call = line.stub.States(pb.StatesRequest(mark=self._hearing.mark))
        changed = asyncio.ensure_future(self._papers.changed(line.material))
        reading = asyncio.ensure_future(call.read())
        try:
            while True:
                await asyncio.wait([reading, changed], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    return
                message = reading.result()
                state = self._heard(message)
                self._answered()
                self._breaks = 0
                await self._papers.follow(state)
                yield state
                reading = asyncio.ensure_future(call.read())
        except UnavailableError:
            self._broken()
            raise
        except grpc.aio.AioRpcError as failure:
            self._broken()
            if isinstance(wire.error(failure), RefusedError):
                self._papers.refused()
            if failure.code() in _ELSEWHERE:
                await self._failed(line)
            raise wire.error(failure) from None
        finally:
            changed.cancel()
            call.cancel()
            reading.cancel()
            await asyncio.gather(changed, reading, return_exceptions=True)

    async def _call(self, send: Callable[[NodeAsyncStub], Awaitable[_Answer]]) -> _Answer:
        last: grpc.aio.AioRpcError | None = None
        if (left := self._closed_until - _now()) > 0:
            raise UnavailableError("no server answers", f"the next attempt is in {left:.0f} s")
        for _ in self._addresses:
            async with self._using() as line:
                try:
                    answer = await send(line.stub)
                except grpc.aio.AioRpcError as failure:
                    last = failure
                else:
                    self._answered()
                    return answer
            if last.code() not in _ELSEWHERE:
                raise wire.error(last) from None
            await self._failed(line)
        assert last is not None, "there is an address"
        raise wire.error(last) from None

    @asynccontextmanager
    async def _using(self) -> AsyncGenerator[_Line, None]:
        """The line to use now; it stays open for as long as it is used."""
        material = self._papers.current()
        old = line = self._line
        if line is None or line.material is not material:
            line = self._line = _Line(self._addresses[self._turn], material)
        line.calls += 1
        try:
            if old is not None and old is not line:
                await old.give_up()
            yield line
        finally:
            line.calls -= 1
            await line.settle()

    def _broken(self) -> None:
        self._breaks += 1
        self._stream_after = _now() + backoff(self._breaks, self._random)

    def _answered(self) -> None:
        self._failures = 0
        self._closed_until = 0.0

    def _heard(self, message: object) -> NodeState:
        if not isinstance(message, pb.State):
            raise UnavailableError("the server ended the stream", "the agent tries again")
        return _read(lambda: self._hearing.state(message))

    async def _failed(self, line: _Line) -> None:
        """Turn to the next server; all calls on one line that fail together are one failure."""
        if self._line is not line:
            return
        self._line = None
        self._turn = (self._turn + 1) % len(self._addresses)
        self._failures += 1
        rounds, turned = divmod(self._failures, len(self._addresses))
        if not turned:
            self._closed_until = _now() + backoff(rounds, self._random)
        await line.give_up()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _read(read: Callable[[], _Answer]) -> _Answer:
    """What a server sent; one that sends something else is as good as none."""
    try:
        return read()
    except MalformedError as error:
        raise UnavailableError(error.message, error.help) from error
