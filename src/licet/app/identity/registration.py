"""Entries: by hand, and from contracts and service accounts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from licet.app.identity.domain import opened, reading
from licet.app.identity.place import Place, administrator
from licet.audit.ledger import Change
from licet.diag.diagnostic import Diagnostic
from licet.diag.render.visible import visible
from licet.identity import registry
from licet.identity.checkup.entries import alone, banned
from licet.identity.domain import State, load
from licet.identity.entry import Entry, encode
from licet.identity.errors import IdentityError
from licet.identity.node.roster import roster
from licet.identity.spiffeid import SpiffeID

_ID = re.compile(r"[a-zA-Z0-9._-]{1,128}")


def add(place: Place, entries: Sequence[Entry]) -> list[Entry]:
    """Register them, all or none; one without an id gets one that follows from what it says."""
    for entry in entries:
        if entry.id and not _ID.fullmatch(entry.id):
            raise IdentityError(f"`{visible(entry.id)}` is no id", "up to 128 letters, digits, `.`, `-` and `_`")
    with opened(place) as domain:
        state = domain.state()
        named = [msgspec.structs.replace(entry, id=entry.id or entry_id(entry)) for entry in entries]

        def write(change: Change) -> None:
            for entry in named:
                registry.add_entry(change, state.trust_domain, state.settings.lifetimes, entry, administrator())

        domain.change(write)
        return named


def remove(place: Place, ids: Sequence[str]) -> None:
    """Take these entries back, all or none."""
    with opened(place) as domain:

        def write(change: Change) -> None:
            for id in ids:
                registry.remove_entry(change, id, administrator())

        domain.change(write)


def chosen(state: State, spiffe_id: SpiffeID | None, selectors: frozenset[str]) -> list[Entry]:
    """Every entry, by identity: of this one, where one is named, and that asks for all of these selectors."""
    found = [
        entry
        for entry in state.entries.values()
        if (spiffe_id is None or entry.spiffe_id == spiffe_id) and selectors.issubset(entry.selectors)
    ]
    return sorted(found, key=lambda entry: (entry.spiffe_id, entry.id))


def advice(place: Place, entry: Entry) -> list[Diagnostic]:
    """What the doctor would say of this entry by itself."""
    with reading(place) as connection:
        return list(alone(entry, load(connection), banned(roster(connection))))


def listed(entries: Sequence[Entry]) -> dict[str, object]:
    """Entries for programs."""
    return {"schema": "licet.dev/entries/v1", "entries": [msgspec.json.decode(encode(entry)) for entry in entries]}


def entry_id(entry: Entry) -> str:
    """An id that is the same for the same identity and selectors, so that adding them twice is adding them once."""
    if not entry.spiffe_id.path:
        raise IdentityError(f"`{entry.spiffe_id}` is the ID of no workload", "a path after the trust domain")
    said = "\n".join([str(entry.spiffe_id), *entry.selectors, "", *map(str, entry.nodes)])
    return hashlib.sha256(said.encode()).hexdigest()[:16]
