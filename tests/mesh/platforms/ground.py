"""A platform that runs, whose contracts change, and everything that is seen when it is probed."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TypeAlias

import msgspec
import yaml

from licet.analysis.reach import reach
from licet.app.load import Setting
from licet.app.mesh.declared import Declared, read
from licet.app.up import orders
from licet.app.up.orders import Outcome, Result
from licet.app.up.platform import Platform
from licet.compile.networkpolicy import compile
from licet.contracts.agree import agree
from licet.contracts.contract import Mode
from licet.flows.record import Failure, Flow, Side
from licet.mesh.telemetry.edges import Edges
from licet.mesh.verdict import Request, decide
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import Protocol as Transport
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from licet.sources.settings import Settings
from tests.compile.agreed import read_back
from tests.mesh.platforms.agreed import Contracts, Named
from tests.mesh.platforms.drawn import TRUST_DOMAIN, Document
from tests.mesh.platforms.probes import NOBODY, Expected, Law, Met, Probe, Report, Surface, Way, probes

_AT_ONCE = 6
"""Probes that one caller makes at a time."""
_FAST = 1e6
_SETTLED = 30.0
_PROFILE = PROFILES["kube-network-policies"]
_WAYS = {Way.DIRECT: orders.Way.DIRECT, Way.NAMELESS: orders.Way.BARE}
_UNHEARD = (
    "connection refused",
    "connection reset by peer",
    "a certificate is required",
    "closed",
    "closed without an answer",
    "503",
    "grpc-status 14",
)
_Engine: TypeAlias = Mapping[tuple[Named, Named, int], bool]
"""Whether policies allow it, by caller, callee and port."""


class Outcomes(msgspec.Struct):
    """What came of a set of contracts. `beyond` counts what the design lets through, by why."""

    pairs: int = 0
    probes: int = 0
    asked: int = 0
    """Answers of the engine."""
    beyond: Counter[str] = msgspec.field(default_factory=Counter)
    by: Counter[str] = msgspec.field(default_factory=Counter)
    differences: list[str] = msgspec.field(default_factory=list)


class _Reports(Edges):
    """Keeps what each sidecar says by itself, before two sides are made one."""

    def __init__(self) -> None:
        super().__init__()
        self.flows: list[Flow] = []

    def follow(self, flow: Flow) -> None:
        """Keep what counts."""
        if flow.count:
            self.flows.append(flow)
        super().follow(flow)


class Ground:
    """A platform to try contracts on; `folder` is for their documents."""

    def __init__(self, platform: Platform, reports: _Reports, folder: Path) -> None:
        self._platform = platform
        self._reports = reports
        self._folder = folder
        self._sets = 0
        self.sidecars = {_named(key): sidecar for key, sidecar in platform.sidecars.items()}
        self._keys = {_named(key): key for key in platform.sidecars}

    async def probe(self, documents: Sequence[Document], rng: Random) -> Outcomes:
        """Have these be what is declared, and everything tried that follows from it."""
        declared = declare(documents, self._folder / f"set-{self._sets}")
        self._sets += 1
        self._platform.mesh.apply(declared)
        await self._settled()
        return await self.probe_as_it_is(declared, documents, rng)

    async def probe_as_it_is(self, declared: Declared, documents: Iterable[Document], rng: Random) -> Outcomes:
        """Try everything that follows from what is declared now."""
        contracts = Contracts(documents, declared.trust_domain)
        law = Law(contracts, self._surface(declared))
        outcomes = Outcomes()
        asked = list(probes(law, rng))
        outcomes.pairs, outcomes.probes = len(self.sidecars) ** 2, len(asked)
        engine = self._ask_engine(declared, law, outcomes)
        self._ask_decisions(law, asked, outcomes)
        expected = [law.expected(probe) for probe in asked]
        met = await self._make(asked, expected, outcomes)
        self._compare_with_engine(law, engine, [*zip(asked, expected, met, strict=True)], outcomes)
        self._look_for_findings(declared, law, asked, expected, outcomes)
        return outcomes

    def _surface(self, declared: Declared) -> Surface:
        strict = {
            (_named(key), served.port): served.strict
            for key, intent in declared.intents.by_workload.items()
            for served in intent.serves
        }
        return Surface(self.sidecars, strict)

    async def _settled(self) -> None:
        """Wait until every sidecar holds all that it was told, and was seen to decide by it."""
        mesh = self._platform.mesh
        async with asyncio.timeout(_SETTLED):
            await mesh.control.settled(_SETTLED)
            while not (
                all(each.holds(kind) for each in mesh.control.attended.values() for kind in each.held)
                and mesh.proving.proved
            ):
                await asyncio.sleep(0.02)

    def _ask_engine(self, declared: Declared, law: Law, outcomes: Outcomes) -> _Engine:
        """Pairs and ports by the policies that the same contracts are compiled to, were all of them enforced."""
        loaded, contracts = declared.loaded, law.contracts
        agreements = agree(loaded.contracts, loaded.cluster, datetime.now(UTC))
        enforced = {key: msgspec.structs.replace(each, mode=Mode.ENFORCE) for key, each in agreements.isolated.items()}
        whole = msgspec.structs.replace(agreements, isolated=enforced)
        bare = msgspec.structs.replace(loaded.cluster, network_policies=(), cluster_policies=())
        engine = reach(read_back(bare, compile(whole, bare, False, _PROFILE)), _PROFILE)
        ports = sorted({NOBODY, *(port for each in contracts.workloads for port in contracts.ports(each))})
        answers: dict[tuple[Named, Named, int], bool] = {}
        for callee in self.sidecars:
            for port in ports:
                near = contracts.near(callee, port)
                for caller in self.sidecars:
                    agreed = any(contracts.called(caller, callee, port, each) for each in near)
                    found = engine.verdict(self._keys[caller], self._keys[callee], Transport.TCP, port)
                    self._compare_engine(f"{caller} -> {callee}:{port}", agreed, found, outcomes)
                    answers[caller, callee, port] = found is Verdict.ALLOW
                    address = self.sidecars[caller].address
                    placed = any(contracts.placed(address, callee, port, each) for each in near)
                    found = engine.verdict(_number(address), self._keys[callee], Transport.TCP, port)
                    self._compare_engine(f"{address} -> {callee}:{port}", placed, found, outcomes)
        return answers

    def _compare_with_engine(
        self, law: Law, engine: _Engine, made: Sequence[tuple[Probe, Expected, Met | None]], outcomes: Outcomes
    ) -> None:
        """What sidecars did of their own accord with what policies would do, where the callee's are enforced."""
        answered: set[tuple[Named, Named, int]] = set()
        for probe, due, met in made:
            place = (probe.caller, probe.callee, probe.port)
            if probe.way is not Way.DIRECT or law.contracts.mode(probe.callee) != "Enforce":
                continue
            if met is Met.ANSWERED:
                answered.add(place)
                if not engine[place] and not due.why:
                    outcomes.differences.append(f"engine: {_text(probe)} is answered, and policies refuse it")
        for place in (place for place, allowed in engine.items() if allowed and place not in answered):
            if law.contracts.mode(place[1]) == "Enforce":
                outcomes.differences.append(f"engine: policies allow {place[0]} -> {place[1]}:{place[2]}, none answers")

    def _look_for_findings(
        self, declared: Declared, law: Law, asked: Iterable[Probe], expected: Iterable[Expected], outcomes: Outcomes
    ) -> None:
        """Whoever gets in by another's agreement has to be told of."""
        told = [each.message for each in declared.intents.diagnostics if each.code == "L0555"]
        for probe, due in zip(asked, expected, strict=True):
            name = f"`{law.contracts.identity(probe.caller)}`"
            if due.why == "shared account" and not any(name in message for message in told):
                outcomes.differences.append(f"finding: {_text(probe)}: nobody is told that {name} is shared")

    def _compare_engine(self, what: str, agreed: bool, found: Verdict, outcomes: Outcomes) -> None:
        outcomes.asked += 1
        if found is not (Verdict.ALLOW if agreed else Verdict.DENY):
            outcomes.differences.append(f"engine: {what}: contracts {'agree' if agreed else 'refuse'}, {found}")

    def _ask_decisions(self, law: Law, asked: Iterable[Probe], outcomes: Outcomes) -> None:
        """Each probe by the verdict that the mesh is known by, were it enforced."""
        fleet = self._platform.mesh.control.fleet
        for probe in asked:
            own = self.sidecars[probe.caller]
            proven = probe.way in (Way.DIRECT, Way.EXIT)
            request = Request(
                probe.port, own.identity if proven else "", own.address, probe.request.method, probe.request.path
            )
            found = decide(fleet, self._keys[probe.callee], request)
            admitting = (law.names if proven else law.places)(probe.caller, probe)
            if probe.way is Way.NAMELESS:
                continue
            named = found.rule.partition("#")[0]
            if found.allowed is not bool(admitting) or (found.allowed and named not in admitting):
                outcomes.differences.append(
                    f"decide: {_text(probe)}: `{found.rule}`, by the contracts {sorted(admitting) or 'nothing'}"
                )

    async def _make(
        self, asked: Sequence[Probe], expected: Sequence[Expected], outcomes: Outcomes
    ) -> Sequence[Met | None]:
        self._reports.flows.clear()
        found: list[Met | None] = [None] * len(asked)
        by_caller: dict[Named, list[int]] = defaultdict(list)
        for number, probe in enumerate(asked):
            by_caller[probe.caller].append(number)
        made = await asyncio.gather(*(self._round(asked, own, caller) for caller, own in by_caller.items()))
        for number, outcome in (each for part in made for each in part):
            probe, due = asked[number], expected[number]
            met = found[number] = _met(outcome, due.met)
            outcomes.by[f"{probe.protocol.value} {probe.way.value}: {due.met.value}"] += 1
            if due.why:
                outcomes.beyond[due.why] += 1
            if met is not due.met:
                outcomes.differences.append(
                    f"caller: {_text(probe)}: {outcome.result.value} {outcome.reason}, expected {due.met.value}"
                )
        wanted: Counter[Report] = Counter(said.report for each in expected for said in each.said)
        await self._platform.heard(lambda: self._reported() == wanted)
        self._compare_reports(expected, wanted, outcomes)
        return found

    def _reported(self) -> Counter[Report]:
        return Counter(_report(flow) for flow in self._reports.flows)

    def _compare_reports(self, expected: Iterable[Expected], wanted: Counter[Report], outcomes: Outcomes) -> None:
        seen = self._reported()
        for reset in map(_report, filter(_is_reset_after_an_answer, self._reports.flows)):
            meant = (each for each in wanted if wanted[each] > seen[each] and _alike(each, reset))
            if (report := next(meant, None)) is not None:
                seen[reset] -= 1
                seen[report] += 1
                outcomes.beyond["reset after its answer"] += 1
        for report in sorted({*seen, *wanted}):
            if seen[report] != wanted[report]:
                outcomes.differences.append(f"report: {report}: seen {seen[report]}, expected {wanted[report]}")
        rules: dict[Report, set[str]] = defaultdict(set)
        for each in expected:
            for said in each.said:
                rules[said.report] |= said.rules
        for flow in self._reports.flows:
            report = _report(flow)
            named = (flow.decision.rule if flow.decision else "").partition("#")[0]
            if report in rules and named not in rules[report]:
                outcomes.differences.append(f"rule: {report}: `{named}`, expected {sorted(rules[report])}")
            if report not in rules and flow.failure is not None and not _is_reset_after_an_answer(flow):
                outcomes.differences.append(f"report: {report}: {flow.failure}, {flow.tls}, got {flow.bytes_received}")

    async def _round(self, asked: Sequence[Probe], numbers: Sequence[int], caller: Named) -> list[tuple[int, Outcome]]:
        worker = self._platform._workers[self._keys[caller]]
        made: list[tuple[int, Outcome]] = []
        for first in range(0, len(numbers), _AT_ONCE):
            calls = [self._call(number, asked[number]) for number in numbers[first : first + _AT_ONCE]]
            made += [(each.number, each) for each in await worker.round(calls, _FAST)]
        return made

    def _call(self, number: int, probe: Probe) -> orders.Call:
        own, other = self.sidecars[probe.caller], self.sidecars[probe.callee]
        host, port = other.address, probe.port
        if probe.way is Way.EXIT:
            host, _, digits = own.exits[f"{probe.callee}:{probe.port}"].rpartition(":")
            port = int(digits)
        # What goes without TLS is sent as it is to an exit.
        way = _WAYS.get(probe.way, orders.Way.EXIT)
        request = probe.request
        at = (host, port, str(probe.callee), (other.identity,))
        return orders.Call(number, probe.protocol, way, *at, request.method, request.path)


