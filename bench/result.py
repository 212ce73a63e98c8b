"""What a benchmark found, as values that are printed and kept."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.mesh.result import Meshes

AIM_RATIO = 0.25
"""`licet map` against PyYAML merely loading the same files."""
AIM_PEAK = 512 << 20
AIM_P99 = 0.010
"""Following a change that touches up to 100 rows, in seconds."""
AIM_TOGETHER = 5.0
"""`licet check`, `compile` and `prove` for 1,000 contracts, in seconds."""
AIM_ISSUED = 1_500
"""Certificates issued in a second of one core's time, in batches as nodes ask for them."""
AIM_SERVED = 2.0
"""From a rotation to the last of 1,000 watchers, in seconds."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when a measurement was taken."""

    processor: str
    cores: int
    memory: int
    system: str
    python: str
    date: str

    @classmethod
    def here(cls) -> Machine:
        """This machine, now."""
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            system=f"{platform.system()} {platform.release().split('-')[0]}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        )

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, {self.memory / (1 << 30):.0f} GiB, {self.system}, "
            f"{self.python}, {self.date}"
        )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


@dataclass(frozen=True, slots=True)
class Measured:
    """One case. Times are seconds, the least of `repeats` runs each; `peak` is bytes, of the whole command.

    `failure` says why `whole` or the stages are missing.
    """

    case: str
    files: int
    documents: int
    size: int
    repeats: int
    baseline: float
    baseline_cpu: float
    whole: float
    whole_cpu: float
    peak: int
    stages: dict[str, float] = field(default_factory=dict)
    stage_peaks: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)
    failure: str = ""

    @property
    def ratio(self) -> float:
        """The whole command over the baseline, by the clock."""
        return self.whole / self.baseline

    @property
    def cpu_ratio(self) -> float:
        """The same by CPU time, which other work on the machine disturbs less."""
        return self.whole_cpu / self.baseline_cpu


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: the least seconds of its runs, and the highest peak in bytes."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The commands of contracts on one platform, by what they are called. `workloads` have one contract each."""

    workloads: int
    files: int
    documents: int
    size: int
    repeats: int
    baseline: Cost
    commands: dict[str, Cost] = field(default_factory=dict)
    failure: str = ""

    @property
    def together(self) -> Cost:
        """`check`, `compile` to NetworkPolicies and `prove`, one after the other."""
        costs = [self.commands[name] for name in ("check", "compile", "prove")]
        return Cost(sum(c.wall for c in costs), sum(c.cpu for c in costs), max(c.peak for c in costs))

    def growth(self, smaller: Chain) -> float:
        """How the processor time grew against the workloads since a smaller platform: 1 is linear."""
        return self.together.cpu / smaller.together.cpu / (self.workloads / smaller.workloads)


@dataclass(frozen=True, slots=True)
class Latency:
    """Re-answering after one change of a kind, in seconds.

    `rows` is the median of what came back; `checked` of the `samples` answers were compared with a fresh one.
    """

    change: str
    samples: int
    p50: float
    p99: float
    worst: float
    rows: int
    checked: int


@dataclass(frozen=True, slots=True)
class Peer:
    """Another tool beside Licet on the same files. `times` is how often Licet's whole run fits into the tool's.

    `alike` says what a comparison of the answers found; `failure` why there is no time.
    """

    tool: str
    case: str
    tool_seconds: float
    licet_seconds: float
    tool_peak: int
    alike: str = ""
    failure: str = ""

    @property
    def times(self) -> float:
        """The tool's time over Licet's."""
        return self.tool_seconds / self.licet_seconds


@dataclass(frozen=True, slots=True)
class Issuing:
    """Issuing in one way, in seconds for a certificate.

    `bare` is the processor time of the same certificate by `cryptography` alone, `least` that of one ECDSA signature
    and one verification; both were taken in turns with it. `aimed` says whether the aim is about this way, `skipped`
    why it was not measured.
    """

    way: str
    issued: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    bare: float = 0.0
    least: float = 0.0
    aimed: bool = False
    skipped: str = ""

    @property
    def rate(self) -> float:
        """Certificates in a second of one core's time."""
        return 1 / self.cpu

    @property
    def ratio(self) -> float:
        """Its processor time over that of the bare certificate."""
        return self.cpu / self.bare


@dataclass(frozen=True, slots=True)
class Fetching:
    """Fetches of an SVID in one way, in seconds each: by the clock and of the server's time, and the bare server's."""

    way: str
    fetched: int
    wall: float
    cpu: float
    bare_wall: float
    bare_cpu: float

    @property
    def ratio(self) -> float:
        """The server's processor time over the bare server's."""
        return self.cpu / self.bare_cpu


@dataclass(frozen=True, slots=True)
class Rotating:
    """Seconds from a change to the last watcher and to the median one; `bare` is the last one's of a bare server."""

    what: str
    watchers: int
    identities: int
    last: float
    median: float
    cpu: float
    bare: float
    bare_cpu: float

    @property
    def ratio(self) -> float:
        """The server's processor time over that of the bare server, which has nothing to issue."""
        return self.cpu / self.bare_cpu


@dataclass(frozen=True, slots=True)
class Watching:
    """Bytes of the server for each watcher that waits, and of the bare server."""

    watchers: int
    identities: int
    memory: float
    bare: float

    @property
    def ratio(self) -> float:
        """The one over the other."""
        return self.memory / self.bare


@dataclass
class Identities:
    """Everything about identities that one run measured; `skipped` says why that is nothing, `failure` why not all."""

    issuing: list[Issuing] = field(default_factory=list)
    fetching: list[Fetching] = field(default_factory=list)
    rotating: list[Rotating] = field(default_factory=list)
    watching: list[Watching] = field(default_factory=list)
    skipped: str = ""
    failure: str = ""


@dataclass
class Results:
    """Everything that one run measured."""

    machine: Machine
    cases: list[Measured] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    identities: Identities | None = None
    meshes: Meshes | None = None
    failures: list[str] = field(default_factory=list)
