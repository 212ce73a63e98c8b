"""The drills by hand, as long as one likes, with what they measure.

`python -m tests.mesh.drills rotation --seconds 300 --rate 50`
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.mesh.drills import garbage, killed, outage, rotation
from tests.mesh.drills.garbage import Spoiled
from tests.mesh.drills.platform import platform
from tests.mesh.drills.rotation import Rotated
from tests.mesh.drills.traffic import Tally, harmed, total

_AGE = 10.0


def main() -> None:
    """Run one and print the numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.mesh.drills", description=__doc__)
    parser.add_argument("drill", choices=sorted(_DRILLS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--rate", type=float, default=50.0, help="calls a second of each kind, from each of two callers"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mesh-drill-") as home:
        _DRILLS[given.drill](Path(home), given.seconds, given.rate)


def _rotated(home: Path, seconds: float, rate: float) -> None:
    with platform(home) as mesh:
        _report(rotation.rotate(mesh, seconds, rate))


def _renewed(home: Path, seconds: float, rate: float) -> None:
    with platform(home, age=_AGE) as mesh:
        print(f"connections end after {_AGE:g} s, so that requests go over new ones all the time")
        _report(rotation.rotate(mesh, seconds, rate))


def _failed_over(home: Path, seconds: float, rate: float) -> None:
    with platform(home) as mesh:
        _report(rotation.fail_over(mesh, seconds, rate, settle=1.0))


def _outage(home: Path, seconds: float, rate: float) -> None:
    with platform(home) as mesh:
        print(f"server and node of identities away for {seconds:g} s:")
        for name, each in outage.identities_away(mesh, seconds, rate).items():
            tell(name, each)
        away = outage.control_away(mesh, seconds, rate)
    print(f"control plane away for {seconds:g} s, back after {away.started:.2f} s; harmed until then:")
    print({name: harmed(each) for name, each in away.during.items()} | {"until the end": harmed(away.spared)})
    print(f"  until the changed contract held: {away.reports:.2f} s; the revocation, by kind:")
    print(f"  { ({kind: round(each, 2) for kind, each in sorted(away.revoked.items())}) }")
    print(f"  the new sidecar served after {away.newcomer:.2f} s, before: {away.leaked}")


def _killed(home: Path, seconds: float, rate: float) -> None:
    with platform(home) as mesh:
        for name, drill in (("callees", killed.callees_killed), ("a caller", killed.caller_killed)):
            done = drill(mesh, seconds, rate)
            print(f"sidecars of {name} killed for {seconds:g} s: answered {done.answered}")
            print(f"  failed {done.failed}; came to programs {done.came}, connections taken: {done.taken}")
            print(f"  back after {done.back:.2f} s")
            print(f"  others: {harmed(done.others) or total(done.others)}")
        tell("one of two", killed.one_of_two_killed(mesh, seconds, rate))


def _garbage(home: Path, seconds: float, rate: float) -> None:
    with platform(home, "tests.mesh.drills.spoiling") as mesh:
        for what in ("certificate", "key", "bundle"):
            _spoiled(what, garbage.secret(mesh, what, seconds, rate))
        _spoiled("policy", garbage.policy(mesh, seconds, rate))


def _spoiled(what: str, done: Spoiled) -> None:
    harm = {name: harmed(each) for name, each in done.calls.items()}
    print(f"{what}: {sum(map(total, done.calls.values()))} answered, harmed {harm}")
    print(f"  kept {done.kept}, followed {done.followed}, told {dict(done.told)}, rejected {done.rejected} times")


def _report(done: Rotated) -> None:
    print(f"{len(done.took)} times in {done.seconds:.1f} s; until both callees showed another: {_spread(done.took)}")
    print(f"certificates in handshakes, by callee: {dict(done.shown)}; came: {dict(done.served)}")
    for caller, tallies in done.calls.items():
        tell(caller, tallies)


def tell(caller: str, tallies: Mapping[str, Tally]) -> None:
    """What came of one caller's calls."""
    for kind, each in sorted(tallies.items()):
        kept = f", {each.opened} opened, {each.broken} broken, {each.lost} lost" if each.opened else ""
        why = f" {each.why}" if each.why else ""
        print(f"  {caller} {kind:12} {each.done:7} done, {each.failed} failed{kept}, slowest {each.slowest:.3f} s{why}")


def _spread(values: tuple[float, ...]) -> str:
    return f"median {statistics.median(values):.2f} s, max {max(values):.2f} s"


_DRILLS: Mapping[str, Callable[[Path, float, float], None]] = {
    "rotation": _rotated,
    "renewal": _renewed,
    "failover": _failed_over,
    "outage": _outage,
    "killed": _killed,
    "garbage": _garbage,
}


if __name__ == "__main__":
    main()
