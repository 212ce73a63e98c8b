"""Who may consent: a contract's file belongs to the owner that it names, or anybody could let callers in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from licet.checks import findings
from licet.checks.codeowners import CodeOwners, is_owner, with_owners
from licet.contracts.contract import Contract, From, Serve
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place


class Guards(msgspec.Struct, frozen=True):
    """The CODEOWNERS file of a repository: its name and text, "" where there is none.

    `paths` are those of sources, from the top of the repository; a source that is not in it has none. `handles` are
    what owners are called there, where that is not their name after an `@`.
    """

    file: str
    text: str
    paths: Mapping[str, str]
    handles: Mapping[str, str] = {}

    def handle(self, owner: str) -> str:
        """What an owner is called in CODEOWNERS."""
        return self.handles.get(owner, f"@{owner}")


def unguarded(contracts: Iterable[Contract], guards: Guards | None) -> list[Diagnostic]:
    """Contracts whose callers somebody else than their owner may change; nothing where there is no repository."""
    if guards is None:
        return []
    consenting = [contract for contract in contracts if _consents(contract)]
    found = [findings.ownerless(_name_place(one), _name(one)) for one in consenting if not one.owner]
    owned = [one for one in consenting if one.owner and one.origin.source in guards.paths]
    if owned and not guards.file:
        return [*found, findings.nobody_guards(_name_place(owned[0]), len(owned))]
    rules = CodeOwners(guards.file, guards.text)
    return found + [
        findings.unguarded(Place(one.origin, ("spec", "owner")), _name(one), guards.handle(one.owner), guards.file)
        for one in owned
        if not _is_asked(one, guards, rules)
    ]


def changed_consent(
    before: Iterable[Contract], after: Iterable[Contract], guarded: Guards | None, guards: Guards | None
) -> Iterator[Diagnostic]:
    """Entries that admit others than before, where nothing asked their owner.

    Who is asked was settled before the change: by the owner that the contract named then, and by the CODEOWNERS file
    of then, `guarded`; or whoever changes both could consent for others. For a workload that had no contract it is
    settled by what is there now.
    """
    then = CodeOwners(guarded.file, guarded.text) if guarded else CodeOwners("", "")
    now = CodeOwners(guards.file, guards.text) if guards else CodeOwners("", "")
    old = {_workload(one): one for one in before}
    for contract in after:
        was = old.get(_workload(contract))
        subject, rules, place = (contract, now, guards) if was is None else (was, then, guarded)
        if subject.owner and place is not None and _is_asked(subject, place, rules, contract.origin.source):
            continue
        owner = place.handle(subject.owner) if place and subject.owner else subject.owner
        admitted = {serve.name: _admitted(serve) for serve in was.serves} if was else {}
        for serve in contract.serves:
            before_it = admitted.get(serve.name)
            if _admitted(serve) != before_it and (before_it is not None or serve.admits is not From.NONE):
                yield findings.changed_consent(serve.place.at("callers"), _name(contract), serve.name, owner)


def codeowners(contracts: Iterable[Contract], guards: Guards) -> str:
    """The CODEOWNERS file with one line a file of contracts; owners who cannot be written there are left out."""
    owners: dict[str, list[str]] = {}
    for one in contracts:
        if one.owner and one.origin.source in guards.paths and is_owner(guards.handle(one.owner)):
            owners.setdefault(guards.paths[one.origin.source], []).append(guards.handle(one.owner))
    return with_owners(guards.file, guards.text, owners)


def _workload(contract: Contract) -> tuple[str | None, ...]:
    """The same for a workload's contracts, however they are named and whether or not they say the kind."""
    target = contract.target
    return target.cluster, target.namespace, target.name


def _is_asked(contract: Contract, guards: Guards, rules: CodeOwners, now: str = "") -> bool:
    """Whether a change of the contract's file, which may have another name now, asks its owner."""
    path = guards.paths.get(contract.origin.source) or guards.paths.get(now)
    return path is not None and rules.asks(path, guards.handle(contract.owner))


def _consents(contract: Contract) -> bool:
    return any(serve.admits is not From.NONE for serve in contract.serves)


def _admitted(serve: Serve) -> tuple[object, ...]:
    return (serve.admits, frozenset((caller.peer, caller.http, caller.grpc) for caller in serve.callers), serve.ports)


def _name(contract: Contract) -> str:
    return f"{contract.key.namespace}/{contract.key.name}"


def _name_place(contract: Contract) -> Place:
    return Place(contract.origin, ("metadata", "name"))
