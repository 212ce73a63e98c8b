"""Attestation of the processes that one command has started, by what it remembers of them."""

from __future__ import annotations

from pathlib import Path

from licet.identity.attest.process import Attended
from licet.model.key import Key


class Kin:
    """Shows `licet:workload:NAMESPACE/NAME` of the workload that a process was started for, and nothing of others'.

    A process is known by its number and its start, so that one that gets the number later is nobody. Its children are
    nobody either. It is to be adopted before whoever attests runs again, which is certain in the thread of its loop.
    """

    name = "licet"

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, str]] = {}

    def adopt(self, pid: int, workload: Key) -> None:
        """Know a process that was started and not yet waited for. Raises OSError where there is none."""
        self._known[pid] = (_started(pid), selector(workload))

    def disown(self, pid: int) -> None:
        """Know it no more."""
        self._known.pop(pid, None)

    async def selectors(self, attended: Attended) -> frozenset[str]:
        """The selector of its workload, or none."""
        process = attended.process
        started, shown = self._known.get(process.pid, (0, ""))
        return frozenset({shown}) if shown and started == process.started else frozenset()


def selector(workload: Key) -> str:
    """What the processes of a workload show."""
    return f"licet:workload:{workload.namespace}/{workload.name}"


def _started(pid: int) -> int:
    """In clock ticks since boot. The program's own name stands before it in brackets, and may hold any."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
