"""How a trust domain is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from licet.app.identity.fetching import Fetched
from licet.cli.render.columns import aligned
from licet.diag.render.terminal import counted
from licet.diag.wording import instant
from licet.identity.authority import Authority, pins
from licet.identity.domain import State
from licet.identity.entry import Entry
from licet.identity.node.roster import EMBEDDED, Known


def described(state: State) -> str:
    """A trust domain in a few lines."""
    lines = [f"trust domain {state.trust_domain}", ""]
    lines += [f"  {_authority(each)}" for each in state.authorities if each.believed]
    entries = counted(len(state.entries), "entry")
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
        "federated": _foreign(state),
    }


def entries(found: Sequence[Entry]) -> str:
    """Entries, one a line: identity, selectors, where from, id, and whatever else is said of it."""
    return _lines(aligned([_entry(each) for each in found]))


def registered(found: Sequence[Entry], state: State) -> str:
    """Entries under a head, those whose identity is revoked with that said."""
    rows = [(*_entry(each)[:-1], _else(each, revoked=each.spiffe_id in state.denied)) for each in found]
    also = "ALSO" if any(row[-1] for row in rows) else ""
    return _lines(aligned(rows, ("IDENTITY", "SELECTORS", "SOURCE", "ENTRY", also))) or "no entries\n"


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


def _entry(entry: Entry) -> tuple[str, ...]:
    return str(entry.spiffe_id), " ".join(entry.selectors), entry.source, entry.id, _else(entry)


def _else(entry: Entry, *, revoked: bool = False) -> str:
    """What an entry says beside identity and selectors, and whether nothing is issued for it."""
    said = ["revoked"] if revoked else []
    said += [f"on {node.path}" for node in entry.nodes]
    said += [f"with {domain}" for domain in entry.federates_with]
    said += [f"dns {name}" for name in entry.dns_names]
    said += [f"{what} {value}" for what, value in (("hint", entry.hint),) if value]
    lifetimes = (("svid", entry.x509_lifetime), ("jwt", entry.jwt_lifetime))
    return ", ".join([*said, *(f"{what} {seconds} s" for what, seconds in lifetimes if seconds)])


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def agents(found: Sequence[Known], at: datetime) -> str:
    """Agents, one a line, as they are at this time."""
    rows = [
        (
            str(each.spiffe_id),
            each.attested_by,
            each.condition(at).value,
            instant(each.seen_at),
            "" if each.attested_by == EMBEDDED else instant(each.expires_at),
        )
        for each in found
    ]
    return (
        _lines(aligned(rows, ("AGENT", "ATTESTED BY", "STANDING", "LAST SEEN", "CERTIFICATE UNTIL"))) or "no agents\n"
    )


def federated(state: State) -> str:
    """Foreign trust domains, one a line, with what went wrong when the bundle was fetched last."""
    rows = [
        (
            str(each.trust_domain),
            each.url or "given by hand",
            "distrusted" if each.distrusted else "trusted" if each.bundle else "no bundle yet",
            instant(each.fetched_at) if each.fetched_at else "never",
            each.failure,
        )
        for each in state.foreign
    ]
    failure = "LAST FAILURE" if any(row[-1] for row in rows) else ""
    head = ("TRUST DOMAIN", "BUNDLE FROM", "STANDING", "FETCHED", failure)
    return _lines(aligned(rows, head)) or "no other trust domain\n"


def federated_json(state: State) -> dict[str, object]:
    """Foreign trust domains for programs."""
    return {"schema": "licet.dev/federation/v1", "federated": _foreign(state)}


def _foreign(state: State) -> list[dict[str, object]]:
    return [
        {
            "trust_domain": str(each.trust_domain),
            "profile": each.profile,
            "url": each.url,
            "fetched_at": instant(each.fetched_at) if each.fetched_at else None,
            "failure": each.failure,
            "distrusted": each.distrusted,
        }
        for each in state.foreign
    ]
