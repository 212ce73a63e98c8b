"""What is kept of earlier snapshots changes nothing about later ones, and a revocation concerns few."""

from __future__ import annotations

import msgspec
import pytest

from bench.mesh import fleet
from licet.contracts.contract import Mode
from licet.mesh.assembly import Known, assemble
from licet.mesh.composition import Composer
from licet.mesh.fleet import Settings
from licet.mesh.intent import Callee
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Capture, Sidecar

MANY = 13
KNOWN = fleet.known(MANY)


def _sidecar(number: int) -> Sidecar:
    """Of every third the calls are captured by exits of its own."""
    redirected = fleet.sidecar(number)
    if number % 3:
        return redirected
    called = enumerate(call.to.key for call in KNOWN.intents[fleet.key(number)].calls if isinstance(call.to, Callee))
    exits = {f"{key}:{fleet.PORT}": f"127.0.0.1:{9000 + at}" for at, key in called}
    return msgspec.structs.replace(redirected, capture=Capture.EXPLICIT, exits=exits)


SIDECARS = tuple(map(_sidecar, range(MANY)))


def composed(composer: Composer, known: Known) -> list[Snapshot]:
    return [composer(assemble(known), each) for each in SIDECARS]


def in_mode(known: Known, mode: Mode) -> Known:
    return msgspec.structs.replace(
        known, intents={key: msgspec.structs.replace(intent, mode=mode) for key, intent in known.intents.items()}
    )


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.SHADOW, Mode.ENFORCE])
@pytest.mark.parametrize("collector", ["", "127.0.0.1:4317"])
def test_what_was_said_meanwhile_changes_nothing_of_what_is_said_again(mode: Mode, collector: str) -> None:
    first = msgspec.structs.replace(in_mode(KNOWN, mode), settings=Settings(collector=collector))
    denied = msgspec.structs.replace(first, denied=frozenset({fleet.identity(3)}))
    kept = Composer()
    before = composed(kept, first)
    for other in (
        fleet.changed(first, 5),
        denied,
        in_mode(first, Mode.SHADOW if mode is Mode.OBSERVE else Mode.OBSERVE),
    ):
        assert composed(kept, other) == composed(Composer(), other) != before
    assert composed(kept, first) == before


def test_a_revocation_concerns_those_that_it_ends_something_for() -> None:
    revoked = fleet.key(3)
    composer = Composer()
    before = composed(composer, KNOWN)
    after = composed(composer, msgspec.structs.replace(KNOWN, denied=frozenset({fleet.identity(3)})))
    told = {
        (sidecar.workload, kind)
        for sidecar, old, new in zip(SIDECARS, before, after, strict=True)
        for kind in Kind
        if old.versions[kind] != new.versions[kind]
    }
    serving = {(call.to.key, Kind.EXTENSION) for call in KNOWN.intents[revoked].calls}  # type: ignore[union-attr]
    calling = {
        (key, Kind.CLUSTER)
        for key, intent in KNOWN.intents.items()
        if any(getattr(call.to, "key", None) == revoked for call in intent.calls)
    }
    assert told == serving | calling
