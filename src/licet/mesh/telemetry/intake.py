"""From entries to counted flows, at the pace that there is room for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from licet.flows.envoy import Envoy, Vantage
from licet.flows.joined import Joined
from licet.flows.record import Flow
from licet.identity.tally import Tally
from licet.mesh.telemetry.access_log import Caller, Entry
from licet.mesh.telemetry.edges import Edges

_AT_ONCE = 128
"""Entries that are read without letting others on the loop have their turn."""
_IDLE = 0.5
"""Seconds after which it is looked for what has waited long enough, while nothing new comes."""


class Intake:
    """Takes entries without waiting, and reads them when the loop has time for it.

    What there is no room for is dropped and counted: severing hears of it all the same. `vantage` says where a log is
    kept, none for one of a sidecar that is not known any more. `on_flow` is called with every flow that counts, and
    with those that say that something is under way; `on_report` with what each side says, before the other side's is
    taken for as true. What `prober` asks is no traffic.
    """

    def __init__(
        self,
        vantage: Callable[[Caller, str], Vantage | None],
        reader: Envoy,
        edges: Edges,
        clock: Callable[[], float],
        *,
        joined: Joined | None = None,
        on_flow: Sequence[Callable[[Flow], None]] = (),
        on_report: Sequence[Callable[[Flow], None]] = (),
        prober: str = "",
        most: int = 1 << 16,
    ) -> None:
        self.reader, self.edges, self.joined = reader, edges, joined or Joined()
        self.counted = Tally()
        """`dropped` entries, `unplaced` ones of unknown sidecars, `probes`."""
        self._vantage = vantage
        self._clock = clock
        self._on_flow, self._on_report = tuple(on_flow), tuple(on_report)
        self._prober = prober
        self._most = most
        self._waiting: deque[tuple[Vantage, Entry]] = deque()
        self._came = asyncio.Event()

    def __call__(self, caller: Caller, name: str, entries: Sequence[Entry]) -> None:
        """Take entries of a log, as far as there is room."""
        vantage = self._vantage(caller, name)
        if vantage is None:
            self.counted.add("unplaced", len(entries))
            return
        room = self._most - len(self._waiting)
        if len(entries) > room:
            self.counted.add("dropped", len(entries) - room)
        self._waiting.extend((vantage, entry) for entry in entries[:room])
        self._came.set()

    @property
    def waiting(self) -> int:
        """Entries that were taken and not read yet."""
        return len(self._waiting)

    async def run(self) -> None:
        """Read what comes, until cancelled."""
        while True:
            self._came.clear()
            while self._waiting:
                self._some()
                await asyncio.sleep(0)
            self._pass_on(self.joined.due(self._clock()))
            try:
                async with asyncio.timeout(_IDLE):
                    await self._came.wait()
            except TimeoutError:
                continue

    def settle(self) -> None:
        """Read everything now, and wait for no other side any more: for the end."""
        while self._waiting:
            self._some()
        self._pass_on(self.joined.due(float("inf")))

    def _some(self) -> None:
        now = self._clock()
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            vantage, entry = self._waiting.popleft()
            flow = self.reader.read(entry, vantage)
            if flow is None:
                continue
            if self._prober and flow.source.identity == self._prober:
                self.counted.add("probes", flow.count)
                continue
            self.edges.follow(flow)
            for listen in self._on_report:
                listen(flow)
            self._pass_on(self.joined.add(flow, now))

    def _pass_on(self, flows: Sequence[Flow]) -> None:
        for flow in flows:
            self.edges.add(flow)
            for listen in self._on_flow:
                listen(flow)
