"""Sidecars are told garbage, by their node and by their control plane: they keep what they have, and it is told of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec

from licet.app.identity import rotation
from licet.identity.authority import Kind
from tests.identity.drills.plane import until
from tests.mesh.drills import contracts
from tests.mesh.drills.contracts import CALLERS
from tests.mesh.drills.platform import Part, Platform
from tests.mesh.drills.rotation import shown
from tests.mesh.drills.traffic import Tally

_APPLIED = "the contracts are applied"


class Spoiled(msgspec.Struct, frozen=True):
    """What came of all calls, from before the garbage until after what followed it, by caller and kind.

    `kept` is whether the callee went on with what it had, `followed` whether it took what came after. `told` are
    findings in the log of whoever handed it out, by sidecar, and `rejected` how often Envoy's own counters have it.
    """

    calls: Mapping[str, Mapping[str, Tally]]
    kept: bool
    followed: bool
    told: Mapping[str, str]
    rejected: int


def secret(platform: Platform, what: str, seconds: float, rate: float) -> Spoiled:
    """Every sidecar is handed a secret that is garbage, and after some seconds a good one."""
    before = platform.rejected("api")
    told = len(findings(platform.identities))

    def reissue() -> None:
        kind = Kind.ROOT if what == "bundle" else Kind.INTERMEDIATE
        rotation.rotate(platform.plane.place, kind, force=True, reissue=kind is Kind.INTERMEDIATE)

    with _calling(platform, rate) as calling:
        had = shown(platform, "api")
        platform.spoil.write_text(what)
        reissue()
        until(lambda: len(_by_node(findings(platform.identities)[told:])) == len(platform.sidecars) or None)
        time.sleep(seconds)
        kept = shown(platform, "api") == had
        rejected = platform.rejected("api") - before
        platform.spoil.unlink()
        rotation.rotate(platform.plane.place, Kind.INTERMEDIATE, force=False, reissue=True)
        followed = until(lambda: shown(platform, "api") != had or None)
        time.sleep(1)
        calls = calling()
    return Spoiled(calls, kept, followed, _by_node(findings(platform.identities)[told:]), rejected)


def policy(platform: Platform, seconds: float, rate: float) -> Spoiled:
    """The callee of requests is told a policy that is garbage, and after some seconds a good one that refuses more."""
    before, had = platform.rejected("api"), platform.policies("api")
    with _calling(platform, rate) as calling:
        platform.spoil.write_text("policy")
        contracts.write(platform.manifests, reports=False)
        until(lambda: findings(platform.control) or None)
        time.sleep(seconds)
        kept = platform.policies("api") == had
        rejected = platform.rejected("api") - before
        platform.spoil.unlink()
        # What sidecars are told is made anew when the contracts change, and those that hold now were read already.
        applied = len(_lines(platform.control, _APPLIED))
        contracts.write(platform.manifests)
        until(lambda: len(_lines(platform.control, _APPLIED)) > applied or None)
        contracts.write(platform.manifests, reports=False)
        followed = until(lambda: platform.policies("api") != had or None)
        calls = calling()
    told = _by_node(findings(platform.control))
    contracts.write(platform.manifests)
    return Spoiled(calls, kept, followed, told, rejected)


@contextmanager
def _calling(platform: Platform, rate: float) -> Iterator[Callable[[], Mapping[str, Mapping[str, Tally]]]]:
    """Calls of everybody from now on; what comes of them is said once, at their end."""
    with ExitStack() as held:
        callers = {name: held.enter_context(platform.calls(name, rate=rate)) for name in CALLERS}
        yield lambda: {name: caller.end() for name, caller in callers.items()}


def findings(part: Part) -> list[Mapping[str, Any]]:
    """What a process has told that has a code."""
    return [line for line in _read(part) if "code" in line]


def _lines(part: Part, event: str) -> list[Mapping[str, Any]]:
    return [line for line in _read(part) if line["event"] == event]


def _read(part: Part) -> list[Mapping[str, Any]]:
    """Lines of the log that are whole and JSON; others are those of whoever started it."""
    whole = part.log.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


def _by_node(found: list[Mapping[str, Any]]) -> Mapping[str, str]:
    return {line["node"]: line["code"] for line in found}
