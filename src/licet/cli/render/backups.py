"""How backups and what is restored from them are shown."""

from __future__ import annotations

from datetime import timedelta

from licet.app.identity.backing import Backup
from licet.app.identity.restoring import Restored
from licet.diag.render.terminal import counted
from licet.diag.wording import instant, lasting


def made(backup: Backup, found: Restored | None) -> str:
    """A backup that was written."""
    header = backup.header
    lines = [
        f"backed up {header.trust_domain} into {backup.path}: "
        f"{counted(header.records, 'record')}, {backup.bytes:,} bytes"
    ]
    lines += [
        f"  {counted(number, 'key')} kept by {name}: not in it, back {name} up too"
        for name, number in backup.outside.items()
    ]
    return "\n".join(lines) + "\n" + (checked(found) if found is not None else "")


def made_json(backup: Backup, found: Restored | None) -> dict[str, object]:
    """A backup that was written, for programs."""
    header = backup.header
    return {
        "schema": "licet.dev/backup/v1",
        "file": str(backup.path),
        "bytes": backup.bytes,
        "id": header.id,
        "trust_domain": header.trust_domain,
        "created_at": header.created_at,
        "records": header.records,
        "checkpoint": header.checkpoint,
        "opens_with": header.secret,
        "outside_keys": backup.outside,
        "rehearsed": restored_json(found) if found is not None else None,
    }


def checked(found: Restored) -> str:
    """A backup that was put to the test."""
    lines = [
        f"a backup of {found.trust_domain} as it was at {instant(found.taken_at)}, {_age(found)} ago",
        f"  the log holds: {counted(found.records, 'record')}",
        f"  {counted(found.keys, 'key')} open",
        *(f"  does not open: {each}" for each in found.unopened),
    ]
    return "\n".join(lines) + "\n"


def restored(found: Restored) -> str:
    """A domain that was brought back."""
    return (
        f"restored {found.trust_domain} as it was at {instant(found.taken_at)}, {_age(found)} ago: "
        f"{counted(found.records, 'record')}, and the log holds\n"
        f"  {counted(found.entries, 'entry')}, {counted(found.agents, 'agent')}, {found.revoked} revoked\n"
    )


def warnings(found: Restored) -> list[str]:
    """What is not in a backup, and what to do about it."""
    at = instant(found.taken_at)
    lines = [
        f"What happened after {at} is gone:",
        f"  certificates issued since are not in the log, and are believed until they expire, for up to "
        f"{lasting(timedelta(seconds=found.longest))}: `licet identity taint` replaces everything if in doubt",
        "  identities revoked and agents banned since are let in again: revoke and ban them again",
        "  authorities tainted or revoked since are believed again: taint them again",
        "  entries, federated domains and agents added since are missing: add them, and make new join tokens",
    ]
    if found.voided:
        lines.append(f"  {counted(found.voided, 'join token')} taken back, which may have been used since")
    if found.lost is not None:
        lines.append(f"  the log had {counted(found.lost, 'more record')}, by what this folder remembered")
    if found.aside is not None:
        lines.append(f"What the folder remembered is kept as `{found.aside}`.")
    return lines


def restored_json(found: Restored) -> dict[str, object]:
    """A domain that was brought back, or a backup that was put to the test, for programs."""
    return {
        "schema": "licet.dev/restored/v1",
        "trust_domain": found.trust_domain,
        "taken_at": instant(found.taken_at),
        "age_seconds": int((found.at - found.taken_at).total_seconds()),
        "records": found.records,
        "entries": found.entries,
        "agents": found.agents,
        "revoked": found.revoked,
        "keys_opened": found.keys,
        "keys_unopened": list(found.unopened),
        "join_tokens_voided": found.voided,
        "records_lost": found.lost,
    }


def _age(found: Restored) -> str:
    return lasting(max(found.at - found.taken_at, timedelta()))
