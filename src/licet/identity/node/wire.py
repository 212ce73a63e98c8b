"""Values of a node as messages, and back. What a stranger sent becomes a value or a MalformedError."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import grpc
import msgspec

from licet.identity import bundle_document, path, request
from licet.identity.bundle import Bundle
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.node.authority import Admission
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.upstream import Ask, Delivery, Issued, Refusal, Witness
from licet.identity.spiffeid import TrustDomain, parse

MOST_ASKS = 512
"""Asks of one batch, deliveries of one report."""
MOST_SELECTORS = 1024
LONGEST_TEXT = 4096
"""Characters of an entry's id, a selector, an audience."""
MOST_AUDIENCES = 64
LONGEST_TOKEN = 16 * 1024
HELP = "licet-help-bin"

_STATUS = {
    MalformedError: grpc.StatusCode.INVALID_ARGUMENT,
    RefusedError: grpc.StatusCode.PERMISSION_DENIED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
}
_REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


def status(error: IdentityError) -> grpc.StatusCode:
    """How a call ends that met this error; one that is of no kind is a refusal."""
    return _STATUS.get(type(error), grpc.StatusCode.PERMISSION_DENIED)


def error(failure: grpc.aio.AioRpcError) -> RefusedError | UnavailableError:
    """What a call that failed means for an agent."""
    trailer = dict(failure.trailing_metadata() or ()).get(HELP, b"")
    help = trailer.decode(errors="replace") if isinstance(trailer, bytes) else trailer
    message = line(failure.details() or "the server gave no reason")
    if failure.code() in _REFUSALS:
        return RefusedError(message, line(help) or "look into the server's log")
    return UnavailableError(message, line(help) or "see whether the server is reachable")


def line(text: str) -> str:
    """What the other end says, on one line and not too much of it."""
    return " ".join(text.split())[:500]


def witness_message(witness: Witness) -> pb.Witness:
    """A witness to send."""
    return pb.Witness(pid=witness.pid, uid=witness.uid, gid=witness.gid, selectors=witness.selectors)


def witness(message: pb.Witness) -> Witness:
    """The witness that was sent."""
    _most("selectors", len(message.selectors), MOST_SELECTORS)
    return Witness(message.pid, message.uid, message.gid, tuple(_text("selector", s) for s in message.selectors))


def asks_message(asks: Iterable[Ask]) -> pb.MintRequest:
    """A batch to send."""
    return pb.MintRequest(
        asks=[pb.Ask(entry=ask.entry, csr=ask.request, witness=witness_message(ask.witness)) for ask in asks]
    )


def asks(message: pb.MintRequest) -> tuple[Ask, ...]:
    """The batch that was sent."""
    _most("asks", len(message.asks), MOST_ASKS)
    return tuple(Ask(_text("entry", ask.entry), csr(ask.csr), witness(ask.witness)) for ask in message.asks)


def csr(data: bytes) -> bytes:
    """A certificate request that is no longer than they get."""
    if not 0 < len(data) <= request.LONGEST:
        raise MalformedError(f"a certificate request of {len(data)} bytes", f"1 to {request.LONGEST}")
    return data


def answers_message(answers: Iterable[Issued | Refusal]) -> pb.MintResponse:
    """Answers to send."""
    return pb.MintResponse(answers=[_answer_message(answer) for answer in answers])


def _answer_message(answer: Issued | Refusal) -> pb.Answer:
    match answer:
        case Issued(chain):
            return pb.Answer(issued=pb.Issued(chain=chain))
        case Refusal(message, later):
            return pb.Answer(refusal=pb.Refusal(message=line(message), later=later))


def answers(message: pb.MintResponse, asked: int) -> tuple[Issued | Refusal, ...]:
    """The answers that were sent; raises MalformedError where it is not one for each of those asked."""
    if len(message.answers) != asked:
        raise MalformedError(f"{len(message.answers)} answers to {asked} asks", "one for each")
    return tuple(_answer(answer) for answer in message.answers)


def _answer(message: pb.Answer) -> Issued | Refusal:
    if message.WhichOneof("answer") == "issued":
        return Issued(chain(message.issued.chain))
    return Refusal(line(message.refusal.message) or "no reason was given", message.refusal.later)


def chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    """A chain every part of which can be read."""
    path.read(certificates)
    return tuple(certificates)


def audiences(message: Sequence[str]) -> tuple[str, ...]:
    """The audiences of a token."""
    _most("audiences", len(message), MOST_AUDIENCES)
    if not message:
        raise MalformedError("a token for no audience", "name one at least (JWT-SVID.md 3.2)")
    return tuple(_text("audience", audience) for audience in message)


def deliveries_message(deliveries: Iterable[Delivery]) -> pb.ReportRequest:
    """A report to send."""
    return pb.ReportRequest(
        deliveries=[
            pb.Delivery(spiffe_id=str(each.spiffe_id), serial=each.serial, witness=witness_message(each.witness))
            for each in deliveries
        ]
    )


def deliveries(message: pb.ReportRequest) -> tuple[Delivery, ...]:
    """The report that was sent."""
    _most("deliveries", len(message.deliveries), MOST_ASKS)
    return tuple(
        Delivery(parse(each.spiffe_id), _text("serial", each.serial), witness(each.witness))
        for each in message.deliveries
    )


@lru_cache(maxsize=256)
def bundle_message(bundle: Bundle) -> pb.Bundle:
    """A bundle to send; it is the same message for the same bundle, and nobody changes it."""
    return pb.Bundle(trust_domain=bundle.trust_domain.name, document=bundle_document.encode(bundle))


def bundle(message: pb.Bundle) -> Bundle:
    """The bundle that was sent."""
    return bundle_document.decode(message.document, TrustDomain(message.trust_domain))


def admission_message(admission: Admission) -> pb.Admission:
    """An admission to send."""
    return pb.Admission(chain=admission.chain, bundle=bundle_message(admission.bundle))


def admission(message: pb.Admission) -> Admission:
    """The admission that was sent."""
    return Admission(chain(message.chain), bundle(message.bundle))


def token(text: str) -> str:
    """A token that is no longer than they get; the text never stands in an error."""
    if not 0 < len(text) <= LONGEST_TOKEN:
        raise MalformedError(f"a token of {len(text)} characters", f"1 to {LONGEST_TOKEN}")
    return text


def _text(what: str, text: str) -> str:
    if not 0 < len(text) <= LONGEST_TEXT:
        raise MalformedError(f"the {what} has {len(text)} characters", f"1 to {LONGEST_TEXT}")
    return text


def _most(what: str, count: int, most: int) -> None:
    if count > most:
        raise MalformedError(f"{count} {what} in one message", f"{most} at most")


MISREAD = (MalformedError, msgspec.MsgspecError, UnicodeDecodeError)
"""Everything that reading a message raises."""
