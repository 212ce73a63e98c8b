"""What is decided of one request: by the same rules that sidecars are given, without one."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.diag.place import Place
from licet.mesh.fleet import Fleet
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, From, Proof, Rule, Served, Speaks
from licet.model.addresses import AddressSet
from licet.model.key import Key


class Request(msgspec.Struct, frozen=True):
    """A request to a port of a workload, as its sidecar sees it.

    `identity` is the SPIFFE ID that the certificate says, empty without one; `address` the caller's IP address, empty
    where nobody knows it. `path` is without query and normalised; `method` and it are empty for plain connections.
    """

    port: int
    identity: str = ""
    address: str = ""
    method: str = ""
    path: str = ""


class Decision(msgspec.Struct, frozen=True):
    """Whether it is let through, the name of what said so, and the contract's line behind it."""

    allowed: bool
    rule: str
    place: Place | None = None


def decide(fleet: Fleet, workload: Key, request: Request) -> Decision:
    """The decision on a request to this workload, were it enforced. Whatever no rule speaks of is refused."""
    intent = fleet.intents.get(workload)
    if intent is None:
        return Decision(False, DEFAULT_DENY)
    if request.identity in fleet.denied:
        return Decision(False, REVOKED, intent.place)
    bound = fleet.bound.get(request.identity)
    if bound is not None and request.address not in bound:
        return Decision(False, FOREIGN_ADDRESS, intent.place)
    served = next((each for each in intent.serves if each.port == request.port), None)
    if served is None or (served.strict and not request.identity):
        return Decision(False, DEFAULT_DENY, intent.place)
    rule = next((rule for rule in served.rules if _admits(served, rule, request)), None)
    if rule is None:
        return Decision(False, DEFAULT_DENY, intent.place)
    return Decision(True, rule.name, rule.place)


def _admits(served: Served, rule: Rule, request: Request) -> bool:
    if not known(rule, request):
        return False
    return served.speaks is Speaks.TCP or asks(rule.http, rule.grpc, request.method, request.path)


def known(rule: Rule, request: Request) -> bool:
    """Whether the caller is one that the rule is about, whatever it asks for."""
    match rule.who:
        case Proof(identities=identities):
            return request.identity in identities
        case From(addresses=addresses):
            return bool(request.address and addresses & AddressSet.of([request.address]))


def asks(http: Iterable[HttpMatch], grpc: Iterable[GrpcMatch], method: str, path: str) -> bool:
    """Whether a request is one of these; of none at all every request is."""
    http, grpc = tuple(http), tuple(grpc)
    if not http and not grpc:
        return True
    return any(_http(match, method, path) for match in http) or any(_grpc(match, method, path) for match in grpc)


def _http(match: HttpMatch, method: str, path: str) -> bool:
    """A prefix is one of whole segments: `/v1` is before `/v1/items`, and not before `/v10`."""
    if match.methods and method not in match.methods:
        return False
    if match.exact:
        return path == match.path
    prefix = match.path.rstrip("/")
    return path == prefix or path.startswith(prefix + "/") or not prefix


def _grpc(match: GrpcMatch, method: str, path: str) -> bool:
    if method != "POST":
        return False
    if match.methods:
        return path in {f"/{match.service}/{name}" for name in match.methods}
    return path.startswith(f"/{match.service}/")
