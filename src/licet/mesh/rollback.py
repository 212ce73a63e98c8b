"""When a step forward breaks traffic that was in use, and the workload has to go back to Shadow.

Whoever can provoke refusals must not be able to switch enforcement off by it. So a refusal counts only where all of
this holds: a step forward was taken, and not long ago; the callee's own sidecar tells of it; the caller proved to be
a workload of the mesh and was refused since nothing admits it (not as revoked, nor for where it calls from); and
requests like this one were let through before the step, more than a few of them. What was never seen before is what an
attacker would try. A contract that admits less than before is no step: it is meant to refuse.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

import msgspec

from licet.contracts.contract import Mode
from licet.flows.record import Confidence, Flow, Side, Verdict
from licet.mesh.intent import DEFAULT_DENY, Intent
from licet.mesh.rollout import ORDER, Step, effective
from licet.model.key import Key

AUTOMATIC = "automatic: "
"""What the reason of a step begins with that was taken by itself."""
_KINDS = 64
_EDGES = 1 << 14
_LIKE_AN_ID = re.compile(r"(?=.*\d)(?!v\d{1,3}$).+|.{25,}")


class Thresholds(msgspec.Struct, frozen=True):
    """What brings a workload back: so many refusals on one edge within a window, and that share of its requests.

    `bake` is how long after a step forward it may be, `used` how often something was let through before to count as in
    use; times are in seconds, the share in percent.
    """

    refusals: int = 10
    share: int = 5
    window: float = 60.0
    bake: float = 600.0
    used: int = 5


class Edge(msgspec.Struct, frozen=True, order=True):
    """Who calls which port of whom."""

    source: Key
    destination: Key
    port: int


class Harm(msgspec.Struct, frozen=True):
    """What a step forward has done to an edge that was in use, within one window. `would` where it is to come."""

    edge: Edge
    refused: int
    of: int
    would: bool

    @property
    def reason(self) -> str:
        """Why the workload is held back, for the log and for people."""
        verb = "would be refused" if self.would else "refused"
        edge = f"{self.edge.source} -> {self.edge.destination}:{self.edge.port}"
        return f"{AUTOMATIC}{self.refused} of {self.of} requests {verb} on {edge}, which was in use"


class _Use(msgspec.Struct):
    """How often requests of one kind were let through: before the last step, and since the step."""

    before: int = 0
    since: int = 0


class _Moment(msgspec.Struct):
    """What was seen within a second: refusals and would-be refusals that count, and all there was."""

    at: float
    refused: int = 0
    would: int = 0
    total: int = 0


class _Traffic:
    """One edge: its kinds of requests, and what became of the latest."""

    def __init__(self) -> None:
        self.kinds: dict[str, _Use] = {}
        self.latest: deque[_Moment] = deque()

    def moment(self, now: float) -> _Moment:
        """The one that is now."""
        if not self.latest or now >= self.latest[-1].at + 1:
            self.latest.append(_Moment(now))
        return self.latest[-1]


class _Stand(msgspec.Struct):
    """How far a workload is enforced, since when, and whether it was brought back in this state of its contract."""

    contract: Mode
    served: object
    reach: tuple[int, int]
    stepped: float | None = None
    spent: bool = False


class Rollback:
    """Hears flows and what is enforced; says which workloads have to go back. Times are seconds of any one clock."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._limits = thresholds or Thresholds()
        self._traffic: dict[Edge, _Traffic] = {}
        self._stands: dict[Key, _Stand] = {}

    def hear(self, flow: Flow, now: float) -> None:
        """Take note of a request or connection that has ended."""
        edge = _edge(flow)
        if edge is None or edge.destination not in self._stands or edge.source not in self._stands:
            return
        traffic = self._traffic.get(edge)
        if traffic is None:
            if len(self._traffic) >= _EDGES:
                return
            traffic = self._traffic[edge] = _Traffic()
        name = _kind(flow)
        use = traffic.kinds.get(name)
        if use is None and len(traffic.kinds) < _KINDS:
            use = traffic.kinds[name] = _Use()
        self._forget(traffic, now)
        moment = traffic.moment(now)
        moment.total += flow.count
        unmet = flow.decision is not None and flow.decision.rule == DEFAULT_DENY
        if flow.verdict is Verdict.REFUSED:
            known = use is not None and use.before >= self._limits.used
            moment.refused += flow.count if unmet and known else 0
            return
        if flow.verdict is Verdict.WOULD_REFUSE and unmet and use is not None:
            moment.would += flow.count
        if use is not None:
            use.since += flow.count

    def enforced(self, intents: Mapping[Key, Intent], steps: Mapping[str, Step], now: float) -> None:
        """What contracts and steps say now; a workload that was not known before has taken no step."""
        for key, intent in intents.items():
            step = steps.get(str(key))
            stand = self._stands.get(key)
            fresh = _Stand(intent.mode, intent.serves, effective(intent.mode, step))
            if stand is None:
                self._stands[key] = stand = fresh
            elif (fresh.contract, fresh.served) != (stand.contract, stand.served):
                stand.spent = False
            if fresh.reach > stand.reach:
                stand.stepped = now
                self._settle(key, now)
            elif fresh.reach < stand.reach:
                stand.stepped = None
            stand.contract, stand.served, stand.reach = fresh.contract, fresh.served, fresh.reach
            if step is not None and step.reason.startswith(AUTOMATIC):
                stand.spent = True
        self._stands = {key: stand for key, stand in self._stands.items() if key in intents}
        ends = self._stands
        self._traffic = {
            edge: held for edge, held in self._traffic.items() if edge.source in ends and edge.destination in ends
        }

    def due(self, now: float) -> Mapping[Key, Harm]:
        """The workloads that are to go back to Shadow, each with the edge that suffers most."""
        found: dict[Key, Harm] = {}
        for edge, traffic in self._traffic.items():
            stand = self._stands[edge.destination]
            if stand.spent or stand.stepped is None or now > stand.stepped + self._limits.bake:
                continue
            if stand.reach[0] <= ORDER.index(Mode.SHADOW):
                continue
            harm = self._harm(edge, traffic, now, stand.stepped)
            if harm is not None and (edge.destination not in found or harm.refused > found[edge.destination].refused):
                found[edge.destination] = harm
        return found

    def _harm(self, edge: Edge, traffic: _Traffic, now: float, stepped: float) -> Harm | None:
        """What is refused since the step, or what was about to be in the window before it."""
        limits = self._limits
        self._forget(traffic, now)
        since, before = max(stepped, now - limits.window), stepped - limits.window
        after = [each for each in traffic.latest if each.at >= since]
        ahead = [each for each in traffic.latest if before <= each.at < stepped]
        for moments, would in ((after, False), (ahead, True)):
            bad = sum(each.would if would else each.refused for each in moments)
            total = sum(each.total for each in moments)
            if bad >= limits.refusals and bad * 100 >= limits.share * total:
                return Harm(edge, bad, total, would)
        return None

    def _forget(self, traffic: _Traffic, now: float) -> None:
        while traffic.latest and traffic.latest[0].at < now - 2 * self._limits.window:
            traffic.latest.popleft()

    def _settle(self, callee: Key, now: float) -> None:
        """What was let through until now is what was in use before the step."""
        for edge, traffic in self._traffic.items():
            if edge.destination == callee:
                traffic.latest.append(_Moment(now))
                for use in traffic.kinds.values():
                    use.before, use.since = use.before + use.since, 0


def _edge(flow: Flow) -> Edge | None:
    """The edge of a flow that the callee's own sidecar tells of, between workloads that both proved who they are."""
    near, far = flow.source, flow.destination
    if flow.reporter.side is Side.SOURCE or flow.confidence is not Confidence.PROVED or not flow.count:
        return None
    if near.workload is None or far.workload is None or far.port is None or not near.identity:
        return None
    if flow.verdict in (None, Verdict.FAILED):
        return None
    return Edge(near.workload, far.workload, far.port)


def _kind(flow: Flow) -> str:
    """What is asked for, without what tells one object from another: `GET /v1/items/*`; empty for connections."""
    if flow.request is None:
        return ""
    parts = ("*" if _LIKE_AN_ID.fullmatch(part) else part for part in flow.request.path.split("/"))
    return f"{flow.request.method} {'/'.join(parts)}"
