"""The traffic of a platform: every call that is agreed, some that are not, and what has to become of each."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, cycle
from random import Random

import msgspec

from licet.app.up import orders
from licet.app.up.orders import Protocol, Result, Way
from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import Call, Callee, Intent, Served, Speaks
from licet.mesh.sidecar import Sidecar
from licet.mesh.verdict import Request, decide
from licet.model.key import Key

_GRPC = (Protocol.GRPC, Protocol.GRPC_STREAM)
_ANY = GrpcMatch("licet.Any")
_UNUSUAL = {"CONNECT": 2, "TRACE": 1}
"""Methods that are not chosen where there is another: the first asks for a tunnel, proxies refuse the second."""


class Cause(enum.Enum):
    """Why a call is made: it is agreed, or it is another one, of one of these kinds."""

    DECLARED = "declared"
    STRANGER = "undeclared caller"
    OTHER_PORT = "undeclared port"
    OTHER_REQUEST = "undeclared request"
    NO_CERTIFICATE = "no certificate"


class Expected(enum.Enum):
    """What the callee's sidecar is to do and to say of it."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    WOULD_BE_REFUSED = "would be refused"

    @property
    def result(self) -> Result:
        """What the caller sees of it."""
        return Result.REFUSED if self is Expected.REFUSED else Result.ALLOWED


class Planned(msgspec.Struct, frozen=True):
    """A call from one workload to a port of another.

    `rule` names what allows or refuses it. It is empty where none does: a connection without a certificate ends in the
    handshake, before any rule, and its caller is known to nobody but the plan.
    """

    caller: Key
    callee: Key
    port: int
    cause: Cause
    expected: Expected
    rule: str
    call: orders.Call


class Unplanned(msgspec.Struct, frozen=True):
    """An agreed call that is not made, and why not."""

    caller: Key
    name: str
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """The calls of one round. Their numbers are their positions."""

    calls: tuple[Planned, ...]
    unplanned: tuple[Unplanned, ...]

    def parts(self, size: int) -> Sequence[Mapping[Key, Sequence[orders.Call]]]:
        """A round cut into parts, at most `size` calls of each workload in one."""
        by_caller: dict[Key, list[orders.Call]] = {}
        for each in self.calls:
            by_caller.setdefault(each.caller, []).append(each.call)
        longest = max(map(len, by_caller.values()), default=0)
        return [
            {caller: part for caller, calls in by_caller.items() if (part := calls[begin : begin + size])}
            for begin in range(0, longest, size)
        ]


class Edge(msgspec.Struct, frozen=True, order=True):
    """Calls of one workload to a port of another; without a caller, those that showed no certificate."""

    callee: Key
    port: int
    caller: Key | None


class Counts(msgspec.Struct, frozen=True):
    """How often each happened on an edge."""

    allowed: int = 0
    refused: int = 0
    would_be_refused: int = 0


def plan(fleet: Fleet, sidecars: Mapping[Key, Sidecar], seed: int, undeclared: int) -> Plan:
    """Every agreed call in each protocol that it allows, and `undeclared` others, if there are as many.

    What is expected follows from the rules that the sidecars are given, by their one verdict. Undeclared calls go past
    the caller's own sidecar to the callee's, as those of a program that means harm would; of each kind there are as
    many as of the next, where there are enough. The same arguments make the same plan.
    """
    planner = _Planner(fleet, sidecars)
    declared = list(planner.declared())
    chosen = _chosen([list(kind) for kind in planner.undeclared()], Random(seed), undeclared)
    return Plan(
        tuple(
            msgspec.structs.replace(each, call=msgspec.structs.replace(each.call, number=number))
            for number, each in enumerate([*declared, *chosen])
        ),
        tuple(planner.unplanned),
    )


def expected_edges(calls: Iterable[Planned]) -> Mapping[Edge, Counts]:
    """What sidecars are to have seen when each of these was made: those of several rounds are given several times."""
    counted: dict[Edge, Counts] = {}
    for each in calls:
        edge = Edge(each.callee, each.port, None if each.cause is Cause.NO_CERTIFICATE else each.caller)
        before = counted.get(edge, Counts())
        counted[edge] = Counts(
            before.allowed + (each.expected is Expected.ALLOWED),
            before.refused + (each.expected is Expected.REFUSED),
            before.would_be_refused + (each.expected is Expected.WOULD_BE_REFUSED),
        )
    return counted


