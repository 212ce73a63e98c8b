"""Who may consent: a contract's file belongs to the owner that it names, or anybody could let callers in.

The rules are those of a CODEOWNERS file, as GitHub and GitLab read it: the last line that fits a path decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from codeowners import CodeOwners

from licet.checks import findings
from licet.contracts.contract import Contract, From, Serve
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place

BEGIN = "# licet: who may consent for whom; written by `licet check --write-codeowners`"
END = "# licet: end"


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
    rules = CodeOwners(guards.text)
    return found + [
        findings.unguarded(Place(one.origin, ("spec", "owner")), _name(one), guards.handle(one.owner), guards.file)
        for one in owned
        if not _is_owned(one, guards, rules)
    ]


def changed_consent(
    before: Iterable[Contract], after: Iterable[Contract], guards: Guards | None
) -> Iterator[Diagnostic]:
    """Entries that admit others than before, where nothing asks their owner."""
    rules = CodeOwners(guards.text) if guards else CodeOwners("")
    old = {(one.key, serve.name): _admitted(serve) for one in before for serve in one.serves}
    for contract in after:
        if guards is not None and contract.owner and _is_owned(contract, guards, rules):
            continue
        for serve in contract.serves:
            admitted = _admitted(serve)
            was = old.get((contract.key, serve.name))
            if admitted != was and (was is not None or serve.admits is not From.NONE):
                owner = guards.handle(contract.owner) if guards and contract.owner else contract.owner
                yield findings.changed_consent(serve.place.at("callers"), _name(contract), serve.name, owner)


def codeowners(contracts: Iterable[Contract], guards: Guards) -> str:
    """The CODEOWNERS file with one line a file of contracts, in a block of its own at the end, where it decides."""
    owners: dict[str, dict[str, None]] = {}
    for one in contracts:
        if one.owner and one.origin.source in guards.paths:
            owners.setdefault(guards.paths[one.origin.source], {}).setdefault(guards.handle(one.owner))
    lines = [f"/{_escaped(path)} {' '.join(sorted(names))}" for path, names in sorted(owners.items())]
    return "\n".join([*_without_block(guards.text), BEGIN, *lines, END, ""])


def _without_block(text: str) -> list[str]:
    lines = text.splitlines()
    if BEGIN in lines:
        start = lines.index(BEGIN)
        end = lines.index(END, start) if END in lines[start:] else len(lines) - 1
        lines = lines[:start] + lines[end + 1 :]
    while lines and not lines[-1].strip():
        lines.pop()
    return [*lines, ""] if lines else []


def _escaped(path: str) -> str:
    return "".join(f"\\{character}" if character in " #*?[]!\\" else character for character in path)


def _is_owned(contract: Contract, guards: Guards, rules: CodeOwners) -> bool:
    path = guards.paths.get(contract.origin.source)
    return path is not None and guards.handle(contract.owner) in (name for _, name in rules.of(path))


def _consents(contract: Contract) -> bool:
    return any(serve.admits is not From.NONE for serve in contract.serves)


def _admitted(serve: Serve) -> tuple[object, ...]:
    return (serve.admits, frozenset((caller.peer, caller.http, caller.grpc) for caller in serve.callers), serve.ports)


def _name(contract: Contract) -> str:
    return f"{contract.key.namespace}/{contract.key.name}"


def _name_place(contract: Contract) -> Place:
    return Place(contract.origin, ("metadata", "name"))
