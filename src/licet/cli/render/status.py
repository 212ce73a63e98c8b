"""How the status of a trust domain is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from licet.app.identity.status import Status
from licet.cli.render.columns import aligned
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.diag.wording import instant, lasting
from licet.identity.authority import Authority, Standing, pins
from licet.identity.domain import Foreign
from licet.identity.forecast import Due
from licet.identity.node.roster import EMBEDDED, Condition, Known
from licet.identity.rotation import Activate, Prepare, Revoke

SCHEMA = "licet.dev/status/v1"


def table(status: Status) -> str:
    """A status for people, part by part; what there is none of takes no room."""
    state = status.state
    parts = [
        [f"trust domain {state.trust_domain}, version {state.version}, bundle {state.bundle.sequence}"],
        aligned([_authority(each, status) for each in state.authorities if each.believed]),
        [*_registered(status), *aligned([_revoked(status, number) for number in range(len(status.revoked))])],
        aligned([_node(each, status) for each in status.stored.nodes]),
        aligned([_foreign(each, status.at) for each in state.foreign]),
        [_log(status), _budget(status)],
    ]
    return "\n\n".join("\n".join(map(visible, lines)) for lines in parts if lines) + "\n"


def value(status: Status) -> dict[str, object]:
    """A status for programs."""
    state, stored = status.state, status.stored
    known = pins(state.authorities)
    return {
        "schema": SCHEMA,
        "at": instant(status.at),
        "trust_domain": str(state.trust_domain),
        "version": state.version,
        "sequence": state.bundle.sequence,
        "authorities": [_authority_value(each, status) for each in state.authorities if each.believed],
        "pins": {"active": known.active, "retiring": known.retiring, "backup": known.backup},
        "entries": len(state.entries),
        "revoked": [
            {"spiffe_id": str(each.spiffe_id), "reason": each.reason, "at": instant(each.at)} for each in status.revoked
        ],
        "nodes": [
            {
                "spiffe_id": str(each.spiffe_id),
                "condition": each.condition(status.at).value,
                "behind": _behind(each, status),
                "attested_by": each.attested_by,
                "certificate_ends": instant(each.expires_at),
                "seen_at": instant(each.seen_at),
            }
            for each in stored.nodes
        ],
        "federated": [
            {
                "trust_domain": str(each.trust_domain),
                "profile": each.profile,
                "url": each.url,
                "fetched_at": instant(each.fetched_at) if each.fetched_at else None,
                "sequence": each.bundle.sequence if each.bundle else None,
                "failure": each.failure,
                "distrusted": each.distrusted,
            }
            for each in state.foreign
        ],
        "log": {
            "records": stored.records,
            "checkpoint_at": instant(stored.checkpoint_at) if stored.checkpoint_at else None,
        },
        "guaranteed_outage_budget_seconds": round(status.budget.total_seconds()),
    }


def _authority(authority: Authority, status: Status) -> tuple[str, ...]:
    due = status.due.get(authority.id)
    return (
        authority.kind.value,
        authority.standing.value,
        authority.id[:16],
        f"ends {_in(authority.not_after, status.at)}",
        f"{_next(authority, due)} {_in(due.at, status.at)}" if due else "",
    )


def _authority_value(authority: Authority, status: Status) -> dict[str, object]:
    due = status.due.get(authority.id)
    return {
        "id": authority.id,
        "kind": authority.kind.value,
        "standing": authority.standing.value,
        "issuer": authority.issuer,
        "not_before": instant(authority.not_before),
        "not_after": instant(authority.not_after),
        "age": round(authority.age(status.at), 4),
        "next": {"step": _verb(due), "at": instant(due.at)} if due else None,
    }


def _next(authority: Authority, due: Due) -> str:
    match due.step:
        case Prepare() if authority.standing is Standing.PREPARED:
            return "a younger one takes its place"
        case Prepare():
            return "a successor is prepared"
        case Activate(follower) if follower.id == authority.id:
            return "signs"
        case Activate(follower):
            return f"{follower.id[:16]} signs"
        case Revoke():
            return "is believed no more"


def _verb(due: Due) -> str:
    return type(due.step).__name__.lower()


def _registered(status: Status) -> Iterator[str]:
    revoked = f", {len(status.revoked):,} revoked" if status.revoked else ""
    yield counted(len(status.state.entries), "entry") + revoked


def _revoked(status: Status, number: int) -> tuple[str, ...]:
    revoked = status.revoked[number]
    return f"  revoked {revoked.spiffe_id}", f"{_ago(revoked.at, status.at)}", revoked.reason


def _node(node: Known, status: Status) -> tuple[str, ...]:
    condition, behind = node.condition(status.at), _behind(node, status)
    lag = f"{counted(behind, 'version')} behind" if behind and condition is not Condition.BANNED else ""
    ends = "" if node.attested_by == EMBEDDED else f"certificate ends {_in(node.expires_at, status.at)}"
    return f"node {node.spiffe_id}", condition.value, f"seen {_ago(node.seen_at, status.at)}", lag, ends


def _behind(node: Known, status: Status) -> int:
    return max(0, status.state.version - node.applied_version)


def _foreign(foreign: Foreign, at: datetime) -> tuple[str, ...]:
    standing = "distrusted" if foreign.distrusted else "trusted" if foreign.bundle else "no bundle yet"
    fetched = f"fetched {_ago(foreign.fetched_at, at)}" if foreign.fetched_at else "never fetched"
    return f"federated with {foreign.trust_domain}", standing, fetched, foreign.failure


def _log(status: Status) -> str:
    stored = status.stored
    signed = f", signed {_ago(stored.checkpoint_at, status.at)}" if stored.checkpoint_at else ""
    return f"the log has {counted(stored.records, 'record')}{signed}"


def _budget(status: Status) -> str:
    return (
        f"servers may be away for {lasting(status.budget)} at any time before the first identity expires; "
        "each node exports what it has left"
    )


def _in(moment: datetime, at: datetime) -> str:
    return f"in {lasting(moment - at)}" if moment > at else "now" if moment == at else f"{lasting(at - moment)} ago"


def _ago(moment: datetime, at: datetime) -> str:
    return f"{lasting(max(at - moment, timedelta()))} ago"
