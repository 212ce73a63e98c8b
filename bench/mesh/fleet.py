"""A fleet to measure with: so many workloads, each of which serves one port to ten others, and the first to all."""

from __future__ import annotations

import random

import msgspec

from licet.contracts.contract import HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.mesh.assembly import Known
from licet.mesh.intent import Call, Callee, Intent, Proof, Rule, Served, Speaks
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet, Protocol

DOMAIN = "bench.example"
PORT = 8080
_PORTS = 10_000
"""Those of workloads that have one address in common begin here."""
CALLERS = 10
EVERYBODYS = 0
"""The workload that all others call."""
_PLACE = Place(Origin("contract.yaml"))
_BEFORE = (HttpMatch(("GET",), "/v1/", False), HttpMatch(("POST",), "/v1/orders", True))
_AFTER = (*_BEFORE, HttpMatch(("DELETE",), "/v1/orders/", False))


def key(number: int) -> Key:
    """The workload of this number."""
    return Key("", "apps", "Deployment", f"team-{number // 20}", f"app-{number}")


def identity(number: int) -> str:
    """Whoever runs it."""
    return f"spiffe://{DOMAIN}{path(number)}"


def path(number: int) -> str:
    """The same without the trust domain."""
    return f"/ns/team-{number // 20}/sa/app-{number}"


def address(number: int) -> str:
    """Where its one instance is."""
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def known(many: int, *, at: str = "") -> Known:
    """All of them, with an instance each; `at` is the address of every one, where that is not its own."""
    chance = random.Random(many)
    callers = [sorted(chance.sample([n for n in range(many) if n != callee], CALLERS)) for callee in range(many)]
    callers[EVERYBODYS] = [n for n in range(many) if n != EVERYBODYS]
    callees: list[list[int]] = [[] for _ in range(many)]
    for callee, those in enumerate(callers):
        for caller in those:
            callees[caller].append(callee)
    ports = [_PORTS + n if at else PORT for n in range(many)]
    intents = (_intent(n, ports, callers[n], callees[n]) for n in range(many))
    instances = {str(key(n)): (Instance(sidecar(n).id, at or address(n)),) for n in range(many)}
    prober = f"spiffe://{DOMAIN}/licet/mesh"
    return Known(DOMAIN, prober, {intent.key: intent for intent in intents}, instances)


def changed(known: Known, number: int) -> Known:
    """The contract of one of them is another: more may be asked of it, or what could be asked more no longer."""
    callee = known.intents[key(number)]
    [served] = callee.serves
    http = _AFTER if served.rules[0].http == _BEFORE else _BEFORE
    rules = tuple(msgspec.structs.replace(rule, http=http) for rule in served.rules)
    found = {**known.intents, callee.key: _serving(callee, msgspec.structs.replace(served, rules=rules))}
    for key_, intent in known.intents.items():
        if any(isinstance(call.to, Callee) and call.to.key == callee.key for call in intent.calls):
            found[key_] = msgspec.structs.replace(
                intent, calls=tuple(_asking(call, callee.key, http) for call in intent.calls)
            )
    return msgspec.structs.replace(known, intents=found)


def sidecar(number: int, at: str = "") -> Sidecar:
    """Its sidecar, to which all of its traffic is redirected."""
    return Sidecar(f"{key(number)}/0", key(number), identity(number), at or address(number), Capture.REDIRECTED)


def _intent(number: int, ports: list[int], callers: list[int], callees: list[int]) -> Intent:
    rules = tuple(Rule(f"serve/app-{n}", Proof(frozenset({identity(n)})), _BEFORE, (), None) for n in callers)
    calls = tuple(
        Call(
            f"app-{n}",
            Callee(key(n), frozenset({identity(n)})),
            PortSet.of(PortRange(Protocol.TCP, ports[n], ports[n])),
            Speaks.HTTP,
            _BEFORE,
            (),
            None,
        )
        for n in callees
    )
    serves = (Served(ports[number], Speaks.HTTP, True, rules),)
    return Intent(key(number), identity(number), Mode.ENFORCE, serves, calls, _PLACE)


def _serving(intent: Intent, served: Served) -> Intent:
    return msgspec.structs.replace(intent, serves=(served,))


def _asking(call: Call, callee: Key, http: tuple[HttpMatch, ...]) -> Call:
    return msgspec.structs.replace(call, http=http) if isinstance(call.to, Callee) and call.to.key == callee else call
