"""Drafts as lines of YAML, each entry under remarks that say what points to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from licet.contracts.contract import CidrPeer, DnsPeer, GatewayPeer, PlatformPeer, SelfPeer, ServicePeer
from licet.discover.draft import Draft, DraftCall, DraftCaller, DraftServe
from licet.discover.edge import Caller, Evidence
from licet.discover.owner import Owner
from licet.manifest.flow import flow
from licet.manifest.group import VERSION
from licet.model.key import BUILT_IN_GROUPS, Key
from licet.model.ports import PortRange, Protocol

Where: TypeAlias = Callable[[Evidence | Owner], str]
"""Says where something stands, as `file:line`."""

_MOST = 3
_STEP = "  "


def contract(draft: Draft, name: str, owner: Owner | None, where: Where) -> str:
    """A whole contract, as the text of a file."""
    key = draft.key
    lines = [
        "# Drafted by `licet init`. The remarks above an entry say what points to it; correct the entries that are",
        "# doubtful, and delete what is wrong: what is left here is what may be.",
        f"apiVersion: {VERSION}",
        "kind: Contract",
        f"metadata: {flow({'name': name, 'namespace': key.namespace})}",
        "spec:",
        f"  targetRef: {flow(_target_ref(key))}",
    ]
    if owner is not None:
        lines += [f"  # {_printable(f'{where(owner)}: {owner.text}')}", f"  owner: {flow(owner.name)}"]
    else:
        lines.append("  # owner: who answers for it and may change `callers`, such as team-payments")
    lines += _list("serves", [serve_lines(serve, key, where) for serve in draft.serves])
    calls = _list("calls", [call_lines(call, key, where) for call in draft.calls])
    lines += calls or ["  # calls: the manifests do not say whom it calls; nobody, as long as nothing stands here"]
    return "\n".join([*lines, ""])


def serve_lines(serve: DraftServe, key: Key, where: Where) -> list[str]:
    """An entry of `serves`."""
    lines = [f"- name: {flow(serve.name)}", f"  ports: [{flow(_port(serve.port))}]"]
    callers = callers_lines(serve, key, where)
    return lines + ([f"{_STEP}{line}" for line in callers] or ["  # callers: nothing points to any"])


def callers_lines(serve: DraftServe, key: Key, where: Where) -> list[str]:
    """The key `callers` of an entry, or nothing where there is no caller."""
    if not serve.callers:
        return []
    peers = [line for caller in serve.callers for line in caller_lines(caller, key, where)]
    return ["callers:", "  from: Selected", "  peers:", *(f"{_STEP}{line}" for line in peers)]


def caller_lines(caller: DraftCaller, key: Key, where: Where) -> list[str]:
    """An entry of `peers`."""
    value = {"name": caller.name, **_caller(caller.peer, key)}
    return [*_remarks(caller.evidence, caller.doubt, where), f"- {flow(value)}"]


def call_lines(call: DraftCall, key: Key, where: Where) -> list[str]:
    """An entry of `calls`."""
    lines = [*_remarks(call.evidence, call.doubt, where), f"- name: {flow(call.name)}", f"  to: {flow(_to(call, key))}"]
    if call.port is not None:
        lines.append(f"  ports: [{flow(_port(call.port))}]")
    return lines


def _list(key: str, entries: Iterable[list[str]]) -> list[str]:
    found = [f"{_STEP}{line}" for entry in entries for line in entry]
    return [f"{_STEP}{key}:", *found] if found else []


def _remarks(evidence: Iterable[Evidence], doubt: str, where: Where) -> list[str]:
    told = list(dict.fromkeys(_printable(f"{where(one)}: {one.text}") for one in evidence))
    lines = [f"# {one}" for one in told[:_MOST]]
    if len(told) > _MOST:
        lines.append(f"# and {len(told) - _MOST} more")
    return [*lines, f"# doubtful: {_printable(doubt)}"] if doubt else lines


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _target_ref(key: Key) -> dict[str, str]:
    group = {} if key.group in BUILT_IN_GROUPS else {"group": key.group}
    return {**group, "kind": key.kind, "name": key.name}


def _workload(key: Key, home: Key) -> dict[str, Any]:
    namespace = {} if key.namespace == home.namespace else {"namespace": key.namespace}
    return {"workload": {**_target_ref(key), **namespace}}


def _named(name: str, namespace: str, home: Key) -> dict[str, str]:
    return {"name": name} if namespace == home.namespace else {"name": name, "namespace": namespace}


def _caller(peer: Caller, home: Key) -> dict[str, Any]:
    match peer:
        case Key():
            return _workload(peer, home)
        case GatewayPeer(namespace=namespace, name=name):
            return {"gateway": _named(name, namespace, home)}
        case CidrPeer():
            return {"cidr": _cidr(peer)}
        case PlatformPeer(part=part):
            return {"platform": part.value}


def _to(call: DraftCall, home: Key) -> dict[str, Any]:
    match call.target:
        case Key() as key:
            return _workload(key, home)
        case ServicePeer(namespace=namespace, name=name):
            return {"service": _named(name, namespace, home)}
        case DnsPeer(name=name):
            return {"dns": {"name": name}}
        case CidrPeer() as cidr:
            return {"cidr": _cidr(cidr)}
        case SelfPeer():
            return {"self": {}}
        case PlatformPeer(part=part):
            return {"platform": part.value}


def _cidr(peer: CidrPeer) -> dict[str, Any]:
    """The block as strict readers take it: no bits behind the prefix."""
    first, _, rest = peer.text.partition(" except ")
    block, *holes = (str(ipaddress.ip_network(text, strict=False)) for text in (first, *rest.replace(",", " ").split()))
    return {"block": block, "except": holes} if holes else {"block": block}


def _port(port: PortRange) -> dict[str, Any]:
    value: dict[str, Any] = {"port": port.first}
    if port.last != port.first:
        value["endPort"] = port.last
    if port.protocol is not Protocol.TCP:
        value["transport"] = port.protocol.name
    return value
