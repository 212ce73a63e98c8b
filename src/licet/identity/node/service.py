"""The server's side of the protocol between agents and servers."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, NoReturn, TypeAlias, TypeVar

import grpc
import structlog

from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.node import tls, wire
from licet.identity.node.authority import NodeAuthority
from licet.identity.node.changes import Telling
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.proto import node_pb2_grpc as rpc
from licet.identity.node.upstream import NodeState, Upstream
from licet.identity.tally import Tally

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_Answer = TypeVar("_Answer")
_Clock = Callable[[], datetime]
_log = structlog.get_logger("licet.identity.node")


class JoinService(rpc.JoinServicer):
    """For everybody: what an agent can ask before it has a certificate."""

    def __init__(self, authority: NodeAuthority, refused: Tally | None = None) -> None:
        self._authority = authority
        self._refused = refused or Tally()

    async def Roots(self, request: pb.RootsRequest, context: Context) -> pb.RootsResponse:  # noqa: ARG002 - gRPC's order
        """The roots of the domain."""
        return await _answering(context, self._roots())

    async def Attest(self, request: pb.AttestRequest, context: Context) -> pb.Admission:
        """A certificate for a token."""
        return await _answering(context, self._counted(self._attest(request, context)))

    async def _roots(self) -> pb.RootsResponse:
        return pb.RootsResponse(x509=(await self._authority.bundle()).x509)

    async def _counted(self, admission: Awaitable[pb.Admission]) -> pb.Admission:
        try:
            return await admission
        except (MalformedError, RefusedError):
            self._refused.add("attestation")
            raise

    async def _attest(self, request: pb.AttestRequest, context: Context) -> pb.Admission:
        tls.refuse_old_tls(_auth(context))
        csr = wire.csr(request.csr)
        match request.WhichOneof("proof"):
            case "join_token":
                admission = await self._authority.attest_join(wire.token(request.join_token), csr)
            case "kubernetes_token":
                admission = await self._authority.attest_kubernetes(wire.token(request.kubernetes_token), csr)
            case _:
                raise MalformedError("nothing that proves which node this is", "a join token or a Kubernetes token")
        return wire.admission_message(admission)


class NodeService(rpc.NodeServicer):
    """For attested agents. Who calls is what the certificate of the connection says, and nothing else."""

    def __init__(
        self,
        authority: NodeAuthority,
        material: Callable[[], tls.Material],
        clock: _Clock,
        refused: Tally | None = None,
    ) -> None:
        self._authority = authority
        self._refused = refused or Tally()
        self._material = material
        self._clock = clock
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End the streams, so that agents turn to another server."""
        self._leaving.set()

    async def Mint(self, request: pb.MintRequest, context: Context) -> pb.MintResponse:
        """Certificates for a batch of requests."""
        return await _answering(context, self._mint(request, context))

    async def MintToken(self, request: pb.MintTokenRequest, context: Context) -> pb.MintTokenResponse:
        """A JWT-SVID."""
        return await _answering(context, self._mint_token(request, context))

    async def States(self, request: pb.StatesRequest, context: Context) -> AsyncIterator[pb.State]:
        """States until the agent's certificate ends, the agent is banned or the server leaves."""
        agent = await _answering(context, self._peer(context))
        telling = Telling(request.mark)
        states = self._authority.upstream(agent.spiffe_id).states()
        leaving = asyncio.ensure_future(self._leaving.wait())
        try:
            while True:
                state = await _answering(context, self._following(states, context, leaving))
                yield telling.message(state)
        finally:
            leaving.cancel()

    async def Applied(self, request: pb.AppliedRequest, context: Context) -> pb.AppliedResponse:
        """Note what the agent follows."""
        return await _answering(context, self._applied(request, context))

    async def Report(self, request: pb.ReportRequest, context: Context) -> pb.ReportResponse:
        """Record deliveries."""
        return await _answering(context, self._report(request, context))

    async def Renew(self, request: pb.RenewRequest, context: Context) -> pb.Admission:
        """The agent's next certificate."""
        return await _answering(context, self._renew(request, context))

    async def _mint(self, request: pb.MintRequest, context: Context) -> pb.MintResponse:
        asks = wire.asks(request)
        answers = await (await self._upstream(context)).mint(asks)
        return wire.answers_message(answers)

    async def _mint_token(self, request: pb.MintTokenRequest, context: Context) -> pb.MintTokenResponse:
        audiences, witness = wire.audiences(request.audience), wire.witness(request.witness)
        token = await (await self._upstream(context)).mint_token(request.entry, audiences, witness)
        return pb.MintTokenResponse(token=token)

    async def _applied(self, request: pb.AppliedRequest, context: Context) -> pb.AppliedResponse:
        await (await self._upstream(context)).applied(request.version)
        return pb.AppliedResponse()

    async def _report(self, request: pb.ReportRequest, context: Context) -> pb.ReportResponse:
        deliveries = wire.deliveries(request)
        await (await self._upstream(context)).report(deliveries)
        return pb.ReportResponse()

    async def _renew(self, request: pb.RenewRequest, context: Context) -> pb.Admission:
        csr = wire.csr(request.csr)
        agent = await self._peer(context)
        return wire.admission_message(await self._authority.renew(agent.spiffe_id, csr))

    async def _following(
        self, states: AsyncIterator[NodeState], context: Context, leaving: asyncio.Task[Literal[True]]
    ) -> NodeState:
        agent = await self._peer(context)
        step = asyncio.ensure_future(_next(states))
        left = (agent.not_after - self._clock()).total_seconds()
        try:
            await asyncio.wait([step, leaving], timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                raise UnavailableError("the server is stopping", "the agent turns to another, or tries again")
            if not step.done():
                raise RefusedError(f"the certificate of `{agent.spiffe_id}` has ended", "the agent renews it")
            state = step.result()
        finally:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
        await self._peer(context)
        return state

    async def _upstream(self, context: Context) -> Upstream:
        return self._authority.upstream((await self._peer(context)).spiffe_id)

    async def _peer(self, context: Context) -> tls.Peer:
        try:
            return await self._admitted(context)
        except RefusedError:
            self._refused.add("certificate")
            raise

    async def _admitted(self, context: Context) -> tls.Peer:
        try:
            agent = tls.peer(_auth(context), self._authority.trust_domain, self._material().roots, self._clock())
        except MalformedError as error:
            raise RefusedError(error.message, error.help) from error
        await self._authority.admit(agent.spiffe_id, agent.serial)
        return agent


async def _next(states: AsyncIterator[NodeState]) -> NodeState:
    try:
        return await anext(states)
    except StopAsyncIteration:
        raise UnavailableError("the server has no more to say", "the agent tries again") from None


def _auth(context: Context) -> dict[str, list[bytes]]:
    return {key: list(values) for key, values in context.auth_context().items()}


async def _answering(context: Context, answer: Awaitable[_Answer]) -> _Answer:
    """The answer, or the end of the call in words; an unforeseen error has none that the agent is shown."""
    try:
        return await answer
    except IdentityError as error:
        await _end(context, wire.status(error), error.message, error.help)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        # Neither its words nor the values of its frames: a token or a key could be among them.
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("a call of an agent failed", error=type(error).__name__, where=where)
        await _end(context, grpc.StatusCode.INTERNAL, "the server failed", "look into the server's log")


async def _end(context: Context, code: grpc.StatusCode, message: str, help: str) -> NoReturn:
    await context.abort(code, wire.line(message), ((wire.HELP, wire.line(help).encode()),))
    raise AssertionError("an aborted call goes on")
