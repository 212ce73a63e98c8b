"""The environment of a container, as far as manifests hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from licet.diag.place import Path
from licet.discover.mention import Form, Mention, mentions
from licet.discover.names import Names
from licet.discover.pods import ConfigMap, Pods, Told, items, mapping, text
from licet.discover.weigh import Reading
from licet.discover.wording import Sense, sense, sibling
from licet.model.ports import port_number
from licet.model.service import Service

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_SHELL = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_SERVICE = re.compile(
    r"(?P<name>.+?)_(?P<what>SERVICE_HOST|SERVICE_PORT(?:_(?P<port>.+))?|PORT(?:_(?P<number>\d+)_TCP(?P<part>_\w+)?)?)"
)
_LONGEST = 32_768
MAPS = Mapping[tuple[str, str], ConfigMap]


class Variables(msgspec.Struct, frozen=True):
    """What the variables of a container hold, references resolved.

    `hidden` are those that a Secret fills, with the Secret's name. `given` names the Services for which the kubelet
    sets variables; empty where `enableServiceLinks` is false.
    """

    values: Mapping[str, Told]
    hidden: Mapping[str, str]
    given: Mapping[str, Service]

    def expand(self, value: str, *, shell: bool = False) -> str:
        """The value with what `$(NAME)`, and for a shell `$NAME`, refers to; the unknown stays as it is."""
        full = _REFERENCE.sub(lambda match: self._value(match[1]) or match[0] if match[1] else "$", value)
        if shell:
            full = _SHELL.sub(lambda m: self._value(m[1] or m[3]) or m[2] or m[0], full)
        return full if len(full) <= max(_LONGEST, len(value)) else value  # references may multiply

    def _value(self, name: str) -> str:
        if name in self.values:
            return self.values[name].text
        return _service_variable(name, self.given)


def variables(pods: Pods, container: Mapping[str, Any], path: Path, maps: MAPS, names: Names) -> Variables:
    """The environment of one container; `env` wins over `envFrom`, as the API has it."""
    values: dict[str, Told] = {}
    hidden: dict[str, str] = {}
    given = {} if pods.spec.get("enableServiceLinks") is False else names.variables(pods.key.namespace)
    for source in items(container.get("envFrom")):
        prefix = text(mapping(source).get("prefix"))
        name = text(mapping(mapping(source).get("configMapRef")).get("name"))
        if (found := maps.get((pods.key.namespace, name))) is not None:
            values.update({prefix + key: told for key, told in found.entries.items()})
        if secret := text(mapping(mapping(source).get("secretRef")).get("name")):
            hidden[f"{prefix}*"] = secret
    for at, entry in enumerate(items(container.get("env"))):
        name = text(mapping(entry).get("name"))
        if not name:
            continue
        values.pop(name, None)
        source = mapping(entry.get("valueFrom"))
        ref = mapping(source.get("configMapKeyRef"))
        found = maps.get((pods.key.namespace, text(ref.get("name"))))
        if isinstance(entry.get("value"), str):
            known = Variables(values, hidden, given)
            values[name] = Told(known.expand(entry["value"]), pods.place(*path, "env", at, "value"))
        elif found is not None and (told := found.entries.get(text(ref.get("key")))) is not None:
            values[name] = told
        elif mapping(source.get("fieldRef")).get("fieldPath") == "metadata.namespace":
            values[name] = Told(pods.key.namespace, pods.place(*path, "env", at, "valueFrom"))
        elif secret := text(mapping(source.get("secretKeyRef")).get("name")):
            hidden[name] = secret
    return Variables(values, hidden, given)


def readings(name: str, told: Told, known: Variables) -> Iterator[Reading]:
    """The hosts that a variable names."""
    meaning = sense(name)
    if meaning is Sense.NEVER:
        return
    for mention in mentions(told.text):
        port = _port_beside(name, known) if mention.form is Form.BARE else None
        text = shown(name, mention)
        if port is not None:
            mention, text = msgspec.structs.replace(mention, port=port[1]), f"{text}, {port[0]}={port[1]}"
            meaning = max(meaning, Sense.WEAK)
        yield Reading(mention, meaning, told.place, text)


def _port_beside(name: str, known: Variables) -> tuple[str, int] | None:
    for other in sibling(name):
        told = known.values.get(other)
        if told is not None and (number := port_number(told.text)) is not None:
            return other, number
    return None


def _service_variable(name: str, given: Mapping[str, Service]) -> str:
    """What stands for a variable that the kubelet sets for a Service: the Service's name for its address.

    `FOO_SERVICE_HOST`, `FOO_SERVICE_PORT[_NAME]` and `FOO_PORT[_80_TCP[_ADDR|_PORT|_PROTO]]` (Kubernetes documentation,
    "Service", "Environment variables").
    """
    if name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBERNETES_SERVICE_PORT_HTTPS"):
        return "kubernetes.default.svc" if name.endswith("HOST") else "443"
    match = _SERVICE.fullmatch(name)
    service = given.get(match["name"]) if match is not None else None
    if match is None or service is None or not service.ports:
        return ""
    host = f"{service.key.name}.{service.key.namespace}.svc"
    first = service.ports[0].port
    if match["what"] == "SERVICE_HOST":
        return host
    if match["what"].startswith("SERVICE_PORT"):
        wanted = (match["port"] or "").lower().replace("_", "-")
        return str(next((p.port for p in service.ports if p.name == wanted), first if not wanted else ""))
    port = int(match["number"]) if match["number"] else first
    parts = {None: f"tcp://{host}:{port}", "_ADDR": host, "_PORT": str(port), "_PROTO": "tcp"}
    return parts.get(match["part"], "")


def shown(name: str, mention: Mention) -> str:
    """How a mention in the value of a setting is shown."""
    return f"{name}={mention}" if name else str(mention)
