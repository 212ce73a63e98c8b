"""What a workload's containers are told of others: in their variables, commands, probes and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from licet.diag.place import Path
from licet.discover import commands, files, variables
from licet.discover.commands import Word
from licet.discover.edge import Evidence, Lack
from licet.discover.names import Names
from licet.discover.pods import ConfigMap, Pods, Told, items, mapping, text
from licet.discover.variables import MAPS, Variables
from licet.discover.weigh import Reading, weigh

_HOOKS = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)
_SCRIPTS = (".sh", ".bash")


def evidence_of(pods: Pods, maps: MAPS, names: Names) -> Iterator[Evidence]:
    """Every call that the workload's own manifest, and the ConfigMaps that it names, point to."""
    own = _own_names(pods)
    for reading in _readings(pods, maps, names):
        for one in weigh(reading, pods.key, names):
            elsewhere = one.lack is Lack.SERVICE and (own is None or reading.mention.host in own)
            yield msgspec.structs.replace(one, lack=None) if elsewhere else one


def _own_names(pods: Pods) -> frozenset[str] | None:
    """The names that these pods have an address for themselves; None where they ask no resolver of the cluster's.

    Pods on their node's network ask the node's, unless they say `ClusterFirstWithHostNet`.
    """
    asks = pods.spec.get("dnsPolicy", "ClusterFirst")
    if asks in ("None", "Default") or pods.spec.get("dnsConfig"):
        return None
    if asks == "ClusterFirst" and pods.spec.get("hostNetwork") is True:
        return None
    aliases = (items(mapping(alias).get("hostnames")) for alias in items(pods.spec.get("hostAliases")))
    return frozenset(text(name).lower() for names in aliases for name in names)


def _readings(pods: Pods, maps: MAPS, names: Names) -> Iterator[Reading]:
    environments: list[Variables] = []
    for container, path in pods.containers():
        known = variables.variables(pods, container, path, maps, names)
        environments.append(known)
        for name, told in known.values.items():
            yield from _variable(name, told, known)
        yield from commands.readings(_words(pods, container, path), known)
        for hook in _HOOKS:
            yield from commands.readings(_hook_words(pods, container, path, hook), known)
    nothing = environments[-1] if environments else Variables({}, {}, {})
    for config, keys in _mounted(pods, maps):
        for name, told in config.entries.items():
            if keys is not None and name not in keys:
                continue
            if name.endswith(_SCRIPTS) or told.text.startswith("#!"):
                lines = [Word(line, told.place, at) for at, line in enumerate(told.text.split("\n"))]
                yield from commands.script(lines, nothing)
            else:
                yield from files.readings(name, told)


def _variable(name: str, told: Told, known: Variables) -> Iterator[Reading]:
    """A variable holds an address, or, where it is long, a file or arguments."""
    value = told.text.strip()
    if value.startswith(("{", "[{")) or "\n" in value:
        yield from files.readings(name, told)
    elif value.startswith("-"):
        for reading in commands.script([Word(value, told.place)], known):
            yield msgspec.structs.replace(reading, text=f"{name}: {reading.text}")
    else:
        yield from variables.readings(name, told, known)


def _words(pods: Pods, container: Mapping[str, Any], path: Path) -> list[Word]:
    return [
        Word(word, pods.place(*path, field, at))
        for field in ("command", "args")
        for at, word in enumerate(items(container.get(field)))
        if isinstance(word, str)
    ]


def _hook_words(pods: Pods, container: Mapping[str, Any], path: Path, hook: tuple[str, ...]) -> list[Word]:
    value = container
    for step in hook:
        value = mapping(value.get(step))
    return [
        Word(word, pods.place(*path, *hook, "exec", "command", at))
        for at, word in enumerate(items(mapping(value.get("exec")).get("command")))
        if isinstance(word, str)
    ]


def _mounted(pods: Pods, maps: MAPS) -> Iterator[tuple[ConfigMap, frozenset[str] | None]]:
    """The ConfigMaps behind the pod's volumes, and which of their entries; None where all are meant."""
    for volume in items(pods.spec.get("volumes")):
        sources = [mapping(mapping(volume).get("configMap"))]
        projected = items(mapping(mapping(volume).get("projected")).get("sources"))
        sources += [mapping(mapping(source).get("configMap")) for source in projected]
        for source in sources:
            found = maps.get((pods.key.namespace, text(source.get("name"))))
            if found is not None:
                chosen = items(source.get("items"))
                yield found, frozenset(text(mapping(item).get("key")) for item in chosen) if chosen else None
