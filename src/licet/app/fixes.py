"""Declarations that calls lack, added to the contracts of their callers for review."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from licet.app.additions import Whereabouts, amended
from licet.app.drafts import Planned
from licet.app.load import Loaded
from licet.checks.undeclared import Undeclared
from licet.contracts.contract import Contract
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin
from licet.discover.draft import DraftCall, drafts, entry_name
from licet.discover.edge import Evidence
from licet.discover.lines import call_lines
from licet.discover.update import Addition
from licet.model.cluster import Cluster
from licet.model.key import Key


class Fix(msgspec.Struct, frozen=True):
    """A call that is added to a contract: the name of its entry, the workload that calls, and the contract's file."""

    call: str
    caller: str
    file: str


class Fixes(msgspec.Struct, frozen=True):
    """The files as they are to be, what is added to them, and findings for what they have no place for."""

    files: tuple[Planned, ...] = ()
    added: tuple[Fix, ...] = ()
    refused: tuple[Diagnostic, ...] = ()


def fixable(one: Undeclared) -> bool:
    """Whether a declaration can be added: to a contract of the caller's own that stands in a file of this machine."""
    contract = one.contract
    if one.caller is None or contract is None or contract.annotated:
        return False
    return os.path.isfile(contract.origin.source)


def fixes(loaded: Loaded, calls: Iterable[Undeclared]) -> Fixes:
    """What has to be written so that the contracts of callers declare these calls; nothing is added elsewhere."""
    where = Whereabouts(loaded.texts)
    by_contract: dict[Origin, tuple[Key, Contract, list[Evidence]]] = {}
    for one in calls:
        if fixable(one) and one.contract is not None and one.caller is not None:
            own = by_contract.setdefault(one.contract.origin, (one.caller, one.contract, []))
            own[2].extend(one.evidence)
    drafted = _drafted(loaded.cluster, [one for _, _, found in by_contract.values() for one in found])
    by_file: dict[str, list[tuple[Origin, Addition, Fix]]] = {}
    for origin, (caller, contract, _) in by_contract.items():
        names = [call.name for call in contract.calls]
        for call in drafted.get(caller, ()):
            named = msgspec.structs.replace(call, name=entry_name(call.name, names))
            names.append(named.name)
            lines = tuple(call_lines(named, caller, where.of))
            addition = Addition(("spec", "calls"), lines, f"call `{named.name}`")
            fix = Fix(named.name, str(caller), origin.source)
            by_file.setdefault(origin.source, []).append((origin, addition, fix))
    files: list[Planned] = []
    added: list[Fix] = []
    refused: list[Diagnostic] = []
    for source, changes in by_file.items():
        before = loaded.texts[source].data
        data, wrong = amended(before, [(origin, addition) for origin, addition, _ in changes])
        lost = {one.notes for one in wrong}
        refused += wrong
        added += [fix for _, addition, fix in changes if addition.lines not in lost]
        if data != before:
            files.append(Planned(source, data, new=False))
    return Fixes(tuple(files), tuple(added), tuple(refused))


def _drafted(cluster: Cluster, found: list[Evidence]) -> dict[Key, tuple[DraftCall, ...]]:
    return {draft.key: draft.calls for draft in drafts(cluster, found)}
