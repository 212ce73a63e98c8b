"""Questions and answers of the AuthZEN Authorization API 1.0, as values.

A subject is of type `spiffe` with a SPIFFE ID, or of type `address` with an IP address where it has no identity. A
resource is of type `workload`, by its id, with the property `port`. An action is `connect`, `http` with the properties
`method` and `path`, or `grpc` with `service` and `method`. The context may hold the subject's `address`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from licet.identity.errors import MalformedError
from licet.mesh.decision.point import Answer, Because, Point, Question

MOST = 1000
"""Evaluations of one request."""
_SERVICE = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*", re.ASCII)
_METHOD = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


class Semantic(enum.StrEnum):
    """When a batch ends (7.1.2.1)."""

    ALL = "execute_all"
    FIRST_DENY = "deny_on_first_deny"
    FIRST_PERMIT = "permit_on_first_permit"


class Subject(msgspec.Struct, frozen=True):
    """Who asks for access."""

    type: str
    id: str


class Port(msgspec.Struct, frozen=True):
    """What is said of a workload as a resource."""

    port: int


class Resource(msgspec.Struct, frozen=True):
    """What access is asked to."""

    type: str
    id: str
    properties: Port


class Asked(msgspec.Struct, frozen=True):
    """What is said of an action; whatever it is not about is left out."""

    method: str = ""
    path: str = ""
    service: str = ""


class Action(msgspec.Struct, frozen=True):
    """What is to be done."""

    name: str
    properties: Asked = Asked()


class Surroundings(msgspec.Struct, frozen=True):
    """The context of a question."""

    address: str = ""


class Evaluation(msgspec.Struct, frozen=True):
    """One question; what it leaves out, the batch that it stands in says."""

    subject: Subject | None = None
    resource: Resource | None = None
    action: Action | None = None
    context: Surroundings | None = None


class Options(msgspec.Struct, frozen=True):
    """How a batch is gone through."""

    evaluations_semantic: Semantic = Semantic.ALL


class Batch(Evaluation, frozen=True):
    """Questions with what they have in common; without any it is itself one (7.1)."""

    evaluations: tuple[Evaluation, ...] = ()
    options: Options = Options()


class Decision(msgspec.Struct, frozen=True):
    """What is answered to one question."""

    decision: bool
    context: Because


class Decisions(msgspec.Struct, frozen=True):
    """What is answered to a batch, in its order, as far as it was gone through."""

    evaluations: tuple[Decision, ...]


def read(body: bytes) -> Batch:
    """A question, or several; raises MalformedError for what is neither, whole or in a part."""
    try:
        batch = msgspec.json.decode(body, type=Batch)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedError("the request cannot be read", "JSON of the AuthZEN Authorization API 1.0") from None
    if len(batch.evaluations) > MOST:
        raise MalformedError(f"{len(batch.evaluations)} evaluations at once", f"{MOST} at most")
    return batch


def evaluate(point: Point, asker: str | None, one: Evaluation) -> Decision:
    """The answer to one question; raises MalformedError where a part of it is missing."""
    return _decision(point.answer(asker, _question(one)))


def evaluate_all(point: Point, asker: str | None, batch: Batch) -> Decision | Decisions:
    """The answers to a batch. A question that is wrong in itself is denied, and spoils no other."""
    if not batch.evaluations:
        return evaluate(point, asker, batch)
    return Decisions(tuple(_through(point, asker, batch)))


def _through(point: Point, asker: str | None, batch: Batch) -> Iterator[Decision]:
    semantic = batch.options.evaluations_semantic
    for one in batch.evaluations:
        try:
            decided = evaluate(point, asker, _complete(one, batch))
        except MalformedError as error:
            decided = _decision(point.unreadable(error.message))
        yield decided
        if semantic is (Semantic.FIRST_PERMIT if decided.decision else Semantic.FIRST_DENY):
            return


def _complete(one: Evaluation, batch: Batch) -> Evaluation:
    return Evaluation(
        one.subject or batch.subject,
        one.resource or batch.resource,
        one.action or batch.action,
        one.context or batch.context,
    )


def _question(one: Evaluation) -> Question:
    if one.subject is None or one.resource is None or one.action is None:
        raise MalformedError("the question is not complete", "`subject`, `resource` and `action`")
    if one.resource.type != "workload" or not one.resource.id:
        raise MalformedError("the resource is of a type that nothing is known of", "`workload`, with its id")
    identity, address = _who(one.subject, one.context or Surroundings())
    method, path = _asks(one.action)
    return Question(
        port=one.resource.properties.port,
        workload=one.resource.id,
        identity=identity,
        address=address,
        method=method,
        path=path,
    )


def _who(subject: Subject, context: Surroundings) -> tuple[str, str]:
    match subject.type:
        case "spiffe" if subject.id:
            return subject.id, context.address
        case "address" if subject.id and context.address in ("", subject.id):
            return "", subject.id
    raise MalformedError("the subject is of a type that nothing is known of", "`spiffe` or `address`, with its id")


def _asks(action: Action) -> tuple[str, str]:
    asked = action.properties
    match action.name:
        case "connect" if asked == Asked():
            return "", ""
        case "http" if asked.method and asked.path and not asked.service:
            return asked.method, asked.path
        case "grpc" if _SERVICE.fullmatch(asked.service) and _METHOD.fullmatch(asked.method) and not asked.path:
            return "POST", f"/{asked.service}/{asked.method}"
    raise MalformedError(
        "the action is none that is decided on",
        "`connect`, `http` with method and path, `grpc` with service and method",
    )


def _decision(answer: Answer) -> Decision:
    return Decision(answer.allowed, answer.because)


def encode(answer: Any) -> bytes:
    """The bytes of an answer: equal answers have equal ones."""
    return msgspec.json.encode(answer)
