"""Messages between agents and servers to mutate: what an agent sends its server, and what a server sends an agent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message

from licet.identity import pem
from licet.identity.errors import MalformedError, RefusedError
from licet.identity.node import wire
from licet.identity.node.changes import Hearing, Telling
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.service import Context, JoinService, NodeService
from licet.identity.node.upstream import Delivery, Issued, Refusal
from tests.identity.node.plane import DOMAIN, WITNESS, Domain, ask, entries, now

_Message = TypeVar("_Message", bound=Message)
_DOMAIN = Domain()
_DOMAIN.change(entries=entries(3), federated={}, denied=frozenset({DOMAIN.member("/bad")}))
_AGENT = DOMAIN.member("/licet/agent/one")
_SHOWN = _DOMAIN.authorities.material(_AGENT, _DOMAIN.state.own.x509, seconds=86000)
_DOMAIN.remember(_AGENT, _SHOWN.chain)
_AUTH = {"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [pem.certificates(_SHOWN.chain).encode()]}


class _Call:
    """What a handler sees of a call of an attested agent."""

    def auth_context(self) -> dict[str, list[bytes]]:
        return _AUTH

    async def abort(self, code: grpc.StatusCode, details: str, trailing: object) -> NoReturn:
        if code is grpc.StatusCode.INTERNAL:
            raise AssertionError(f"an error that nobody foresaw, {trailing!r}")
        raise RefusedError(details, code.name)


_CALL = cast("Context", _Call())
_NODES = NodeService(_DOMAIN, lambda: _DOMAIN.server, now)
_JOIN = JoinService(_DOMAIN)


def _parsed(kind: type[_Message], data: bytes) -> _Message:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedError("no message", "gRPC refuses it before anybody here sees it") from error


def _handled(
    handler: Callable[[Any, Context], Coroutine[Any, Any, Message]], kind: type[Message]
) -> Callable[[bytes], object]:
    """The answer of a handler, which waits for nothing here."""

    def handle(data: bytes) -> object:
        _DOMAIN.used.clear()
        _DOMAIN.serials[_AGENT] = _DOMAIN.serials[_AGENT][:1]
        for kept in (_DOMAIN.minted, _DOMAIN.deliveries, _DOMAIN.applied):
            kept.clear()
        step = handler(_parsed(kind, data), _CALL)
        try:
            step.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("a handler waits")

    return handle


def _heard(data: bytes) -> object:
    state = Hearing(DOMAIN).state(_parsed(pb.State, data))
    assert state.own.trust_domain == DOMAIN
    assert all(entry.spiffe_id.trust_domain == DOMAIN and not entry.spiffe_id.reserved for entry in state.entries)
    return state


def _answers(data: bytes) -> object:
    return wire.answers(_parsed(pb.MintResponse, data), 2)


def _admission(data: bytes) -> object:
    return wire.admission(_parsed(pb.Admission, data))


_CSR = ask().request
_SENT: dict[str, tuple[Sequence[Message], Callable[[bytes], object]]] = {
    "node-api-mint": ([wire.asks_message([ask(), ask("later")])], _handled(_NODES.Mint, pb.MintRequest)),
    "node-api-token": (
        [pb.MintTokenRequest(entry="web", audience=["db"], witness=wire.witness_message(WITNESS))],
        _handled(_NODES.MintToken, pb.MintTokenRequest),
    ),
    "node-api-report": (
        [wire.deliveries_message([Delivery(DOMAIN.member("/web"), "ab", WITNESS)] * 2)],
        _handled(_NODES.Report, pb.ReportRequest),
    ),
    "node-api-renew": ([pb.RenewRequest(csr=_CSR)], _handled(_NODES.Renew, pb.RenewRequest)),
    "node-api-attest": (
        [pb.AttestRequest(join_token="once", csr=_CSR), pb.AttestRequest(kubernetes_token="projected", csr=_CSR)],
        _handled(_JOIN.Attest, pb.AttestRequest),
    ),
    "node-api-state": ([Telling(b"").message(_DOMAIN.state)], _heard),
    "node-api-answers": ([wire.answers_message([Issued(_SHOWN.chain), Refusal("no", later=True)])], _answers),
    "node-api-admission": (
        [pb.Admission(chain=_SHOWN.chain, bundle=wire.bundle_message(_DOMAIN.state.own))],
        _admission,
    ),
}
KINDS: dict[str, tuple[Sequence[bytes], Callable[[bytes], object]]] = {
    name: ([message.SerializeToString() for message in messages], target) for name, (messages, target) in _SENT.items()
}
