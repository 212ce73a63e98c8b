"""The smallest contract, an annotation of a workload: `licet.dev/calls: "payment:grpc, data/redis:6379"`.

It stands among the workload's own `metadata.annotations`, not among those of its pod template. Each entry is
`[namespace/]workload[:entry-or-port]` or `dns.name:port`; a port may end with `/udp` or `/sctp`. A name with a dot and
no namespace is a DNS name. Who may call is not said: an annotation never restricts callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from licet.contracts import findings, terms
from licet.contracts.contract import Call, Contract, DnsPeer, Peer, Port, WorkloadPeer
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.diag.render.masks import masked
from licet.manifest.decode.kinds import FORMER_GROUPS, READ
from licet.manifest.documents import Document
from licet.manifest.written import Written
from licet.model.key import Key, Pattern
from licet.model.ports import FIRST_PORT, LAST_PORT, PortRange, Protocol

ANNOTATION = "licet.dev/calls"

_ENTRY = re.compile(r"(?:(?P<namespace>[^:/]*)/)?(?P<name>[^:/]*)(?::(?P<what>[^:/]*)(?:/(?P<transport>[^:/]*))?)?")
_FORM = "write `[namespace/]workload[:entry-or-port]` or `dns.name:port`"
_TRANSPORTS = {protocol.name.lower(): protocol for protocol in Protocol}
_DIGITS = 5


class _Unfit(Exception):
    """An entry that says nothing; bears the problem and the way out."""

    def __init__(self, problem: str, help: str = _FORM) -> None:
        super().__init__(problem)
        self.problem = problem
        self.help = help


def annotated(
    documents: Iterable[Document], *, namespace: str, cluster: str
) -> tuple[list[Contract], list[Diagnostic]]:
    """The contracts that workloads bear as annotations, each under its workload's key, and what is wrong with them.

    `namespace` is that of documents that name none. An annotation with a fault is left out whole.
    """
    contracts: list[Contract] = []
    diagnostics: list[Diagnostic] = []
    for document in documents:
        content = document.content
        if type(content) is Written and ANNOTATION not in content.text:
            continue
        value = document.value
        text = _annotation(value)
        if text is not None:
            made = _contract(document, value, text, Key(cluster, "", "", namespace, ""), diagnostics)
            if made is not None:
                contracts.append(made)
        elif _annotation(_inside(_inside(value, "spec"), "template")) is not None:
            where = Place(document.origin, ("spec", "template", "metadata", "annotations", ANNOTATION), key=True)
            help = f"move it to the `metadata.annotations` of the {document.kind} itself"
            diagnostics.append(findings.bad_annotation(where, ANNOTATION, "is not read on a pod template", help))
    return contracts, diagnostics


def _annotation(value: dict[str, Any]) -> object | None:
    return _inside(_inside(value, "metadata"), "annotations").get(ANNOTATION)


def _inside(value: dict[str, Any], field: str) -> dict[str, Any]:
    inner = value.get(field)
    return inner if isinstance(inner, dict) else {}


def _contract(
    document: Document, value: dict[str, Any], text: object, default: Key, diagnostics: list[Diagnostic]
) -> Contract | None:
    place = Place(document.origin, ("metadata", "annotations", ANNOTATION))
    kind, group = document.kind, document.api_version.rpartition("/")[0]
    group = FORMER_GROUPS.get((group, kind), group)
    metadata = value["metadata"]
    name, namespace = metadata.get("name"), metadata.get("namespace") or default.namespace
    read = READ.get((group, kind))
    problem = None
    if read is not None and read.into != "workloads":
        problem = f"stands on a {kind}", "put it on the workload that calls"
    elif not (isinstance(name, str) and isinstance(namespace, str)):
        problem = "stands on an object without a name", "give the workload a name"
    elif not isinstance(text, str):
        problem = "is no text", "quote it"
    if problem is not None:
        diagnostics.append(findings.bad_annotation(place, ANNOTATION, *problem))
        return None
    key = Key(default.cluster, group, kind, namespace, name)
    calls = _calls(str(text), key, place, diagnostics)
    target = Pattern(key.name, key.namespace, kind, group, key.cluster)
    return None if calls is None else Contract(key, target, (), calls, document.origin, annotated=True)


def _calls(text: str, home: Key, place: Place, diagnostics: list[Diagnostic]) -> tuple[Call, ...] | None:
    """The calls; None after a finding."""
    calls: dict[str, Call] = {}
    faults = len(diagnostics)
    hidden, at = masked(text), 0
    for item in text.split(",") if text.strip() else ():
        entry, shown = item.strip(), hidden[at : at + len(item)].strip()
        at += len(item) + 1
        try:
            if entry in calls:
                raise _Unfit("stands twice", "take one of them out")
            calls[entry] = _call(entry, home, place)
        except _Unfit as unfit:
            told = (unfit.problem, unfit.help) if shown == entry else ("is no call", _FORM)
            diagnostics.append(findings.bad_annotation(place, shown, *told))
    return tuple(calls.values()) if len(diagnostics) == faults else None


def _call(entry: str, home: Key, place: Place) -> Call:
    match = _ENTRY.fullmatch(entry)
    if match is None or not match["name"]:
        raise _Unfit("is no call")
    namespace, name, what, transport = match["namespace"], match["name"], match["what"], match["transport"]
    peer: Peer
    if namespace is None and "." in name:
        if not _is(name, terms.DnsName):
            raise _Unfit("names no DNS name", "write a whole name in lower case, such as `api.example.com:443`")
        if what is None or not _is_number(what):
            raise _Unfit("needs a port", f"write `{name}:443`, with the port that is called")
        peer = DnsPeer(name)
    else:
        if not _is(name, terms.ObjectName) or (namespace is not None and not _is(namespace, terms.NamespaceName)):
            raise _Unfit("names no workload")
        peer = WorkloadPeer(Pattern(name, namespace or home.namespace, cluster=home.cluster))
    if what is not None and _is_number(what):
        return Call(entry, peer, place, ports=(_port(what, transport),))
    if transport is not None:
        raise _Unfit(f"has `/{transport}` without a port", "the callee's entry says the transport: leave it out")
    if what is not None and not _is(what, terms.EntryName):
        raise _Unfit(f"names the entry `{what}`", "write an entry of the callee's `serves`, or a port")
    return Call(entry, peer, place, serves=what or "")


def _port(digits: str, transport: str | None) -> Port:
    number = int(digits) if len(digits) <= _DIGITS else 0
    if not FIRST_PORT <= number <= LAST_PORT:
        raise _Unfit(f"names the port {digits[:20]}", f"a port is a number from {FIRST_PORT} to {LAST_PORT}")
    protocol = _TRANSPORTS.get(transport or "tcp")
    if protocol is None:
        raise _Unfit(f"ends with `/{transport}`", "end it with `/tcp`, `/udp` or `/sctp`, or leave that out for TCP")
    return PortRange(protocol, number, number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _is(text: str, form: Any) -> bool:
    try:
        msgspec.convert(text, form)
    except msgspec.ValidationError:
        return False
    return True
