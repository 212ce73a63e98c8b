"""Both sides' contracts become edges: agreed where they meet, a finding where they do not."""

from __future__ import annotations

from datetime import datetime

from licet.contracts.agreement import Agreement, Agreements
from licet.contracts.callers import Callers
from licet.contracts.calls import Calls
from licet.contracts.contract import Contracts
from licet.contracts.ledger import Ledger
from licet.model.cluster import Cluster


def agree(declared: Contracts, cluster: Cluster, at: datetime) -> Agreements:
    """What is agreed at a time, which carries its zone; the order is that of the contracts and their lines.

    Calls come first, since they decide which entries are called; cluster DNS, which every contract implies, comes last.
    """
    ledger = Ledger(declared, cluster)
    bound = ledger.bindings.bound.values()
    calls, callers = Calls(ledger, at), Callers(ledger)
    for one in bound:
        for call in one.contract.calls:
            calls.follow(one, call)
    for one in bound:
        for entry in one.entries:
            callers.admit(one, entry)
    for part, ports in ledger.surroundings.resolver() if bound else ():
        ledger.assume(part)
        ledger.found += [Agreement(part.kind, one.key, part.end, ports, one.place, None, one.mode) for one in bound]
    return Agreements(
        tuple(ledger.found),
        ledger.bindings.isolated,
        tuple(ledger.unmet),
        tuple(ledger.diagnostics),
        tuple(ledger.assumptions),
        {one.key: one.contract for one in bound},
        ledger.bindings.closed,
    )