@asynccontextmanager
async def ground(documents: Sequence[Document], folder: Path) -> AsyncIterator[tuple[Ground, Declared]]:
    """A platform of these documents."""
    declared = declare(documents, folder / "first")
    home = folder / "up"
    home.mkdir(mode=0o700)
    async with Platform(declared, home, lambda _: None) as platform:
        reports = _Reports()
        platform.mesh.edges = platform.mesh.intake.edges = reports
        yield Ground(platform, reports, folder), declared


def declare(documents: Iterable[Document], folder: Path) -> Declared:
    """What is declared by documents, written to a folder."""
    folder.mkdir()
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return read([str(folder)], Setting(Settings()), "", TRUST_DOMAIN)


def _named(key: Key) -> Named:
    return Named(key.namespace, key.name, key.kind)


def _number(address: str) -> int:
    return next(iter(AddressSet.of([address]).ranges()))[0]


def _met(outcome: Outcome, due: Met) -> Met | None:
    """None for what came to nothing in a way of its own."""
    if outcome.result is Result.ALLOWED:
        return Met.ANSWERED
    if outcome.reason in _UNHEARD and (due is Met.UNHEARD or outcome.result is not Result.REFUSED):
        return Met.UNHEARD
    return Met.REFUSED if outcome.result is Result.REFUSED else None


def _report(flow: Flow) -> Report:
    to = flow.destination.workload
    asked = (flow.request.method, flow.request.path) if flow.request is not None else ("", "")
    place = (flow.reporter.side.value, flow.source.address, str(to or ""), flow.destination.port or 0)
    return Report(*place, *asked, flow.verdict.value if flow.verdict is not None else "")


def _alike(one: Report, other: Report) -> bool:
    """Whether they are of the same edge, and of connections."""
    return msgspec.structs.replace(one, verdict=other.verdict) == other


def _is_reset_after_an_answer(flow: Flow) -> bool:
    """Of such a connection the caller's side says that it failed, whatever it was let through by."""
    at_caller = flow.reporter.side is Side.SOURCE and flow.request is None
    return at_caller and flow.failure is Failure.RESET and bool(flow.bytes_received)


def _text(probe: Probe) -> str:
    what = f"{probe.protocol.value} {probe.request.method} {probe.request.path}".strip()
    return f"{probe.caller} -> {probe.callee}:{probe.port} {what} {probe.way.value}"
