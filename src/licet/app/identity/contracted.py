"""Entries that follow from contracts and service accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator
from licet.app.identity.registration import entry_id
from licet.app.load import Loaded
from licet.audit.ledger import Change
from licet.contracts.agree import agree
from licet.contracts.contract import Contract, SpiffePeer
from licet.identity import registry
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError
from licet.identity.spiffeid import TrustDomain, parse
from licet.model.key import Key

SOURCE = "contracts"


class Derived(msgspec.Struct, frozen=True):
    """The entries, and for each identity that several contracted workloads have in common their names."""

    entries: tuple[Entry, ...]
    shared: Mapping[str, tuple[str, ...]]


class Synchronised(msgspec.Struct, frozen=True):
    """What changed, or would."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    kept: int


def derive(loaded: Loaded, trust_domain: TrustDomain, at: datetime) -> Derived:
    """An entry for each service account of a contracted workload: `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.

    Pods are known by namespace and service account, which Kubernetes vouches for. Foreign trust domains that a contract
    admits callers of are federated with. Raises IdentityError where the Platform names another trust domain.
    """
    platform = loaded.cluster.platform
    if platform.trust_domain not in ("", trust_domain.name):
        raise IdentityError(
            f"the Platform's trust domain is `{platform.trust_domain}`, and that of this place `{trust_domain}`",
            "name the folder of the other one (`--data`), or mend the Platform",
        )
    contracts = agree(loaded.contracts, loaded.cluster, at).contracts
    accounts: dict[tuple[str, str], dict[Key, Contract]] = {}
    for workload in loaded.cluster.workloads:
        contract = contracts.get(workload.subject)
        if contract is not None:
            account = (workload.key.namespace, workload.service_account)
            accounts.setdefault(account, {})[workload.subject] = contract
    entries = tuple(
        _entry(trust_domain, namespace, account, tuple(bound.values()))
        for (namespace, account), bound in sorted(accounts.items())
    )
    shared = {
        f"{trust_domain.id}/ns/{namespace}/sa/{account}": tuple(sorted(str(key) for key in bound))
        for (namespace, account), bound in accounts.items()
        if len(bound) > 1
    }
    return Derived(entries, shared)


def synchronise(place: Place, wanted: Sequence[Entry], *, dry_run: bool) -> Synchronised:
    """Make the entries that come from contracts these; entries registered by hand are left alone."""
    with opened(place) as domain:
        state = domain.state()
        known = {entry.id: entry for entry in state.entries.values() if entry.source == SOURCE}
        named = {entry.id: entry for entry in wanted}
        if known and not named:
            raise IdentityError(
                f"no contract is there, and {len(known)} entries come from contracts",
                "name the folder of the contracts; `licet identity entries rm` removes entries",
            )
        added = tuple(entry for id, entry in named.items() if known.get(id) != entry)
        removed = tuple(entry for id, entry in known.items() if id not in named)

        def write(change: Change) -> None:
            for entry in added:
                registry.add_entry(change, state.trust_domain, state.settings.lifetimes, entry, administrator())
            for entry in removed:
                registry.remove_entry(change, entry.id, administrator())

        if not dry_run:
            domain.change(write)
        return Synchronised(added, removed, len(named) - len(added))


def _entry(trust_domain: TrustDomain, namespace: str, account: str, contracts: Sequence[Contract]) -> Entry:
    peers = (caller.peer for contract in contracts for serve in contract.serves for caller in serve.callers)
    foreign = {parse(peer.id).trust_domain for peer in peers if isinstance(peer, SpiffePeer)} - {trust_domain}
    entry = Entry(
        id="",
        spiffe_id=trust_domain.member(f"/ns/{namespace}/sa/{account}"),
        selectors=(f"k8s:ns:{namespace}", f"k8s:sa:{account}"),
        federates_with=tuple(sorted(foreign)),
        source=SOURCE,
    )
    return msgspec.structs.replace(entry, id=f"{SOURCE}-{entry_id(entry)}")
