"""What is asked of a platform, and what has to become of it by its contracts."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from random import Random

import msgspec

from licet.app.up.orders import Protocol
from licet.flows.record import Side, Verdict
from licet.mesh.intent import DEFAULT_DENY
from licet.mesh.sidecar import Sidecar
from tests.mesh.platforms.agreed import Contracts, Named, Request

NOBODY = 9
"""A port that nobody serves."""
NO_CERTIFICATE = "no-certificate"
_HTTP = (Protocol.HTTP1, Protocol.HTTP2)
_GRPC = (Protocol.GRPC, Protocol.GRPC_STREAM)


class Way(enum.Enum):
    """How a probe gets there: by the caller's own sidecar; past it with its certificate, over TLS without, or bare."""

    EXIT = "by its own sidecar"
    DIRECT = "past it"
    NAMELESS = "without a certificate"
    PLAIN = "without TLS"


class Met(enum.Enum):
    """What a caller meets: an answer, a refusal, or nobody who listens to it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNHEARD = "not heard"


class Probe(msgspec.Struct, frozen=True):
    """One request, or connection."""

    caller: Named
    callee: Named
    port: int
    way: Way
    protocol: Protocol
    request: Request


class Report(msgspec.Struct, frozen=True, order=True):
    """What the sidecar on one side says of it. `address` is the caller's; what is no request has no method."""

    side: str
    address: str
    callee: str
    port: int
    method: str
    path: str
    verdict: str


class Said(msgspec.Struct, frozen=True):
    """A report, and the rules of which it names one."""

    report: Report
    rules: frozenset[str]


class Expected(msgspec.Struct, frozen=True):
    """What has to become of a probe. `why` says what the design lets through beyond what was agreed with the caller."""

    met: Met
    said: tuple[Said, ...] = ()
    why: str = ""


class Surface(msgspec.Struct, frozen=True):
    """What of a platform is no matter of who may call whom: where sidecars stand, and what they listen to.

    `strict` has the ports that are listened on, and whether callers without a certificate are turned away unheard.
    """

    sidecars: Mapping[Named, Sidecar]
    strict: Mapping[tuple[Named, int], bool]


class Law:
    """Says what has to become of probes."""

    def __init__(self, contracts: Contracts, surface: Surface) -> None:
        self.contracts = contracts
        self.surface = surface

    def names(self, caller: Named, probe: Probe) -> dict[str, str]:
        """The agreements by which a caller with a certificate gets in, and why where they are not its own."""
        contracts, at = self.contracts, (probe.callee, probe.port, probe.request)
        found: dict[str, str] = {}
        for each in contracts.sharing(caller):
            if contracts.called(each, *at) or contracts.let_in(each, *at):
                found[f"{each}->{probe.callee}"] = "" if each == caller else "shared account"
            if contracts.collects(each, *at):
                found[f"{contracts.collector}->{probe.callee}"] = "by labels"
        if contracts.proved(caller, *at):
            found[f"{contracts.identity(caller)}->{probe.callee}"] = "by SPIFFE ID"
        return found | self.places(caller, probe)

    def places(self, caller: Named, probe: Probe) -> dict[str, str]:
        """Those by which it gets in from its address alone."""
        address = self.surface.sidecars[caller].address
        found = self.contracts.unproved(address, probe.callee, probe.port, probe.request)
        return {f"{text}->{probe.callee}": "by address" for text in found}

    def expected(self, probe: Probe) -> Expected:
        """What has to become of it."""
        if probe.way is Way.EXIT:
            return self._by_exit(probe)
        return self._at_callee(probe)

    def _at_callee(self, probe: Probe) -> Expected:
        strict = self.surface.strict.get((probe.callee, probe.port))
        mode = self.contracts.mode(probe.callee)
        if strict is None:
            return Expected(Met.UNHEARD)
        if probe.way is Way.NAMELESS:
            return Expected(Met.UNHEARD, (self._seen(probe, Verdict.REFUSED, NO_CERTIFICATE, asked=False),))
        if probe.way is Way.PLAIN and strict and mode == "Enforce":
            return Expected(Met.UNHEARD, (self._seen(probe, Verdict.REFUSED, DEFAULT_DENY, asked=False),))
        admitting = (self.places if probe.way is Way.PLAIN else self.names)(probe.caller, probe)
        if mode == "Observe":
            return Expected(Met.ANSWERED, (self._seen(probe, Verdict.FORWARDED, "observe"),), "observed")
        if admitting:
            why = "" if "" in admitting.values() else min(admitting.values())
            # Of a request that passes a policy which is only tried it is said who lets it pass, and not who would.
            tried = mode == "Shadow" and probe.protocol is not Protocol.TCP
            rules = ("shadow",) if tried else tuple(admitting)
            return Expected(Met.ANSWERED, (self._seen(probe, Verdict.FORWARDED, *rules),), why)
        if mode == "Shadow":
            return Expected(Met.ANSWERED, (self._seen(probe, Verdict.WOULD_REFUSE, DEFAULT_DENY),), "shadowed")
        return Expected(Met.REFUSED, (self._seen(probe, Verdict.REFUSED, DEFAULT_DENY),))

    def _by_exit(self, probe: Probe) -> Expected:
        caller, callee = probe.caller, probe.callee
        mode = self.contracts.mode(caller)
        own = self.contracts.called(caller, callee, probe.port, probe.request)
        agreed = any(
            self.contracts.called(caller, callee, probe.port, each) for each in self.contracts.near(callee, probe.port)
        )
        http = probe.protocol is not Protocol.TCP
        if not own and mode == "Enforce":
            told = self._told(probe, Verdict.REFUSED, DEFAULT_DENY, asked=http)
            return Expected(Met.REFUSED, (told,))
        if own:
            told = self._told(probe, Verdict.FORWARDED, f"{caller}->{callee}" if http else "", asked=http)
        elif mode == "Shadow":
            told = self._told(probe, Verdict.WOULD_REFUSE, DEFAULT_DENY, asked=http and agreed)
        else:
            told = self._told(probe, Verdict.FORWARDED, "observe" if http and agreed else "", asked=http and agreed)
        there = self._at_callee(probe)
        if there.met is Met.UNHEARD:
            return msgspec.structs.replace(
                there, said=(self._told(probe, Verdict.FAILED, "", asked=told.report.method != ""),)
            )
        return msgspec.structs.replace(there, said=(*there.said, told))

    def _seen(self, probe: Probe, verdict: Verdict, *rules: str, asked: bool = True) -> Said:
        return self._said(probe, Side.DESTINATION, verdict, rules, asked=asked)

    def _told(self, probe: Probe, verdict: Verdict, rule: str, *, asked: bool) -> Said:
        return self._said(probe, Side.SOURCE, verdict, (rule,), asked=asked)

    def _said(self, probe: Probe, side: Side, verdict: Verdict, rules: Iterable[str], *, asked: bool) -> Said:
        request = probe.request if asked else Request()
        address = self.surface.sidecars[probe.caller].address
        place = (side.value, address, str(probe.callee), probe.port)
        return Said(Report(*place, request.method, request.path, verdict.value), frozenset(rules))


