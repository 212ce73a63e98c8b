"""Records as events of the Open Cybersecurity Schema Framework (schema.ocsf.io), one line of JSON each.

Every event holds the record as it stands in the log (`raw_data`), so that an export can be verified as the log can.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from licet import __version__
from licet.audit.event import Detail
from licet.audit.read import Kept
from licet.audit.record import Record
from licet.store import moment

VERSION = "1.3.0"
"""Of the schema."""
_OTHER = 99


class _Class(Enum):
    AUTHENTICATION = (3, "Identity & Access Management", 2, "Authentication")
    ENTITY_MANAGEMENT = (3, "Identity & Access Management", 4, "Entity Management")
    API_ACTIVITY = (6, "Application Activity", 3, "API Activity")


_CLASSES = {
    "svid": _Class.AUTHENTICATION,
    "node": _Class.AUTHENTICATION,
    "authority": _Class.ENTITY_MANAGEMENT,
    "contract": _Class.ENTITY_MANAGEMENT,
    "domain": _Class.ENTITY_MANAGEMENT,
    "entry": _Class.ENTITY_MANAGEMENT,
    "federation": _Class.ENTITY_MANAGEMENT,
    "identity": _Class.ENTITY_MANAGEMENT,
}
_CREATE, _READ, _UPDATE, _DELETE = 1, 2, 3, 4
_ACTIVITIES = {
    "added": _CREATE,
    "founded": _CREATE,
    "made": _CREATE,
    "prepared": _CREATE,
    "restored": _CREATE,
    "backed_up": _READ,
    "activated": _UPDATE,
    "changed": _UPDATE,
    "banned": _UPDATE,
    "fetched": _UPDATE,
    "left": _UPDATE,
    "permitted": _UPDATE,
    "resealed": _UPDATE,
    "retired": _UPDATE,
    "rotated": _UPDATE,
    "set": _UPDATE,
    "tainted": _UPDATE,
    "removed": _DELETE,
    "revoked": _DELETE,
}
_LOGON = 1
_FAILURES = ("failed", "refused", "denied")


def line(kept: Kept, origin: str) -> bytes:
    """The record as an event, without a line's end."""
    return msgspec.json.encode(event(kept, origin))


def event(kept: Kept, origin: str) -> dict[str, object]:
    """The record as an event."""
    record = kept.record
    subject, _, verb = record.kind.partition(".")
    found = _CLASSES.get(subject, _Class.API_ACTIVITY)
    category, category_name, number, name = found.value
    class_uid = category * 1000 + number
    if found is _Class.AUTHENTICATION:
        activity = _LOGON if verb == "attested" else _OTHER
    else:
        activity = _ACTIVITIES.get(verb, _OTHER)
    failed = verb in _FAILURES
    return {
        "activity_id": activity,
        "activity_name": verb or record.kind,
        "category_uid": category,
        "category_name": category_name,
        "class_uid": class_uid,
        "class_name": name,
        "type_uid": class_uid * 100 + activity,
        "time": int(moment.moment(record.time).timestamp() * 1000),
        "severity_id": 3 if failed else 1,
        "status_id": 2 if failed else 1,
        "message": record.kind,
        "metadata": {
            "version": VERSION,
            "product": {"name": "Licet", "vendor_name": "Licet", "version": __version__},
            "uid": f"{origin}/{record.position}",
            "event_code": record.kind,
            "log_name": origin,
            "original_time": record.time,
            "sequence": record.position,
        },
        "actor": _actor(record.actor),
        **_about(found, record, origin),
        "raw_data": kept.text.decode(),
    }


def _about(found: _Class, record: Record, origin: str) -> dict[str, object]:
    detail = record.detail
    match found:
        case _Class.AUTHENTICATION:
            who = detail.get("spiffe_id") or record.actor.get("id") or ""
            about: dict[str, object] = {"user": {"uid": who, "name": who}, "service": {"name": "licet", "uid": origin}}
            if isinstance(serial := detail.get("serial"), str):
                about["certificate"] = {"serial_number": serial, "issuer": detail.get("issuer") or ""}
            return about
        case _Class.ENTITY_MANAGEMENT:
            subject = record.kind.partition(".")[0]
            inner = detail.get(subject)
            facts = inner if isinstance(inner, dict) else detail
            uid = next((facts[key] for key in ("spiffe_id", "id", "trust_domain") if key in facts), "")
            return {"entity": {"type": subject, "uid": uid, "data": detail}}
        case _Class.API_ACTIVITY:
            return {
                "api": {"operation": record.kind, "service": {"name": "licet"}},
                "src_endpoint": {"name": str(record.actor.get("type", ""))},
                "unmapped": detail,
            }


def _actor(actor: dict[str, Detail]) -> dict[str, object]:
    match actor.get("type"):
        case "workload":
            user = {"uid": str(actor.get("uid", ""))}
            told: dict[str, object] = {"process": {"pid": actor.get("pid", 0), "user": user}}
            return {**told, "app_uid": actor["node"]} if "node" in actor else told
        case "administrator":
            return {"user": {"name": actor.get("name", ""), "uid": str(actor.get("uid", "")), "type_id": 2}}
        case "node":
            return {"user": {"name": actor.get("id", ""), "uid": actor.get("id", ""), "type_id": 3}}
    return {"app_name": "licet"}
