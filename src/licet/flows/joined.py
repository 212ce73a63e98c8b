"""One request that both sides report is one flow.

What the destination's side reports is passed on at once: there it is decided. What the source's side reports waits for
it, and is passed on alone when nothing comes: then nobody stands on the other side, or the request never came there.
What the source's side refuses before it calls never does, and waits for nothing.
Two reports are one where they have a key in common, come from different sides and do not name different identities.
Each is paired once, so that a caller who uses an id again makes nobody count less.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from itertools import islice

import msgspec

from licet.flows.record import (
    Confidence,
    Endpoint,
    Failure,
    Flow,
    Latency,
    Phase,
    Reporter,
    Request,
    Side,
    Tls,
    TlsFailure,
    Verdict,
)

_LOOKED_AT = 16
"""Reports with one key that are looked at for another: who uses an id a thousand times takes no time from others."""
_WORST = (None, Verdict.FORWARDED, Verdict.FAILED, Verdict.WOULD_REFUSE, Verdict.REFUSED)
_VAGUE = (None, TlsFailure.PEER_REFUSED, TlsFailure.OTHER)


class Joined:
    """Pairs reports. Times are seconds of any clock that only goes forward; of each side `most` reports are kept."""

    def __init__(self, patience: float = 2.0, most: int = 1 << 16) -> None:
        self._patience = patience
        self._waiting = _Shelf(most)
        self._told = _Shelf(most)
        self.counted: Counter[str] = Counter()
        """`paired`; `alone`, reports of a source that nothing came for; `hurried`, such that there was no room for."""

    def add(self, flow: Flow, now: float) -> list[Flow]:
        """What can be passed on now that this is known, with what waited too long."""
        ready = self.due(now)
        if flow.phase is not Phase.ENDED or not flow.keys or flow.reporter.side is Side.BOTH:
            return [*ready, flow]
        refused = flow.verdict is Verdict.REFUSED and flow.failure is not Failure.TLS
        if flow.reporter.side is Side.SOURCE and refused:
            return [*ready, flow]
        other = self._waiting if flow.reporter.side is Side.DESTINATION else self._told
        found = other.take(flow)
        if found is not None:
            self.counted["paired"] += 1
            return [*ready, merge(found, flow)] if flow.reporter.side is Side.DESTINATION else ready
        if flow.reporter.side is Side.DESTINATION:
            self._told.put(flow, now + self._patience)
            return [*ready, flow]
        hurried = self._waiting.put(flow, now + self._patience)
        if hurried is not None:
            self.counted["hurried"] += 1
            ready.append(hurried)
        return ready

    def due(self, now: float) -> list[Flow]:
        """What waited long enough."""
        for _ in self._told.leave(now):
            pass
        alone = list(self._waiting.leave(now))
        self.counted["alone"] += len(alone)
        return alone

    def __len__(self) -> int:
        """How many reports are kept."""
        return len(self._waiting) + len(self._told)


class _Shelf:
    """Flows of one side by their keys, the oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = 0
        self._flows: OrderedDict[int, tuple[Flow, float]] = OrderedDict()
        self._by_key: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def put(self, flow: Flow, until: float) -> Flow | None:
        """The oldest, where there was no room for one more."""
        oldest = self._remove(next(iter(self._flows))) if len(self._flows) >= self._most else None
        self._flows[self._next] = (flow, until)
        for key in flow.keys:
            self._by_key.setdefault(key, []).append(self._next)
        self._next += 1
        return oldest

    def take(self, flow: Flow) -> Flow | None:
        """The oldest that is of the same thing, which is gone from here then."""
        for key in flow.keys:
            for number in islice(self._by_key.get(key, ()), _LOOKED_AT):
                if _agree(self._flows[number][0], flow):
                    return self._remove(number)
        return None

    def leave(self, now: float) -> Iterator[Flow]:
        """Those whose time is over."""
        while self._flows:
            number, (_, until) = next(iter(self._flows.items()))
            if until > now:
                return
            yield self._remove(number)

    def _remove(self, number: int) -> Flow:
        flow, _ = self._flows.pop(number)
        for key in flow.keys:
            numbers = self._by_key[key]
            numbers.remove(number)
            if not numbers:
                del self._by_key[key]
        return flow


def _agree(one: Flow, other: Flow) -> bool:
    return all(
        not near or not far or near == far
        for near, far in (
            (one.source.identity, other.source.identity),
            (one.destination.identity, other.destination.identity),
        )
    )


def merge(source: Flow, destination: Flow) -> Flow:
    """What both sides know: identities by whom they were shown to, the worse verdict, the caller's time."""
    verdict = max(source.verdict, destination.verdict, key=_WORST.index)
    decided = source if source.verdict is verdict and destination.verdict is not verdict else destination
    near = _ends(destination.source, source.source)
    far = _ends(destination.destination, source.destination)
    proved = bool(near.identity and far.identity) and destination.failure is not Failure.TLS
    return msgspec.structs.replace(
        destination,
        start=min(source.start, destination.start),
        source=near,
        destination=far,
        verdict=verdict,
        decision=decided.decision or source.decision,
        failure=decided.failure or source.failure,
        request=_request(source, destination),
        tls=_tls(source.tls, destination.tls),
        end=source.end or destination.end,
        latency=_latency(source.latency, destination.latency),
        trace=destination.trace or source.trace,
        keys=tuple(dict.fromkeys((*destination.keys, *source.keys))),
        reporter=Reporter(Side.BOTH, destination.reporter.node, destination.reporter.kind),
        confidence=Confidence.PROVED if proved else Confidence.REPORTED,
    )


def _ends(first: Endpoint, second: Endpoint) -> Endpoint:
    """What the first says, and what the second says beyond."""
    said = {name: getattr(first, name) or getattr(second, name) for name in Endpoint.__struct_fields__}
    return Endpoint(**said)


def _request(source: Flow, destination: Flow) -> Request | None:
    if source.request is None or destination.request is None:
        return destination.request or source.request
    status = destination.request.status if source.request.status is None else source.request.status
    return msgspec.structs.replace(destination.request, status=status)


def _tls(source: Tls | None, destination: Tls | None) -> Tls | None:
    if source is None or destination is None:
        return destination or source
    vague = destination.failure in _VAGUE and source.failure is not None
    return source if vague else destination


def _latency(source: Latency | None, destination: Latency | None) -> Latency | None:
    if source is None or destination is None:
        return destination or source
    return Latency(source.total, source.first_answer, destination.decision)
