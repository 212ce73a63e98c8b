"""Do assertions hold? Answered on classes and sets; single connections are only looked at where one does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from licet.analysis import bits
from licet.analysis import findings as words
from licet.analysis.crowd import Crowd, Crowds, union
from licet.analysis.edges import gateway_id
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.explain import Explainer
from licet.analysis.grant import Grant
from licet.analysis.partition import R
from licet.analysis.population import UNKNOWN_POD
from licet.analysis.reach import Reach
from licet.diag.diagnostic import Diagnostic
from licet.model.addresses import AddressSet, address_text
from licet.model.assertion import Anything, Assertion, Expectation, Party, Who
from licet.model.key import Key
from licet.model.policy import NetworkPolicy
from licet.model.ports import ALL_PORTS, NamedPort, PortRange, PortSet, Protocol
from licet.model.verdict import Cause, Verdict

_SHOWN = 3
_EFFECT = {Verdict.ALLOW: "allow", Verdict.DENY: "deny", Verdict.UNDETERMINED: "undetermined"}


class Failure(msgspec.Struct, frozen=True):
    """One connection that is not as asserted, and its verdict; `cause` is what decided, where a policy did.

    `assumptions` are what the verdict hangs on where it is undetermined.
    """

    src: str
    dst: str
    protocol: Protocol
    port: int
    verdict: Verdict
    assumptions: tuple[str, ...] = ()
    cause: Cause | None = None


class Unmatched(msgspec.Struct, frozen=True):
    """A party that is nobody; `meant` is what comes close."""

    party: Party
    meant: str


class Answer(msgspec.Struct, frozen=True):
    """Whether an assertion holds, and why not.

    `failures` are a few of `count` pairs of endpoints that fail; all addresses outside together count as one endpoint.
    Where `asks` is False there is no connection from the sources to the destinations that could be judged.
    """

    assertion: Assertion
    failures: tuple[Failure, ...] = ()
    count: int = 0
    unmatched: tuple[Unmatched, ...] = ()
    asks: bool = True

    @property
    def holds(self) -> bool:
        """True only where everything asserted was found, and is so without a doubt."""
        return not self.failures and not self.unmatched and self.asks


def ask(reach: Reach, assertions: Sequence[Assertion]) -> list[Answer]:
    """One answer an assertion, in their order."""
    crowds = Crowds(reach)
    inquiries = [_Inquiry(reach, crowds, assertion) for assertion in assertions]
    explained = _explained(reach, [seen for inquiry in inquiries for seen in inquiry.shown()])
    return [inquiry.answer(explained) for inquiry in inquiries]


End = Key | int


class _Seen(msgspec.Struct, frozen=True):
    """A failing connection, before it is explained."""

    src: End
    dst: End
    protocol: Protocol
    port: int
    verdict: Verdict
    assumptions: tuple[str, ...]

    def failure(self, cause: Cause | None) -> Failure:
        return Failure(
            _name(self.src), _name(self.dst), self.protocol, self.port, self.verdict, self.assumptions, cause
        )


class _Inquiry:
    """One assertion, asked."""

    def __init__(self, reach: Reach, crowds: Crowds, assertion: Assertion) -> None:
        self._reach = reach
        self._population = reach.population
        self._crowds = crowds
        self._assertion = assertion
        self._allow = assertion.expectation is Expectation.ALLOW
        only = assertion.expectation is Expectation.ONLY
        sources = union(self._source(party.who, surely=only) for party in assertion.sources)
        self._sources = crowds.others(sources) if only else sources
        self._from = self._sources.classes
        self._destinations = union(crowds.of(party.who) for party in assertion.destinations)
        self._unmatched = tuple(
            Unmatched(party, crowds.meant(party.who))
            for party in (*assertion.sources, *assertion.destinations)
            if not crowds.of(party.who)
        )
        self._seen: dict[Verdict, list[_Seen]] = {verdict: [] for verdict in Verdict}
        self._count = 0
        self._asks = False
        self._failing: dict[tuple[int, PortSet], list[tuple[Grant, int]]] = {}
        self._failing_outside: dict[tuple[int, PortSet, bool], list[tuple[Grant, AddressSet]]] = {}
        self._numeric = self._ports_on(UNKNOWN_POD)
        self._into_pods()
        self._out_of_pods()

    def _source(self, who: Who, surely: bool) -> Crowd:
        """Of what leads to nobody in particular, such as an ingress controller, nobody asks that it reach everyone."""
        crowd = self._crowds.of(who, surely)
        return Crowd(crowd.whole, crowd.some, crowd.addresses) if self._allow and who == Anything() else crowd

    def shown(self) -> list[_Seen]:
        """The connections worth showing: those that surely fail before those that may."""
        certain = Verdict.DENY if self._allow else Verdict.ALLOW
        return [*self._seen[certain], *self._seen[Verdict.UNDETERMINED]][:_SHOWN]

    def answer(self, causes: Mapping[_Seen, Cause | None]) -> Answer:
        """The answer, once the connections shown are explained."""
        failures = tuple(seen.failure(causes.get(seen)) for seen in self.shown())
        return Answer(self._assertion, failures, self._count, self._unmatched, self._asks)

    def _ports_on(self, at: int) -> PortSet:
        """The ports asked for, as they are on pods of a class."""
        ports = self._assertion.ports
        if ports is None:
            return ALL_PORTS
        found = PortSet.of(*(port for port in ports if isinstance(port, PortRange)))
        for port in ports:
            if isinstance(port, NamedPort):
                numbers = self._population.classes[at].port_numbers(port.name, port.protocol)
                found |= PortSet.of(*(PortRange(protocol, number, number) for protocol, number in numbers))
        return found

    def _into_pods(self) -> None:
        named = any(isinstance(port, NamedPort) for port in self._assertion.ports or ())
        for at in bits.indices(self._destinations.classes):
            ports = self._ports_on(at) if named else self._numeric
            if not ports:
                continue
            self._from_pods(at, ports)
            members = len(list(self._destinations.members(self._population, at)))
            if self._sources.addresses:
                self._asks = True
                self._outside(at, ports, members, inward=True)
            for router in sorted(self._sources.routers):
                self._asks = True
                grant = self._reach.routed.get(router, {}).get(at, self._reach.grants.denied)
                if self._fails(grant, ports):
                    self._count += members
                    self._see(router, self._key(at, self._destinations), grant, ports)

    def _out_of_pods(self) -> None:
        if not self._destinations.addresses or not self._numeric:
            return
        for at in bits.indices(self._from):
            self._asks = True
            self._outside(at, self._numeric, len(list(self._sources.members(self._population, at))), inward=False)

    def _from_pods(self, at: int, ports: PortSet) -> None:
        """Connections from pods to one class. A bare pod's own are nobody's business, unless they are to be allowed."""
        alone = bool(self._from >> at & 1) and self._pairs_within(at) == 0
        mask = self._from & ~(1 << at) if alone else self._from
        self._asks = self._asks or bool(mask) or (alone and self._allow)
        for grant, part in self._failing_in(self._reach.columns[at], ports):
            hit = part & mask
            if not hit:
                continue
            self._count += self._pairs(hit, at)
            for source in bits.indices(hit):
                if self._is_shown_enough(grant, ports):
                    break
                src, dst = self._pair(source, at)
                self._see(src, dst, grant, ports)

    def _failing_in(self, column: Mapping[Grant, int], ports: PortSet) -> list[tuple[Grant, int]]:
        key = (id(column), ports)
        found = self._failing.get(key)
        if found is None:
            found = self._failing[key] = list(self._bad(column, self._from, ports))
        return found

    def _outside(self, at: int, ports: PortSet, members: int, inward: bool) -> None:
        row = (self._reach.ingress if inward else self._reach.egress)[at].outside
        crowd, other = (self._destinations, self._sources) if inward else (self._sources, self._destinations)
        key = (id(row), ports, inward)
        found = self._failing_outside.get(key)
        if found is None:
            found = self._failing_outside[key] = list(self._bad(row, other.addresses, ports))
        if found:
            self._count += members
        for grant, region in found:
            if not self._is_shown_enough(grant, ports):
                address = region.spans[0][0]
                own = self._key(at, crowd)
                src, dst = (address, own) if inward else (own, address)
                self._see(src, dst, grant, ports)

    def _bad(self, parts: Mapping[Grant, R], universe: R, ports: PortSet) -> Iterator[tuple[Grant, R]]:
        """The parts of a row that are not as asserted, what is in no part of it included."""
        rest = universe
        for grant, part in parts.items():
            hit = part & rest
            if hit:
                rest ^= hit
                if self._fails(grant, ports):
                    yield grant, hit
        denied = self._reach.grants.denied
        if rest and self._fails(denied, ports):
            yield denied, rest

    def _fails(self, grant: Grant, ports: PortSet) -> bool:
        return bool(ports - grant.must) if self._allow else bool(ports & grant.may)

    def _worst(self, grant: Grant, ports: PortSet) -> tuple[PortSet, Verdict]:
        """The ports that fail most clearly, and how."""
        certain = ports - grant.may if self._allow else ports & grant.must
        if certain:
            return certain, Verdict.DENY if self._allow else Verdict.ALLOW
        return ports & grant.open_question, Verdict.UNDETERMINED

    def _is_shown_enough(self, grant: Grant, ports: PortSet) -> bool:
        return len(self._seen[self._worst(grant, ports)[1]]) >= _SHOWN

    def _see(self, src: End, dst: End, grant: Grant, ports: PortSet) -> None:
        failing, verdict = self._worst(grant, ports)
        if len(self._seen[verdict]) < _SHOWN:
            first = next(failing.ranges())
            reasons = tuple(sorted(grant.reasons)) if verdict is Verdict.UNDETERMINED else ()
            self._seen[verdict].append(_Seen(src, dst, first.protocol, first.first, verdict, reasons))

    def _key(self, at: int, crowd: Crowd) -> Key:
        return self._population.workloads[next(iter(crowd.members(self._population, at)))].key

    def _pair(self, source: int, at: int) -> tuple[Key, Key]:
        """Workloads of two classes, not one bare pod twice."""
        workloads = self._population.workloads
        for src in self._sources.members(self._population, source):
            for dst in self._destinations.members(self._population, at):
                if src != dst or workloads[src].key.kind != "Pod":
                    return workloads[src].key, workloads[dst].key
        raise AssertionError("a class without a pair was not left out")

    def _pairs(self, sources: int, at: int) -> int:
        """How many pairs of workloads there are from some classes to one."""
        others = sources & ~(1 << at)
        count = self._crowds.workloads(self._sources, others) * len(
            list(self._destinations.members(self._population, at))
        )
        return count + (self._pairs_within(at) if others != sources else 0)

    def _pairs_within(self, at: int) -> int:
        if not self._from >> at & 1:
            return 0
        sources = set(self._sources.members(self._population, at))
        destinations = set(self._destinations.members(self._population, at))
        workloads = self._population.workloads
        selves = sum(1 for member in sources & destinations if workloads[member].key.kind == "Pod")
        return len(sources) * len(destinations) - selves


def _explained(reach: Reach, seen: Sequence[_Seen]) -> dict[_Seen, Cause | None]:
    """What decided each connection, read from only those workloads and policies that have a part in it."""
    if not seen:
        return {}
    policies: dict[str, list[NetworkPolicy]] = {}
    for policy in reach.cluster.network_policies:
        policies.setdefault(policy.key.namespace, []).append(policy)
    workloads = {workload.key: workload for workload in reach.cluster.workloads}
    found: dict[_Seen, Cause | None] = {}
    for one in dict.fromkeys(seen):
        keys = dict.fromkeys(end for end in (one.src, one.dst) if isinstance(end, Key) and end in workloads)
        around = dict.fromkeys(key.namespace for key in keys)
        near = msgspec.structs.replace(
            reach.cluster,
            workloads=tuple(workloads[key] for key in keys),
            network_policies=tuple(policy for namespace in around for policy in policies.get(namespace, ())),
        )
        found[one] = _cause(Explainer(near, reach.profile), one)
    return found


def _cause(explainer: Explainer, seen: _Seen) -> Cause | None:
    src: End = seen.src
    if isinstance(src, Key) and src not in explainer.population.class_of:
        src = INGRESS_CONTROLLER
    explanation = explainer.explain(src, seen.dst, seen.protocol, seen.port)
    if explanation.verdict is not seen.verdict:
        return None  # no policy decides, but that no route leads there
    causes = [cause for cause in explanation.because if cause.effect == _EFFECT[seen.verdict]]
    placed = [cause for cause in causes if cause.place is not None]
    return next(reversed(placed or causes), None)


def _name(end: End) -> str:
    return address_text(end) if isinstance(end, int) else gateway_id(end)


def findings(answers: Iterable[Answer]) -> list[Diagnostic]:
    """Why assertions do not hold: nothing for those that do."""
    found: list[Diagnostic] = []
    for answer in answers:
        name = answer.assertion.name
        found.extend(words.matches_nobody(one.party.place, name, one.meant) for one in answer.unmatched)
        if answer.failures:
            found.append(_failed(answer))
        elif not answer.asks and not answer.unmatched:
            found.append(words.asks_nothing(answer.assertion.place, name))
    return found


def _failed(answer: Answer) -> Diagnostic:
    """At the rule that decided, where there is one: there the way out begins."""
    first, *others = answer.failures
    assertion = answer.assertion
    reason = f", since {assertion.reason}" if assertion.reason else ""
    source = assertion.place.origin.source
    notes = [f"asserted in {source}: `{assertion.expectation.value}`{reason}"]
    if first.cause is not None:
        notes.append(first.cause.text)
    notes.extend(f"hangs on: {assumption}" for assumption in first.assumptions)
    notes.extend(f"also {_said(other, assertion)}" for other in others)
    if answer.count > len(answer.failures):
        notes.append(f"{answer.count} pairs in all")
    where = first.cause.place if first.cause is not None and first.cause.place is not None else assertion.place
    said = _said(first, assertion)
    if first.verdict is Verdict.UNDETERMINED:
        return words.open_question(where, assertion.name, said, tuple(notes))
    return words.failed(where, assertion.name, said, tuple(notes))


def _said(failure: Failure, assertion: Assertion) -> str:
    on = PortSet.of(PortRange(failure.protocol, failure.port, failure.port))
    if assertion.expectation is Expectation.ALLOW:
        verb = "may not reach" if failure.verdict is Verdict.UNDETERMINED else "does not reach"
    else:
        verb = "may reach" if failure.verdict is Verdict.UNDETERMINED else "reaches"
    return f"`{failure.src}` {verb} `{failure.dst}` on {on}"
