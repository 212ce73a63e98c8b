"""The decision point: answers questions of those who may ask them, and denies whatever it is not sure of."""

from __future__ import annotations

import ipaddress
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from licet.diag.place import Place, Span
from licet.identity.errors import IdentityError
from licet.identity.spiffeid import parse
from licet.mesh.decision import request_path
from licet.mesh.decision.explain import Explained, Reason, Where, explain
from licet.mesh.decision.standing import Standing
from licet.mesh.errors import MeshError
from licet.mesh.intent import DEFAULT_DENY
from licet.mesh.verdict import Request
from licet.model.key import Key

_LAST_PORT = 65535
log = structlog.get_logger()


class Question(msgspec.Struct, frozen=True):
    """What is asked: may this identity, from this address, make this request to this port of a workload.

    `workload` is an id as people are shown it (`shop/cart[Deployment]`). Without one `address_to`, or else
    `identity_to`, says which it is. `identity` and `address` are empty where nobody knows them, `method` and `path`
    for plain connections; `path` may have a query.
    """

    port: int
    workload: str = ""
    address_to: str = ""
    identity_to: str = ""
    identity: str = ""
    address: str = ""
    method: str = ""
    path: str = ""


class Because(msgspec.Struct, frozen=True):
    """Why it was answered so, for programs; `version` is that of the fleet. What there is none of is empty."""

    schema: Literal["licet.dev/decision/v1"]
    reason: Reason
    text: str
    rule: str
    contract: str
    version: str


class Answer(msgspec.Struct, frozen=True):
    """What is answered, by which version of the fleet; the version is empty where there is none."""

    explained: Explained
    version: str

    @property
    def allowed(self) -> bool:
        """Whether it is let through."""
        return self.explained.allowed

    @property
    def because(self) -> Because:
        """Why."""
        why = self.explained
        return Because("licet.dev/decision/v1", why.reason, why.text, why.rule, why.contract, self.version)


class UnsureError(MeshError):
    """A question that has no one answer."""


class Point:
    """Decides by what stands when it is asked; `standing()` is None where nothing is known, or not any more.

    `gateways` are the SPIFFE IDs that may ask about every workload. A workload may ask about itself.
    """

    def __init__(
        self, standing: Callable[[], Standing | None], where: Where, gateways: frozenset[str] = frozenset()
    ) -> None:
        self._standing = standing
        self._where = where
        self._gateways = gateways
        self._lines: tuple[str, dict[Place, Span | None]] = ("", {})

    @property
    def standing(self) -> Standing | None:
        """What is decided by now."""
        return self._standing()

    def answer(self, asker: str | None, question: Question) -> Answer:
        """The answer to whoever proved to be `asker`; never raises for what is asked."""
        standing = self._standing()
        if standing is None:
            return Answer(refused(Reason.NO_STATE, "nothing is known of the mesh now"), "")
        if not asker or asker in standing.fleet.denied:
            return Answer(_may_not(asker), standing.version)
        try:
            workload = _workload(standing, question)
            if asker not in self._gateways and standing.fleet.intents[workload].identity != asker:
                return Answer(_may_not(asker), standing.version)
            explained = explain(standing, workload, _request(question), self._remembered(standing.version))
        except _UnknownError as error:
            # Whoever may not ask about all learns nothing of what there is.
            unknown = refused(Reason.NO_CONTRACT, error.message)
            return Answer(unknown if asker in self._gateways else _may_not(asker), standing.version)
        except (MeshError, IdentityError) as error:
            return Answer(refused(Reason.UNSURE, error.message), standing.version)
        return Answer(explained, standing.version)

    def unreadable(self, message: str) -> Answer:
        """The answer to what is no question."""
        standing = self._standing()
        return Answer(refused(Reason.UNSURE, message), standing.version if standing else "")

    def failed(self, error: Exception) -> Answer:
        """The answer where something went wrong that nobody foresaw: the log is told where, and not what it says."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error("a decision failed", error=type(error).__name__, place=f"{Path(place.filename).name}:{place.lineno}")
        return self.unreadable("the question could not be decided")

    def _remembered(self, version: str) -> Where:
        """Lines are looked up once for each version: that reads a document."""
        if self._lines[0] != version:
            self._lines = (version, {})
        lines = self._lines[1]

        def found(place: Place) -> Span | None:
            if place not in lines:
                lines[place] = self._where(place)
            return lines[place]

        return found


class _UnknownError(MeshError):
    """A workload that no contract speaks of."""


def refused(reason: Reason, text: str) -> Explained:
    """A refusal that no rule was asked for."""
    return Explained(False, DEFAULT_DENY, reason, text)


def _may_not(asker: str | None) -> Explained:
    who = f"`{asker}`" if asker else "who is not known"
    return refused(Reason.NOT_ASKED, f"{who} may not ask this")


def _workload(standing: Standing, question: Question) -> Key:
    """The workload that is meant; raises where that is none, or not one alone."""
    if question.workload:
        named = standing.agreed.by_name.get(question.workload)
    else:
        named = standing.by_address.get(_address(question.address_to))
        if named is None:
            named = standing.agreed.by_identity.get(question.identity_to)
        elif question.identity_to not in ("", standing.fleet.intents[named].identity):
            raise UnsureError("the destination's address and its identity are of two workloads", "name one of them")
    if named is None:
        raise _UnknownError("no contract speaks of the destination", "name a workload as `namespace/name[Kind]`")
    return named


def _request(question: Question) -> Request:
    if not 0 < question.port <= _LAST_PORT:
        raise UnsureError("the question names no port", f"1 to {_LAST_PORT}")
    if question.identity:
        parse(question.identity)
    if bool(question.method) != bool(question.path):
        raise UnsureError("a request has a method and a path", "leave both out for a connection")
    asks = bool(question.method)
    return Request(
        question.port,
        question.identity,
        _address(question.address),
        request_path.verb(question.method) if asks else "",
        request_path.plain(question.path) if asks else "",
    )


def _address(text: str) -> str:
    """An address as it is compared, or none. A block of addresses is no address."""
    if not text:
        return ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise UnsureError("an address cannot be read", "an IP address, without a port") from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise UnsureError("an address has a zone", "an IP address as others see it")
    return str(address)
