"""The real Envoy, started with a bootstrap of a test's own."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]
from google.protobuf.message import Message

from tests.identity.drills.proxy import executable

PATIENCE = 30.0
"""Seconds until what should have happened is taken for lost."""
T = TypeVar("T")


class Proxy:
    """An Envoy that runs, as its own administration knows it."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.process = process

    @property
    def log(self) -> str:
        """What it has told so far."""
        return (self.home / "envoy.log").read_text(errors="replace")

    def admin(self, path: str) -> str:
        """What administration answers at a path, which begins with a slash."""
        [address] = (self.home / "admin.txt").read_text().split()
        with urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def stats(self, pattern: str = "") -> Mapping[str, int]:
        """Counters and gauges whose names this pattern is found in."""
        lines = (line.rpartition(": ") for line in self.admin("/stats").splitlines())
        return {name: int(value) for name, _, value in lines if value.isdigit() and re.search(pattern, name)}

    def ports(self) -> Mapping[str, int]:
        """The port that each listener has, by its name, for those that have one."""
        found: Any = json.loads(self.admin("/listeners?format=json"))
        addresses = {each["name"]: each["local_address"] for each in found.get("listener_statuses", ())}
        return {
            name: address["socket_address"]["port_value"]
            for name, address in addresses.items()
            if "socket_address" in address
        }

    def ready(self) -> bool:
        """Whether everything that it waits for at its start is there."""
        assert self.process.poll() is None, self.log
        try:
            return self.admin("/ready").strip() == "LIVE"
        except (OSError, ValueError):
            return False

    def until(self, found: Callable[[], T | None]) -> T:
        """What is found at last."""
        return until(found, lambda: self.log[-4000:])


@contextmanager
def proxy(home: Path, bootstrap: Bootstrap, *options: str, wait: bool = True) -> Iterator[Proxy]:
    """An Envoy with this bootstrap, whose administration is given a port of the kernel's choice; by default, ready."""
    home.mkdir(exist_ok=True)
    written = Bootstrap()
    written.CopyFrom(bootstrap)
    written.node.id = written.node.id or "test"
    written.node.cluster = written.node.cluster or "test"
    written.admin.address.socket_address.address = "127.0.0.1"
    written.admin.address.socket_address.port_value = 0
    (home / "envoy.pb").write_bytes(written.SerializeToString())
    words = (
        *("-c", str(home / "envoy.pb"), "--admin-address-path", str(home / "admin.txt"), "--disable-hot-restart"),
        *("--concurrency", "1", "--log-level", "warning", "--drain-time-s", "5", *options),
    )
    with (home / "envoy.log").open("wb") as told:
        process = subprocess.Popen([executable(), *words], stdout=told, stderr=told)
    running = Proxy(home, process)
    try:
        if wait:
            running.until(lambda: running.ready() or None)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def static(listeners: Iterable[Message] = (), clusters: Iterable[Message] = ()) -> Bootstrap:
    """A bootstrap with these alone."""
    return Bootstrap(static_resources=Bootstrap.StaticResources(listeners=list(listeners), clusters=list(clusters)))


def until(found: Callable[[], T | None], told: Callable[[], str] = lambda: "") -> T:
    """What is found at last, asked for again and again."""
    deadline = time.monotonic() + PATIENCE
    while (result := found()) is None:
        assert time.monotonic() < deadline, told()
        time.sleep(0.01)
    return result
