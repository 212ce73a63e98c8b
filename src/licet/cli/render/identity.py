"""How a trust domain is shown."""

from __future__ import annotations

from collections.abc import Sequence

from licet.app.identity.agents import Listed
from licet.app.identity.fetching import Fetched
from licet.diag.render.terminal import counted
from licet.diag.wording import instant
from licet.identity.authority import Authority, pins
from licet.identity.domain import State
from licet.identity.entry import Entry


def described(state: State) -> str:
    """A trust domain in a few lines."""
    lines = [f"trust domain {state.trust_domain}", ""]
    lines += [f"  {_authority(each)}" for each in state.authorities if each.believed]
    entries = f"{len(state.entries)} {'entry' if len(state.entries) == 1 else 'entries'}"
    lines += ["", f"  {entries}, {len(state.denied)} revoked, {len(state.foreign)} federated"]
    return "\n".join(lines) + "\n"


def described_json(state: State) -> dict[str, object]:
    """A trust domain for programs."""
    roots = pins(state.authorities)
    return {
        "schema": "licet.dev/identity/v1",
        "trust_domain": str(state.trust_domain),
        "version": state.version,
        "sequence": state.bundle.sequence,
        "authorities": [
            {
                "id": each.id,
                "kind": each.kind.value,
                "standing": each.standing.value,
                "issuer": each.issuer,
                "not_before": instant(each.not_before),
                "not_after": instant(each.not_after),
            }
            for each in state.authorities
        ],
        "pins": {"active": roots.active, "retiring": roots.retiring, "backup": roots.backup},
        "revoked": sorted(str(each) for each in state.denied),
        "federated": [
            {
                "trust_domain": str(each.trust_domain),
                "profile": each.profile,
                "url": each.url,
                "fetched_at": instant(each.fetched_at) if each.fetched_at else None,
                "failure": each.failure,
                "distrusted": each.distrusted,
            }
            for each in state.foreign
        ],
    }


def entries(found: list[Entry]) -> str:
    """Entries as a table: identity, selectors, where from."""
    if not found:
        return "no entries\n"
    rows = [(str(each.spiffe_id), " ".join(each.selectors), each.source, each.id) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}\n" for row in rows)


def fetched(found: Fetched) -> str:
    """Identities, the bundles that came with them, and tokens."""
    lines = [f"{each.spiffe_id}{f'  ({each.hint})' if each.hint else ''}" for each in found.view.svids]
    width = max(map(len, lines))
    bundles = [found.view.own, *(bundle for _, bundle in sorted(found.view.federated.items()))]
    return "".join(
        [
            f"{line:<{width}}  until {instant(each.not_after)}  serial {each.serial}\n"
            for line, each in zip(lines, found.view.svids, strict=True)
        ]
        + [f"bundle of {each.trust_domain}: {counted(len(each.x509), 'root')}\n" for each in bundles]
        + [f"{each.spiffe_id}  {each.token}\n" for each in found.tokens]
    )


def _authority(authority: Authority) -> str:
    return (
        f"{authority.kind.value:<12}  {authority.standing.value:<8}  {authority.id[:16]}  "
        f"until {instant(authority.not_after)}"
    )


def agents(found: Sequence[Listed]) -> str:
    """Agents, one a line."""
    standing = ["banned" if each.banned else f"seen {each.seen_at[:19]}Z" for each in found]
    lines = [f"{each.id}  {each.attested_by}, {seen}\n" for each, seen in zip(found, standing, strict=True)]
    return "".join(lines) or "no agents\n"


def federated(state: State) -> str:
    """Foreign trust domains, one a line, with what is wrong below."""
    lines = []
    for each in state.foreign:
        fresh = f"fetched {instant(each.fetched_at)}" if each.fetched_at else "never fetched"
        standing = "distrusted" if each.distrusted else fresh
        lines.append(f"{each.trust_domain}  {each.url or 'given by hand'}  {standing}\n")
        if each.failure:
            lines.append(f"  {each.failure}\n")
    return "".join(lines) or "no other trust domain\n"
