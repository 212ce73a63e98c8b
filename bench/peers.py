"""Other analysers beside Licet, on the same files, their answers compared where both are small enough to be read.

`nca` is PyPI's network-config-analyzer, `netpolicy` the command of github.com/np-guard/netpol-analyzer. Both hold that
an ipBlock never matches a pod, as Licet does under `--enforcer cilium`, and both leave out what a pod says to itself.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cases import OUT, ROOT, licet_map, written
from bench.generate import Case
from bench.process import Run, run
from bench.result import Peer
from licet.model.ports import ALL_PORTS, PortRange, PortSet, Protocol

TIMEOUT = 300.0
_WORKLOAD = r"[^\s\[\]]+/[^\s\[\]]+\[\w+\]"
_LINE = re.compile(rf"^({_WORKLOAD}) => ({_WORKLOAD}) : (.+)$")

Pairs = Mapping[tuple[str, str], PortSet]
"""What each workload may say to each other one; pairs that may say nothing are left out."""


@dataclass(frozen=True)
class Tool:
    """How to find, call and read another analyser; `compared` is the case on which answers are compared."""

    name: str
    binaries: tuple[Path | str, ...]
    install: str
    options: Callable[[Path], list[str]]
    connections: Callable[[str], PortSet]
    cases: tuple[Case, ...]
    compared: Case

    def command(self, folder: Path) -> list[str] | None:
        """The whole command line, or None where the tool is not on this machine."""
        for binary in self.binaries:
            found = shutil.which(binary)
            if found:
                return [found, *self.options(folder)]
        return None


def compare(tool: Tool) -> Iterator[Peer]:
    """Time the tool on its cases. Larger cases are not tried once one was not done in time."""
    if tool.command(OUT) is None:
        yield Peer(tool.name, tool.cases[0].name, 0, 0, 0, failure=f"not on this machine: `{tool.install}` installs it")
        return
    alike = _alike(tool)
    for case in tool.cases:
        folder, _ = written(case)
        own = min((licet_map(folder) for _ in range(3)), key=lambda r: r.wall)
        other = _run(tool, folder, None)
        shutil.rmtree(folder)
        failure = other.failure or own.failure
        yield Peer(tool.name, case.name, other.wall, own.wall, other.peak, alike, failure)
        if other.timed_out:
            return


def _run(tool: Tool, folder: Path, output: Path | None) -> Run:
    command = tool.command(folder)
    assert command is not None
    return run(command, timeout=TIMEOUT, output=output, memory=16 << 30)


def _alike(tool: Tool) -> str:
    """What a comparison of all pairs of the tool's `compared` case says, in a few words."""
    folder, _ = written(tool.compared)
    theirs_at, ours_at = OUT / f"{tool.compared.name}.txt", OUT / f"{tool.compared.name}.json"
    outcome = _run(tool, folder, theirs_at)
    own = licet_map(folder, "--enforcer", "cilium", output=ours_at)
    shutil.rmtree(folder)
    if outcome.failure or own.failure:
        return f"not compared on {tool.compared.name}: {outcome.failure or own.failure}"
    theirs = read_lines(theirs_at.read_text().splitlines(), tool.connections)
    ours = read_map(json.loads(ours_at.read_text()))
    known = {name for pair in ours for name in pair}
    theirs = {pair: ports for pair, ports in theirs.items() if known.issuperset(pair)}
    different = sum(theirs.get(pair) != ours.get(pair) for pair in theirs.keys() | ours.keys())
    where = f"{len(ours):,} allowed pairs of {tool.compared.name}"
    return f"the same {where}" if not different else f"{different} differences over the {where}"


def read_lines(lines: Iterable[str], connections: Callable[[str], PortSet]) -> Pairs:
    """Pairs from lines `SRC => DST : CONN`; lines on addresses and other things are passed over."""
    matches = filter(None, map(_LINE.match, lines))
    return {(m[1], m[2]): connections(m[3]) for m in matches if m[1] != m[2]}


def read_map(document: Mapping[str, Any]) -> Pairs:
    """Pairs of workloads from a map in JSON."""
    workloads = {endpoint["id"] for endpoint in document["endpoints"] if endpoint["type"] == "workload"}
    pairs: dict[tuple[str, str], PortSet] = {}
    for edge in document["edges"]:
        ports = PortSet.of(*(PortRange(Protocol[p["protocol"]], p["from"], p["to"]) for p in edge["ports"]))
        for src in workloads.intersection(edge["src"]):
            for dst in workloads.intersection(edge["dst"]):
                if src != dst:
                    pairs[src, dst] = pairs.get((src, dst), PortSet()) | ports
    return pairs


def nca_connections(text: str) -> PortSet:
    """Ports from such as `{protocols:TCP,dst_ports:80,90-95}`."""
    if text.lower() == "all connections":
        return ALL_PORTS
    ports = PortSet()
    for group in re.findall(r"\{([^}]*)\}", text):
        protocols, _, numbers = group.removeprefix("protocols:").partition(",dst_ports:")
        for protocol in protocols.split(","):
            ports |= PortSet.of(*(_range(protocol, number) for number in (numbers or "1-65535").split(",")))
    return ports


def netpolicy_connections(text: str) -> PortSet:
    """Ports from such as `TCP 80,90-95,UDP 53`."""
    if text.lower() == "all connections":
        return ALL_PORTS
    ports, protocol = PortSet(), ""
    for item in text.split(","):
        *named, number = item.split()
        protocol = named[0] if named else protocol
        ports |= PortSet.of(_range(protocol, number))
    return ports


def _range(protocol: str, numbers: str) -> PortRange:
    first, _, last = numbers.partition("-")
    return PortRange(Protocol[protocol.strip()], int(first), int(last or first))


NCA = Tool(
    name="nca 2.1.0",
    binaries=(ROOT / ".venv/bench/bin/nca", ROOT / ".tools/nca/bin/nca", "nca"),
    install="make bench",
    options=lambda folder: ["--connectivity", "-r", str(folder), "-o", "txt_no_fw_rules"],
    connections=nca_connections,
    cases=(Case("bare", 200),),
    compared=Case("bare", 40),
)
NETPOLICY = Tool(
    name="netpol-analyzer",
    binaries=(ROOT / ".tools/netpolicy", "netpolicy", "k8snetpolicy"),
    install="GOBIN=$PWD/.tools go install github.com/np-guard/netpol-analyzer/cmd/netpolicy@latest",
    options=lambda folder: ["list", "--quiet", "--dirpath", str(folder)],
    connections=netpolicy_connections,
    cases=(Case("plain", 100), Case("plain", 1_000), Case("plain", 10_000)),
    compared=Case("plain", 100),
)
TOOLS = (NCA, NETPOLICY)
