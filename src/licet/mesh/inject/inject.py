"""A pod template with a sidecar, and the same without it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from licet.diag.place import Path
from licet.manifest import exact
from licet.mesh.errors import MeshError
from licet.mesh.inject.checks import led
from licet.mesh.inject.containers import containers, volumes
from licet.mesh.inject.injection import APPS, EXITS, MARK, NAMES, VOLUMES, WAY_BACK, Injection
from licet.model.key import Key

_GRACE = "terminationGracePeriodSeconds"
_USUAL_GRACE = 30
_MARGIN = 5
"""Seconds that are left for the sidecar once the programs have ended."""
_ENDING = frozenset({"Job", "CronJob"})
"""Kinds whose pods end by themselves, and that nobody sends to through a load balancer."""
_COLLECTIONS: tuple[tuple[str, ...], ...] = (
    ("spec", "volumes"),
    ("spec", "initContainers"),
    ("metadata", "annotations"),
    ("metadata",),
)

Spell = Callable[[Path], str]
"""How a key of the template and its value are written."""


class Back(msgspec.Struct, frozen=True, array_like=True):
    """One step of the way back: at this key what is `now` there was written like `was`, or was not there.

    The path leads through lists by names. Of collections there is no `now`: others may have added to them.
    """

    at: tuple[str, ...]
    was: str | None
    now: Any = None


class LostError(MeshError):
    """What was written for the way back is not what was written there."""


class Changed(msgspec.Struct, frozen=True):
    """A template as it is to be, and how keys of it by their paths are to be written."""

    template: dict[str, Any]
    spelled: Mapping[Path, str]


def inject(template: Mapping[str, Any], owner: Key, injection: Injection, spell: Spell) -> Changed:
    """The template with a sidecar; it has none, and nothing stands in the way of one."""
    new: dict[str, Any] = copy.deepcopy(dict(template))
    back: list[Back] = []
    pod = new["spec"]
    notes = (template.get("metadata") or {}).get("annotations") or {}
    apps = [str(one) for one in str(notes.get(APPS) or "").split()]
    exits = [str(one) for one in str(notes.get(EXITS) or "").split()]
    listening = {int(port): at for port, _, at in (one.partition("=") for one in apps) if port.isdecimal()}
    probes = []
    for one in led(pod, listening):
        parent: dict[str, Any] = _at(new, ("spec", *one.path[:-1]))
        named = _named(template, ("spec", *one.path[:-1], one.name))
        back.append(Back(named, spell(("spec", *one.path)), one.handler[one.name]))
        _rename(parent, str(one.path[-1]), one.handler)
        probes.append(one.probe)
    drains = owner.kind not in _ENDING and injection.lag > 0
    back += _patience(new, spell, injection.lag if drains else 0)
    for at in reversed(_COLLECTIONS):
        parent = _at(new, at[:-1])
        if not parent.get(at[-1]):
            back.append(Back(at, spell(at) if at[-1] in parent else None))
            parent[at[-1]] = {} if at[0] == "metadata" else []
    put = containers(injection, owner, probes, apps, exits, drains=drains), volumes(injection)
    pod["initContainers"] = [*put[0], *pod["initContainers"]]
    pod["volumes"] = [*pod["volumes"], *put[1]]
    way = msgspec.json.encode(back).decode()
    mark = hashlib.sha256(msgspec.json.encode((put, way), order="deterministic")).hexdigest()[:16]
    new["metadata"]["annotations"] |= {MARK: mark, WAY_BACK: way}
    return Changed(new, {})


def injected(template: Mapping[str, Any]) -> bool:
    """Whether it has a sidecar of ours."""
    return WAY_BACK in ((template.get("metadata") or {}).get("annotations") or {})


def restore(template: Mapping[str, Any]) -> Changed:
    """The template without the sidecar that it has. What people changed since then stays as they have it.

    Raises LostError where the way back cannot be read.
    """
    new: dict[str, Any] = copy.deepcopy(dict(template))
    notes = new["metadata"]["annotations"]
    steps = _way_back(notes.pop(WAY_BACK))
    notes.pop(MARK, None)
    pod = new["spec"]
    pod["initContainers"] = [one for one in pod.get("initContainers") or () if one.get("name") not in NAMES]
    pod["volumes"] = [one for one in pod.get("volumes") or () if one.get("name") not in VOLUMES]
    spelled: dict[Path, str] = {}
    for step in sorted(steps, key=lambda step: step.at in _COLLECTIONS and 1 + _COLLECTIONS.index(step.at)):
        path = _numbered(new, step.at)
        parent = _at(new, path[:-1]) if path else None
        key = step.at[-1]
        if (
            not isinstance(parent, dict)
            or key not in parent
            or parent[key] != (step.now if step.now is not None else type(parent[key])())
        ):
            continue
        if step.was is None:
            del parent[key]
            continue
        entry = _entry(step.was)
        _rename(parent, key, entry)
        spelled[(*path[:-1], next(iter(entry)))] = step.was
    return Changed(new, spelled)


def _way_back(text: object) -> list[Back]:
    try:
        steps = msgspec.json.decode(str(text), type=list[Back])
    except (msgspec.MsgspecError, RecursionError):
        raise _lost() from None
    if not all(step.at for step in steps):
        raise _lost()
    return steps


def _entry(written: str) -> dict[str, Any]:
    """A key with its value, as they were written."""
    try:
        entry = exact.build(written.encode()).value
    except exact.Broken:
        raise _lost() from None
    if not isinstance(entry, dict) or len(entry) != 1:
        raise _lost()
    return entry


def _lost() -> LostError:
    return LostError(f"has an annotation `{WAY_BACK}` that leads nowhere back", "take the sidecar out by hand")


def _patience(new: dict[str, Any], spell: Spell, lag: int) -> list[Back]:
    """Programs are not asked to end before load balancers have noticed, and have the time they had from there on."""
    pod = new["spec"]
    before = pod.get(_GRACE)
    grace = _USUAL_GRACE if before is None else before
    if not lag or not grace:
        return []
    back: list[Back] = []
    slept = 0
    sleep = {"sleep": {"seconds": lag}}
    for at, container in enumerate(pod["containers"]):
        lifecycle = container.get("lifecycle")
        if lifecycle and lifecycle.get("preStop"):
            continue
        slept = lag
        path: Path = ("spec", "containers", at, "lifecycle")
        if lifecycle:
            path = (*path, "preStop")
        parent, key = _at(new, path[:-1]), str(path[-1])
        now = sleep if lifecycle else {"preStop": sleep}
        back.append(Back(_named(new, path), spell(path) if key in parent else None, now))
        parent[key] = now
    until = max(grace + slept, lag) + _MARGIN
    back.append(Back(("spec", _GRACE), spell(("spec", _GRACE)) if _GRACE in pod else None, until))
    pod[_GRACE] = until
    return back


def _rename(parent: dict[str, Any], key: str, entry: Mapping[str, Any]) -> None:
    """Put another entry in the place of this one."""
    items = list(parent.items())
    parent.clear()
    for known, value in items:
        parent.update(entry if known == key else {known: value})


def _named(value: Any, path: Path) -> tuple[str, ...]:
    """The path with items of lists by their names."""
    named: list[str] = []
    for step in path:
        value = value.get(step) if isinstance(value, dict) else value[step]
        named.append(value["name"] if isinstance(step, int) else step)
    return tuple(named)


def _numbered(value: Any, at: Sequence[str]) -> Path:
    """The path that these names lead along, empty where they lead nowhere; the last one need not be there."""
    path: list[str | int] = []
    for step in at[:-1]:
        key: str | int | None = step
        if isinstance(value, list):
            names = [one.get("name") if isinstance(one, dict) else None for one in value]
            key = names.index(step) if step in names else None
            value = None if key is None else value[key]
        else:
            value = value.get(step) if isinstance(value, dict) else None
        if key is None or value is None:
            return ()
        path.append(key)
    return (*path, at[-1])


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value
