"""Can somebody be what is registered, and nobody two things at once?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from licet.diag.diagnostic import Diagnostic
from licet.identity import findings
from licet.identity.domain import State
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError
from licet.identity.node.roster import Known
from licet.identity.spiffeid import SpiffeID

_ONE = {
    "unix": frozenset({"uid", "user", "gid", "group", "path", "sha256"}),
    "k8s": frozenset(
        {"ns", "sa", "pod-name", "pod-uid", "node-name", "container-name", "container-image", "image-digest"}
    ),
}
"""Selectors of which a process shows one of each key at most."""
_PROGRAM = ("unix:path:", "unix:sha256:")
_MANY = {
    "unix": frozenset({"supplementary_gid", "supplementary_group"}),
    "k8s": frozenset({"pod-label", "pod-owner", "pod-owner-uid"}),
}


def examine(state: State, nodes: Sequence[Known]) -> Iterator[Diagnostic]:
    """Every entry by itself, then those that name the same selectors."""
    known = banned(nodes)
    alike: dict[tuple[frozenset[str], frozenset[SpiffeID]], list[Entry]] = defaultdict(list)
    for entry in sorted(state.entries.values(), key=lambda entry: (entry.spiffe_id, entry.id)):
        alike[frozenset(entry.selectors), frozenset(entry.nodes)].append(entry)
        yield from alone(entry, state, known)
    for entries in alike.values():
        hints = {entry.hint for entry in entries}
        if len({entry.spiffe_id for entry in entries}) > 1 and ("" in hints or len(hints) < len(entries)):
            yield findings.same_selectors(entries)


def banned(nodes: Sequence[Known]) -> dict[SpiffeID, bool]:
    """Of each agent, whether it is let in no more."""
    return {node.spiffe_id: node.banned for node in nodes}


def alone(entry: Entry, state: State, known: Mapping[SpiffeID, bool]) -> Iterator[Diagnostic]:
    """What is wrong with one entry, whatever others say; of each agent that is `known`, whether it is banned."""
    federated = {each.trust_domain for each in state.foreign if not each.distrusted}
    yield from _examine(entry, state, known)
    yield from (findings.unknown_domain(entry, each) for each in entry.federates_with if each not in federated)


def _examine(entry: Entry, state: State, known: Mapping[SpiffeID, bool]) -> Iterator[Diagnostic]:
    try:
        entry.check(state.trust_domain, state.settings.lifetimes)
    except IdentityError as error:
        yield findings.bad_entry(entry, error)
        return
    shown: dict[str, str] = {}
    for selector in entry.selectors:
        kind, key, _ = selector.split(":", 2)
        if key not in _ONE.get(kind, ()) and key not in _MANY.get(kind, ()):
            yield findings.unknown_selector(entry, selector)
        elif (only := _only(selector)) and shown.setdefault(only, selector) != selector:
            yield findings.never_matches(entry, [shown[only], selector])
    if all(selector.startswith(_PROGRAM) for selector in entry.selectors):
        yield findings.program_alone(entry)
    for node in entry.nodes:
        if known.get(node, True):
            yield findings.unknown_node(entry, node, banned=node in known)
    if entry.spiffe_id in state.denied:
        yield findings.revoked_entry(entry)


def _only(selector: str) -> str:
    """Of what a process shows one at most, where the selector is of such a kind: one value a key, one a label."""
    kind, key, value = selector.split(":", 2)
    if key in _ONE[kind]:
        return f"{kind}:{key}"
    return f"{kind}:{key}:{value.partition(':')[0]}" if key == "pod-label" else ""
