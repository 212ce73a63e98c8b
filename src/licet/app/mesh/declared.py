"""What is declared, from a folder of contracts and manifests, as what sidecars are for; read again when it changes."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from licet.app.identity.place import now
from licet.app.load import Loaded, Setting, load
from licet.audit.event import Detail
from licet.contracts.agree import agree
from licet.contracts.agreement import Agreements
from licet.contracts.disagreement import EXPIRED
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.failure import Failure
from licet.mesh.errors import MeshError
from licet.mesh.fleet import Front
from licet.mesh.fronts import fronts
from licet.mesh.intent import Intents
from licet.mesh.intents import intents
from licet.model.key import Key

_PACE = 0.5
"""Seconds between two looks at whether a file changed."""

log = structlog.get_logger("licet.mesh")


class Declared(msgspec.Struct, frozen=True):
    """What the sidecars of a platform are for; `diagnostics` are everything that was found on the way to it."""

    trust_domain: str
    loaded: Loaded
    intents: Intents
    diagnostics: tuple[Diagnostic, ...]
    ends: datetime | None
    """When the next of the calls is no longer agreed."""
    services: Mapping[Key, tuple[Front, ...]] = {}
    """The addresses that workloads are called at beside their own."""

    def facts(self) -> dict[str, Detail]:
        """What the log keeps of it: how much there is, and a digest of what sidecars are told to admit."""
        said = sorted(
            f"{key} {served.port} {rule.name} {rule.http} {rule.grpc}"
            for key, intent in self.intents.by_workload.items()
            for served in intent.serves
            for rule in served.rules
        )
        digest = hashlib.sha256("\n".join(said).encode()).hexdigest()
        return {"workloads": len(self.intents.by_workload), "rules": len(said), "digest": digest}

    @property
    def errors(self) -> list[Diagnostic]:
        """What makes it unfit to be enforced. A call whose time is over does not: it is refused, and nothing else."""
        return [each for each in self.diagnostics if each.severity is Severity.ERROR and each.code != EXPIRED]


def read(paths: Sequence[str], setting: Setting, trust_domain: str = "", otherwise: str = "") -> Declared:
    """What the paths declare now, in this trust domain: in that of the Platform, or `otherwise`, where none is given.

    Raises SourceError where nothing is there, and MeshError without a contract.
    """
    loaded = load(paths, setting, _silent)
    at = now()
    agreements = agree(loaded.contracts, loaded.cluster, at)
    if not agreements.isolated:
        raise MeshError(f"no contract binds a workload in {_named(paths)}", "`licet init` drafts contracts")
    named = loaded.cluster.platform.trust_domain
    trust_domain = trust_domain or named or otherwise
    if named not in ("", trust_domain):
        raise MeshError(
            f"the Platform's trust domain is `{named}`, and that of this place `{trust_domain}`",
            "name the folder of the other one (`--data`), or mend the Platform",
        )
    return _declared(loaded, agreements, trust_domain, at)


def _declared(loaded: Loaded, agreements: Agreements, trust_domain: str, at: datetime) -> Declared:
    meant = intents(agreements, loaded.cluster, trust_domain)
    found = (*loaded.diagnostics, *agreements.diagnostics, *meant.diagnostics)
    calls = (call for contract in agreements.contracts.values() for call in contract.calls)
    ends = min((call.not_after for call in calls if call.not_after is not None and call.not_after > at), default=None)
    return Declared(trust_domain, loaded, meant, found, ends, fronts(loaded.cluster))


def _aged(declared: Declared) -> Declared:
    """The same contracts, without the calls whose time is over by now."""
    at, loaded = now(), declared.loaded
    return _declared(loaded, agree(loaded.contracts, loaded.cluster, at), declared.trust_domain, at)


async def follow(paths: Sequence[str], setting: Setting, first: Declared, apply: Callable[[Declared], None]) -> None:
    """Have each change applied until cancelled: of a file, and of what time takes away.

    Files that change from one look to the next are still being written, and are waited for. What has errors is told of,
    and the last good one stays, but for what time takes away of it.
    """
    good = first
    # The first look is compared with nothing: files may have changed since they were read.
    seen = last = ""
    while True:
        await asyncio.sleep(_PACE)
        if good.ends is not None and now() >= good.ends:
            good = await asyncio.to_thread(_aged, good)
            apply(good)
        found = await asyncio.to_thread(_fingerprint, paths, tuple(good.loaded.texts), setting.platform)
        before, last = last, found
        if found != before or found == seen:
            continue
        seen = found
        try:
            declared = await asyncio.to_thread(read, paths, setting, first.trust_domain)
        except Failure as error:
            log.error("the contracts cannot be followed", reason=error.message, help=error.help)
            continue
        if errors := declared.errors:
            log.error("the contracts are not applied", errors=len(errors), first=errors[0].message)
            continue
        if declared.loaded.texts == good.loaded.texts:
            continue
        good = declared
        apply(good)
        gc.collect()


def _fingerprint(paths: Sequence[str], sources: Sequence[str], platform: str | None) -> str:
    """Another after any change of a file's content, as far as its size and times tell.

    `sources` are the files that were read, which need not stand below `paths`: a kustomization names others.
    """
    code = hashlib.sha256()
    for file in sorted({*_files(paths), *sources, *([platform] if platform else [])}):
        try:
            found = os.stat(file)
        except (OSError, ValueError):
            continue
        code.update(f"{file}\0{found.st_ino}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return code.hexdigest()


def _files(paths: Sequence[str]) -> Iterator[str]:
    """As manifests are looked for: without what is hidden."""
    for path in paths:
        if not os.path.isdir(path):
            yield path
        for folder, below, names in os.walk(path):
            below[:] = [name for name in below if not name.startswith(".") and name != "node_modules"]
            yield from (os.path.join(folder, name) for name in names if not name.startswith("."))


def _named(paths: Sequence[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def _silent(_: str) -> None:
    """Nobody waits at a terminal."""
