"""The log, what was found wrong with it, and proofs, for people and as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from licet.app.auditing import Log
from licet.audit.event import Detail
from licet.audit.fault import Fault, Wrong
from licet.audit.prove import Checked, Inclusion
from licet.audit.read import Kept
from licet.audit.verify import Verified
from licet.diag.render.visible import visible

_WHO = ("id", "name", "uid", "pid")
_KIND = len("authority.activated")
_KEY = re.compile("[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_NOTHING: tuple[Detail, ...] = ("", None, [], {})
_FIRST = ("spiffe_id", "id", "trust_domain", "serial", "reason")


def line(kept: Kept) -> str:
    """A record on one line: position, time, kind, who, and its facts, those first that tell the most.

    What is empty is left out, and names of keys are cut as everywhere; `line_json` has all of it.
    """
    record = kept.record
    actor = record.actor
    who = " ".join([_value(actor.get("type", "")), *(f"{key}={_value(actor[key])}" for key in _WHO if key in actor)])
    told = f"{record.kind:<{_KIND}}  {who}  {_facts(record.detail)}".rstrip()
    return f"{record.position:>8}  {_second(record.time)}  {visible(told)}\n"


def line_json(kept: Kept) -> str:
    """A record as it stands in the log."""
    return kept.text.decode() + "\n"


def verified(found: Verified, log: Log) -> str:
    """What is wrong, a line each, and what was looked at."""
    lines = [_fault(fault) for fault in found.faults]
    if found.cut:
        lines.append("more is wrong than is told here")
    if not log.trusted:
        lines.append(f"note: the key is the one in the database, `{log.known}`: compare it with yours (`--key`)")
    outcome = "the log is sound" if found.holds else "the log is NOT sound"
    if found.faults and all(fault.wrong is Wrong.STATE for fault in found.faults):
        outcome = "the log is sound, and what is stored is NOT what it tells"
    lines.append(f"{found.records} records, {found.checkpoints} checkpoints: {outcome}")
    return "\n".join(map(visible, lines)) + "\n"


def verified_json(found: Verified, log: Log) -> dict[str, object]:
    """As above, for programs."""
    return {
        "schema": "licet.dev/audit/v1",
        "sound": found.holds,
        "records": found.records,
        "checkpoints": found.checkpoints,
        "newest": found.newest,
        "key": str(log.known),
        "trusted": log.trusted,
        "faults": msgspec.to_builtins(found.faults),
        "cut": found.cut,
    }


def checked(found: Checked) -> str:
    """Whether a proof holds, and what it proves."""
    if not found.holds:
        return "".join(f"{visible(wrong)}\n" for wrong in found.wrong) + "the proof does NOT hold\n"
    return f"{_says(found)}\n"


def checked_json(found: Checked) -> dict[str, object]:
    """As above, for programs."""
    return {
        "schema": "licet.dev/audit-checked/v1",
        "sound": found.holds,
        "wrong": list(found.wrong),
        "key": found.proof.key,
    }


def head_json(key: str, checkpoint: str) -> dict[str, object]:
    """What to keep elsewhere of a log, for programs."""
    return {"schema": "licet.dev/audit-head/v1", "key": key, "checkpoint": checkpoint}


def _says(found: Checked) -> str:
    proof = found.proof
    if isinstance(proof, Inclusion):
        return f"record {proof.position} is in the log that was signed"
    return f"the log of {proof.second.size} records begins with the log of {proof.first.size}"


def _fault(fault: Fault) -> str:
    where = f"record {fault.first}" if fault.first == fault.last else f"records {fault.first} to {fault.last}"
    return f"{fault.wrong.value}: {where}: {fault.message}"


def _order(key: str) -> tuple[int, str]:
    return _FIRST.index(key) if key in _FIRST else len(_FIRST), key


def _second(time: str) -> str:
    return f"{time[:19]}Z"


def _facts(facts: Mapping[str, Detail]) -> str:
    told = sorted((key for key, value in facts.items() if value not in _NOTHING), key=_order)
    return " ".join(f"{key}={_value(facts[key])}" for key in told)


def _value(value: Detail) -> str:
    match value:
        case str() if _KEY.fullmatch(value):
            return value[:16]
        case str() if _TIME.fullmatch(value):
            return _second(value)
        case str():
            return value
        case dict():
            return f"{{{_facts(value)}}}"
        case list():
            return ",".join(map(_value, value))
        case _:
            return str(value)
