"""Rounds of calls on a platform that is up, and how what is seen of them stands beside what was agreed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import TypeAlias

import msgspec

from licet.app.report import Spans
from licet.app.up.machine import envoy_version
from licet.app.up.orders import Outcome
from licet.app.up.plan import Plan, Planned, plan
from licet.app.up.platform import Platform
from licet.app.up.tally import Row, Surprise, Tally
from licet.app.up.told import Told
from licet.mesh.decision.explain import Explained, explain
from licet.mesh.decision.standing import Standing
from licet.mesh.errors import MeshError
from licet.mesh.verdict import Request
from licet.model.key import Key


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to bring up. `seconds` of traffic, None until told to stop; `rate` calls a second of each workload.

    Of the calls of a round `undeclared` are agreed by nobody; `seed` chooses which. Workloads in `shadow` refuse
    nothing, and tell what they would. `folder` keeps everything that is written, None nothing of it.
    """

    seconds: float | None = None
    rate: float = 10.0
    undeclared: int = 20
    seed: int = 1
    shadow: frozenset[Key] = frozenset()
    folder: Path | None = None


class Example(msgspec.Struct, frozen=True):
    """One call: who made it, what was seen of it, and why, with the line of a contract."""

    planned: Planned
    outcome: Outcome
    identity: str
    explained: Explained


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands. `surprises` are what callers saw otherwise, whatever sidecars say; `lost` sidecars that ended.

    `alike` says how many have the identity of a row's caller: sidecars cannot tell them apart, so one stands for all.
    """

    trust_domain: str
    envoy: str
    shadow: frozenset[Key]
    sidecars: int
    seconds: float
    calls: int
    plan: Plan
    rows: tuple[Row, ...]
    alike: Mapping[Key, int]
    surprises: tuple[Surprise, ...]
    examples: tuple[Example, ...]
    lost: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether what is seen is what was agreed, of everything that was asked for."""
        return self.calls > 0 and not self.surprises and not self.lost and all(row.equal for row in self.rows)


Show: TypeAlias = Callable[[Report], None]


class Traffic:
    """What is asked for, on a platform that is up."""

    def __init__(self, asked: Asked, platform: Platform) -> None:
        self._asked = asked
        self._platform = platform
        self._plan = plan(platform.mesh.control.fleet, platform.sidecars, asked.seed, asked.undeclared)
        if not self._plan.calls:
            raise MeshError("no workload has anything to call", "have a contract call a workload that has one")
        self._tally = Tally({key: each.identity for key, each in platform.sidecars.items()})
        self._standing = Standing.of(platform.mesh.control.fleet)
        self._spans = Spans(platform.declared.loaded.texts)
        self._begun = asyncio.get_running_loop().time()

    async def run(self, told: Told, show: Show) -> Report:
        """Make rounds of calls until the time is up, but one round at least, or until told to stop."""
        told.patient = True
        parts = self._plan.parts(max(1, round(self._asked.rate)))
        for number, part in enumerate(cycle(parts), 1):
            due = self._seconds() + max(map(len, part.values())) / self._asked.rate
            self._tally.add(await self._platform.make(self._plan, part, self._asked.rate))
            show(self._report())
            if self._asked.seconds is not None and self._seconds() >= self._asked.seconds and number >= len(parts):
                break
            if await told.within(due - self._seconds()):
                break
        await self._platform.heard(self._complete)
        return self._report()

    def _complete(self) -> bool:
        """Whether nothing is awaited of sidecars any more: one that has ended tells nothing."""
        return bool(self._platform.lost) or all(row.equal for row in self._report().rows)

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._begun

    def _report(self) -> Report:
        return Report(
            trust_domain=self._platform.declared.trust_domain,
            envoy=envoy_version(),
            shadow=self._asked.shadow,
            sidecars=len(self._platform.sidecars),
            seconds=self._seconds(),
            calls=self._tally.calls,
            plan=self._plan,
            rows=self._tally.rows(self._platform.mesh.edges.totals()),
            alike=self._tally.alike,
            surprises=self._tally.surprises,
            examples=tuple(self._example(*each) for each in self._tally.examples.values()),
            lost=tuple(f"the sidecar of `{each.workload}` {each.fate}" for each in self._platform.lost),
        )

    def _example(self, planned: Planned, outcome: Outcome) -> Example:
        caller, call = self._platform.sidecars[planned.caller], planned.call
        request = Request(planned.port, caller.identity, caller.address, call.method, call.path)
        explained = explain(self._standing, planned.callee, request, self._spans.of)
        return Example(planned, outcome, caller.identity, explained)