class _Asked(msgspec.Struct, frozen=True):
    protocol: Protocol
    method: str = ""
    path: str = ""


class _Planner:
    def __init__(self, fleet: Fleet, sidecars: Mapping[Key, Sidecar]) -> None:
        self._fleet = fleet
        self._sidecars = sidecars
        self._intents = {key: fleet.intents[key] for key in sorted(fleet.intents) if key in sidecars}
        self.unplanned: list[Unplanned] = []

    def declared(self) -> Iterator[Planned]:
        for caller, intent in self._intents.items():
            for call in intent.calls:
                yield from self._agreed(caller, call)

    def undeclared(self) -> Iterator[Iterator[Planned]]:
        """The candidates of each kind."""
        yield self._others(Cause.STRANGER)
        yield self._others(Cause.OTHER_PORT)
        yield self._other_requests()
        yield self._without_certificate()

    def _agreed(self, caller: Key, call: Call) -> Iterator[Planned]:
        match call.to:
            case Callee(key=callee) if callee in self._intents:
                pass
            case Callee(key=callee):
                self.unplanned.append(Unplanned(caller, call.name, f"`{callee}` has no contract, and no sidecar"))
                return
            case _:
                self.unplanned.append(Unplanned(caller, call.name, "it leads out of the platform"))
                return
        for port in _ports(call):
            if self._served(callee, port) is None:
                self.unplanned.append(Unplanned(caller, call.name, f"`{callee}` does not serve {port}"))
                continue
            for asked in _requests(call):
                yield self._planned(Cause.DECLARED, Way.EXIT, caller, callee, port, asked)

    def _others(self, cause: Cause) -> Iterator[Planned]:
        """Whatever may be asked for on ports that a caller has no agreement on, by its own certificate."""
        protocols = cycle((Protocol.HTTP1, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_STREAM))
        for caller, intent in self._intents.items():
            known = {call.to.key for call in intent.calls if isinstance(call.to, Callee)}
            agreed = set(_agreed_ports(intent))
            for callee, served in self._ports():
                kind = Cause.OTHER_PORT if callee in known else Cause.STRANGER
                if callee == caller or kind is not cause or (callee, served.port) in agreed:
                    continue
                asked = _anything(served, protocols)
                yield from self._refused(cause, Way.DIRECT, caller, callee, served.port, asked)

    def _other_requests(self) -> Iterator[Planned]:
        """Requests that an agreement does not hold, where it holds some."""
        for caller, intent in self._intents.items():
            for call in intent.calls:
                if not isinstance(call.to, Callee) or not (call.http or call.grpc):
                    continue
                for port in _ports(call):
                    if call.to.key not in self._intents or self._served(call.to.key, port) is None:
                        continue
                    for asked in _beyond(call):
                        yield from self._refused(Cause.OTHER_REQUEST, Way.DIRECT, caller, call.to.key, port, asked)

    def _without_certificate(self) -> Iterator[Planned]:
        protocols = cycle((Protocol.HTTP1, Protocol.HTTP2, Protocol.GRPC))
        callers = cycle(self._intents)
        for callee, served in self._ports():
            caller = next(each for each in callers if each != callee or len(self._intents) == 1)
            if served.strict and self._fleet.stage(self._sidecars[callee].id) is Stage.ENFORCE:
                asked = _anything(served, protocols)
                yield from self._refused(Cause.NO_CERTIFICATE, Way.BARE, caller, callee, served.port, asked)

    def _refused(self, cause: Cause, way: Way, caller: Key, callee: Key, port: int, asked: _Asked) -> Iterator[Planned]:
        """The call, unless it is agreed after all: by another entry, or to an identity that workloads share."""
        planned = self._planned(cause, way, caller, callee, port, asked)
        if planned.expected is not Expected.ALLOWED:
            yield planned

    def _planned(self, cause: Cause, way: Way, caller: Key, callee: Key, port: int, asked: _Asked) -> Planned:
        own, other = self._sidecars[caller], self._sidecars[callee]
        bare = way is Way.BARE
        request = Request(port, "" if bare else own.identity, own.address, asked.method, asked.path)
        decision = decide(self._fleet, callee, request)
        stage = self._fleet.stage(other.id)
        if decision.allowed or stage is Stage.OBSERVE:
            expected = Expected.ALLOWED
        else:
            expected = Expected.WOULD_BE_REFUSED if stage is Stage.SHADOW else Expected.REFUSED
        unheard = bare and expected is Expected.REFUSED
        host, at = (other.address, port) if way is not Way.EXIT else _host_port(own.exits[f"{callee}:{port}"])
        call = orders.Call(0, asked.protocol, way, host, at, str(callee), (other.identity,), asked.method, asked.path)
        return Planned(caller, callee, port, cause, expected, "" if unheard else decision.rule, call)

    def _ports(self) -> Iterator[tuple[Key, Served]]:
        for key, intent in self._intents.items():
            yield from ((key, served) for served in intent.serves)

    def _served(self, callee: Key, port: int) -> Served | None:
        return next((each for each in self._intents[callee].serves if each.port == port), None)