def probes(law: Law, rng: Random) -> Iterator[Probe]:
    """Every pair and every port, in every protocol and way."""
    contracts, sidecars = law.contracts, law.surface.sidecars
    everywhere = sorted({NOBODY, *(port for each in contracts.workloads for port in contracts.ports(each))})
    for caller, callee, port in product(sidecars, sidecars, everywhere):
        exit = f"{callee}:{port}" in sidecars[caller].exits
        if (callee, port) not in law.surface.strict:
            protocol = rng.choice(list(Protocol))
            request = Request() if protocol is Protocol.TCP else Request("POST", "/shop.Other/Get")
            yield Probe(caller, callee, port, Way.DIRECT, protocol, request)
            if exit:
                bytes_alone = not contracts.requests(callee, port)
                protocol, request = (Protocol.TCP, Request()) if bytes_alone else (Protocol.HTTP1, Request("GET", "/"))
                yield Probe(caller, callee, port, Way.EXIT, protocol, request)
            continue
        if not contracts.requests(callee, port):
            ways = [way for way in Way if way is not Way.EXIT or exit]
            yield from (Probe(caller, callee, port, way, Protocol.TCP, Request()) for way in ways)
            continue
        yield from _requests(law, rng, caller, callee, port, exit=exit)


def _requests(law: Law, rng: Random, caller: Named, callee: Named, port: int, *, exit: bool) -> Iterator[Probe]:
    """In each protocol one that is agreed and one that is not, where there are such."""
    contracts = law.contracts
    agreed: list[Request] = []
    others: list[Request] = []
    for each in contracts.near(callee, port):
        own = contracts.called(caller, callee, port, each) or contracts.proved(caller, callee, port, each)
        (agreed if own else others).append(each)
    for protocol in (*_HTTP, *_GRPC):
        for kind in (agreed, others):
            fitting = [each for each in kind if protocol in _HTTP or each.method == "POST"]
            if fitting:
                yield Probe(caller, callee, port, Way.DIRECT, protocol, rng.choice(fitting))
            if fitting and exit and rng.random() < 0.6:
                yield Probe(caller, callee, port, Way.EXIT, protocol, rng.choice(fitting))
    placed = [
        each
        for each in contracts.near(callee, port)
        if contracts.unproved(law.surface.sidecars[caller].address, callee, port, each)
    ]
    for way in (Way.NAMELESS, Way.PLAIN):
        protocol = rng.choice((*_HTTP, *_GRPC))
        for kind in (placed, agreed or others):
            fitting = [each for each in kind if protocol in _HTTP or each.method == "POST"]
            if fitting and (way is Way.PLAIN or kind is not placed):
                yield Probe(caller, callee, port, way, protocol, rng.choice(fitting))
