"""A mesh of four workloads whose parts are processes that can be killed: identities, control plane, sidecars."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import msgspec

from licet.app.identity import registration, revocation
from licet.app.load import Setting
from licet.app.mesh.declared import read
from licet.app.up.claim import Claim
from licet.app.up.stations import stations
from licet.identity.entry import Entry
from licet.identity.spiffeid import SpiffeID, parse
from licet.mesh.envoy import bootstrap
from licet.mesh.sidecar import Sidecar
from licet.sources.settings import Settings
from tests.identity.drills.plane import DOMAIN, PATIENCE, Plane, until
from tests.identity.drills.proxy import executable
from tests.mesh.drills import contracts, traffic
from tests.mesh.drills.contracts import CALLEES, CALLERS, HTTP, TCP
from tests.mesh.drills.traffic import Caller

SPOIL = "LICET_DRILL_SPOIL"
"""The variable that names the file `Platform.spoil`."""
_SERVED = "sidecars are served"


class Part:
    """A process with a log."""

    def __init__(self, log: Path, environment: Mapping[str, str], *command: object) -> None:
        self.log = log
        with log.open("wb") as told:
            self.process = subprocess.Popen([*map(str, command)], stdout=told, stderr=told, env=environment)

    def told(self, pattern: str, times: int = 1) -> None:
        """Wait until it has told something by this pattern, so often."""

        def found() -> bool | None:
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            return len(re.findall(pattern, self.log.read_text())) >= times or None

        until(found)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by default as an administrator does."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(PATIENCE)


class Platform:
    """The parts. `control` and `identities` are those that ran last."""

    def __init__(self, home: Path, held: ExitStack, age: float) -> None:
        self.home = home
        self._age = age
        self.plane = Plane(home)
        self.manifests = home / "manifests"
        self.manifests.mkdir()
        contracts.write(self.manifests)
        declared = read([str(self.manifests)], Setting(Settings()), DOMAIN)
        assert not declared.errors, declared.errors
        intents = declared.intents.by_workload
        *addresses, another = held.enter_context(Claim(len(intents) + 1)).addresses
        placed = stations(intents, addresses, home)
        self.sidecars: Mapping[str, Sidecar] = {key.name: each for key, each in placed.items()}
        self.newcomer = msgspec.structs.replace(
            self.sidecars["api"], id=f"{contracts.deployment('api')}/1", address=another
        )
        """One more instance of a callee, that does not run yet."""
        registration.add(self.plane.place, [self._entry(name) for name in self.sidecars])
        self.envoys: dict[str, Part] = {}
        self.spoil = home / "spoil"
        """Says what is to be garbage, while it is there and its readers look."""
        self._held = held
        self._started = 0

    def begin(self, identities: str = "licet") -> None:
        """Start everything that traffic needs, and wait until each sidecar has a certificate and its listeners."""
        self.identities = self.start_identities(identities)
        self.control = self.start_control()
        for name in self.sidecars:
            self.start_envoy(name)
        self.callees = {
            "api": self._held.enter_context(traffic.callee(http=self.sidecars["api"].apps[HTTP])),
            "ledger": self._held.enter_context(traffic.callee(tcp=self.sidecars["ledger"].apps[TCP])),
        }
        for name in CALLERS:
            self.works(name)

    def start_identities(self, module: str = "licet") -> Part:
        """The server and the node; `module` is run as `licet` is."""
        command = ("identity", "serve", "--data", self.plane.data, "--socket", self.plane.socket)
        part = self._start("identities", sys.executable, "-m", module, *command)
        part.told("workloads at ")
        return part

    def start_control(self, *, wait: bool = True) -> Part:
        """The control plane; one is waited for until it serves sidecars."""
        places = (self.plane.data, self.manifests, self._control)
        part = self._start("control", sys.executable, "-m", "tests.mesh.drills.control", *places, self._age)
        if wait:
            part.told(_SERVED)
        return part

    def start_envoy(self, name: str) -> Part:
        """The sidecar of a workload, which is not waited for."""
        self.envoys[name] = self._envoy(name, name, self.sidecars[name])
        return self.envoys[name]

    def start_newcomer(self) -> Part:
        """The sidecar of one more instance, which is not waited for either."""
        return self._envoy("newcomer", "api", self.newcomer)

    def revive(self, newcomer: Part, revoked: SpiffeID) -> None:
        """Have everything be again as it was when it began."""
        newcomer.stop()
        revocation.permit(self.plane.place, revoked)
        contracts.write(self.manifests)
        for name in CALLERS:
            self.works(name)

    def admin(self, name: str) -> str:
        """The socket of a sidecar's own administration."""
        return str(self.home / f"{name}.admin")

    def rejected(self, name: str) -> int:
        """How often a sidecar counts that it did not take what it was told."""
        with httpx.Client(transport=httpx.HTTPTransport(uds=self.admin(name))) as client:
            counted = client.get("http://localhost/stats", params={"filter": "update_rejected$|config_fail$"}).text
        return sum(int(line.rpartition(": ")[2]) for line in counted.splitlines())

    def policies(self, name: str) -> Mapping[str, str]:
        """The version of each policy that a sidecar decides by."""
        with httpx.Client(transport=httpx.HTTPTransport(uds=self.admin(name))) as client:
            answer = client.get("http://localhost/config_dump", params={"resource": "ecds_filters"}).json()
        return {
            each["ecds_filter"]["name"]: each["version_info"] for each in answer["configs"] if "ecds_filter" in each
        }

    def identity(self, name: str) -> str:
        """Whom a workload runs as."""
        return contracts.identity(name, DOMAIN)

    def exits(self, name: str) -> Mapping[str, str]:
        """Where a caller finds those that it calls, by their names."""
        found = self.sidecars[name].exits
        ports = {"api": HTTP, "ledger": TCP}
        return {callee: found[f"{contracts.deployment(callee)}:{ports[callee]}"] for callee in CALLEES}

    def calls(self, name: str, *, rate: float) -> AbstractContextManager[Caller]:
        """Calls of every kind from one workload to the two others; none stays open where connections end soon."""
        to = self.exits(name)
        return traffic.caller(http=to["api"], tcp=to["ledger"], rate=rate, kept=0 if self._age < 60 else 3)

    def works(self, name: str) -> None:
        """Wait until a caller is answered in everything."""
        to = self.exits(name)
        kinds = ("http1-new", "grpc-new", "tcp-new")
        with traffic.caller(http=to["api"], tcp=to["ledger"], kinds=kinds, rate=10) as trying:
            until(lambda: all(each.done for each in trying.tallies().values()) or None)

    @property
    def _control(self) -> Path:
        return self.home / "control.sock"

    def _envoy(self, name: str, workload: str, sidecar: Sidecar) -> Part:
        control = bootstrap.Local(str(self._control))
        made = bootstrap.bootstrap(sidecar, str(self.plane.socket), control, admin=self.admin(name))
        config = self.home / f"{name}.json"
        config.write_text(bootstrap.text(made))
        options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warn", "--drain-time-s", "3")
        return self._start(name, self._executable(workload), "--config-path", config, *options)

    def _entry(self, name: str) -> Entry:
        selectors = (f"unix:path:{self._executable(name)}", f"unix:uid:{os.getuid()}")
        return Entry(id=name, spiffe_id=parse(self.identity(name)), selectors=selectors)

    def _executable(self, name: str) -> Path:
        """An Envoy at a path of its own, by which the node tells the sidecars of one user apart."""
        place = self.home / f"envoy-{name}"
        if not place.exists():
            try:
                os.link(executable(), place)
            except OSError:
                shutil.copy2(executable(), place)
        return place

    def _start(self, name: str, *command: object) -> Part:
        self._started += 1
        environment = {**os.environ, SPOIL: str(self.spoil)}
        part = Part(self.home / f"{self._started}-{name}.log", environment, *command)
        self._held.callback(part.stop)
        return part


@contextmanager
def platform(home: Path, identities: str = "licet", age: float = 3600.0) -> Iterator[Platform]:
    """One in an empty folder, with a path short enough for sockets in it, that works; connections end at this age."""
    with ExitStack() as held:
        made = Platform(home, held, age)
        made.begin(identities)
        yield made