def _chosen(kinds: Sequence[Sequence[Planned]], random: Random, most: int) -> list[Planned]:
    """As many of each kind as of the next, in an order of chance."""
    shuffled = [random.sample(kind, len(kind)) for kind in kinds]
    chosen: list[Planned] = []
    for position in count():
        row = [kind[position] for kind in shuffled if position < len(kind)]
        if not row or len(chosen) >= most:
            return chosen[:most]
        chosen += row
    raise AssertionError


def _requests(call: Call) -> Iterator[_Asked]:
    """One request that the agreement holds, in each protocol that it may be made in."""
    if call.speaks is Speaks.TCP:
        yield _Asked(Protocol.TCP)
        return
    if call.http or not call.grpc:
        method, path = _concrete(call.http[0] if call.http else HttpMatch(()))
        yield _Asked(Protocol.HTTP1, method, path)
        yield _Asked(Protocol.HTTP2, method, path)
    if call.grpc or not call.http:
        path = _method(call.grpc[0] if call.grpc else _ANY)
        yield _Asked(Protocol.GRPC, "POST", path)
        yield _Asked(Protocol.GRPC_STREAM, "POST", path)


def _beyond(call: Call) -> Iterator[_Asked]:
    """Another path with an agreed method, another method on an agreed path, another service, another method of one."""
    for asked in _requests(call):
        if asked.protocol in _GRPC:
            service = asked.path.rpartition("/")[0]
            yield _Asked(asked.protocol, "POST", f"{service}/LicetUndeclared")
            yield _Asked(asked.protocol, "POST", "/licet.Undeclared/Any")
        else:
            yield _Asked(asked.protocol, asked.method, f"/licet/undeclared{asked.path}")
            yield _Asked(asked.protocol, "DELETE" if asked.method != "DELETE" else "PUT", asked.path)


def _anything(served: Served, protocols: Iterator[Protocol]) -> _Asked:
    """A request that the port's rules hold, so that nothing but who asks can be against it."""
    if served.speaks is Speaks.TCP:
        return _Asked(Protocol.TCP)
    protocol = next(protocols)
    if protocol in _GRPC:
        match = next((match for rule in served.rules for match in rule.grpc), _ANY)
        return _Asked(protocol, "POST", _method(match))
    return _Asked(protocol, *_concrete(next((match for rule in served.rules for match in rule.http), HttpMatch(()))))


def _concrete(match: HttpMatch) -> tuple[str, str]:
    return min(match.methods, key=lambda method: _UNUSUAL.get(method, 0), default="GET"), match.path


def _method(match: GrpcMatch) -> str:
    return f"/{match.service}/{match.methods[0] if match.methods else 'Any'}"


def _agreed_ports(intent: Intent) -> Iterator[tuple[Key, int]]:
    for call in intent.calls:
        if isinstance(call.to, Callee):
            yield from ((call.to.key, port) for port in _ports(call))


def _ports(call: Call) -> Iterator[int]:
    for span in call.ports.ranges():
        yield from range(span.first, span.last + 1)


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)
