"""How the status of a mesh is shown."""

from __future__ import annotations

from licet.app.mesh.status import Held, Standing, Status
from licet.cli.render.columns import aligned
from licet.contracts.contract import Mode
from licet.diag.render.terminal import counted
from licet.diag.wording import instant, lasting
from licet.mesh.fleet import Stage

SCHEMA = "licet.dev/mesh-status/v1"
_HEAD = ("WORKLOAD", "CONTRACT", "HELD AT", "INSTANCES", "SINCE", "REASON")


def table(status: Status) -> str:
    """A status for people, a line a workload."""
    lines = aligned([_row(each, status) for each in status.workloads], _HEAD)
    known = sum(each.instances for each in status.workloads)
    said = f"{counted(len(status.workloads), 'workload')}, {counted(known, 'sidecar')} of `{status.trust_domain}`"
    advice = "" if status.contracts else "; name the contracts to see how far each is enforced"
    return "\n".join([*lines, *([""] if lines else []), said + advice]) + "\n"


def value(status: Status) -> dict[str, object]:
    """A status for programs."""
    return {
        "schema": SCHEMA,
        "at": instant(status.at),
        "trust_domain": status.trust_domain,
        "workloads": [_value(each) for each in status.workloads],
    }


def _row(standing: Standing, status: Status) -> tuple[str, ...]:
    held, since = standing.held, standing.since
    return (
        standing.workload,
        standing.mode.value if standing.mode is not None else "-",
        _step(held) if held is not None else "-",
        _instances(standing),
        f"{lasting(status.at - since)} ago" if since is not None and since < status.at else "-",
        f"{held.step.reason} (for {lasting(status.at - held.since)})" if held is not None else "",
    )


def _step(held: Held) -> str:
    return f"Canary {held.step.share} %" if held.step.mode is Mode.CANARY else held.step.mode.value


def _instances(standing: Standing) -> str:
    """How many there are, and how many of them at which stage, where that is known."""
    staged = [f"{standing.stages[stage]} {stage.value}" for stage in Stage if standing.stages.get(stage)]
    parts = [", ".join(staged) or str(standing.instances)]
    parts += [f"{standing.away} away"] if standing.away else []
    parts += ["identity revoked"] if standing.revoked else []
    return "; ".join(parts)


def _value(standing: Standing) -> dict[str, object]:
    held = standing.held
    return {
        "workload": standing.workload,
        "identity": standing.identity or None,
        "revoked": standing.revoked,
        "contract": standing.mode.value if standing.mode is not None else None,
        "held": None
        if held is None
        else {
            "mode": held.step.mode.value,
            "share": held.step.share if held.step.mode is Mode.CANARY else None,
            "reason": held.step.reason,
            "since": instant(held.since),
        },
        "instances": standing.instances,
        "away": standing.away,
        "stages": None if standing.mode is None else {each.value: standing.stages.get(each, 0) for each in Stage},
        "servers": list(standing.servers),
        "since": instant(standing.since) if standing.since is not None else None,
    }
