"""What contracts agree on, read from their documents as a person would: no word of how Licet comes to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from tests.mesh.platforms.drawn import Document

_TEMPLATES = {
    "CronJob": ("jobTemplate", "spec", "template"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"), ("template",)),
}
_REQUESTS = {"http": "http", "http2": "http", "grpc": "grpc"}
_ANY_RPC = "AnyOther"


class Request(msgspec.Struct, frozen=True, order=True):
    """What is asked for; empty for a connection that carries just bytes."""

    method: str = ""
    path: str = ""


class Named(msgspec.Struct, frozen=True):
    """A workload by what contracts know it by."""

    namespace: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}[{self.kind}]"


class Contracts:
    """A platform's documents: manifests and contracts."""

    def __init__(self, documents: Iterable[Document], trust_domain: str) -> None:
        self.workloads: dict[Named, Document] = {}
        self.contracts: dict[Named, Document] = {}
        self._services: dict[tuple[str, str], Document] = {}
        self._trust_domain = trust_domain
        self._closed: dict[str, Document] = {}
        self._platform: Document = {}
        self._near: dict[tuple[Named, int], list[Request]] = {}
        self._meetings: dict[tuple[Named, Named, int], list[tuple[Document, Document | None]]] = {}
        for document in documents:
            kind, spec, metadata = document["kind"], document.get("spec", {}), document["metadata"]
            if kind in _TEMPLATES:
                for field in _TEMPLATES[kind]:
                    spec = spec[field]
                self.workloads[Named(metadata["namespace"], metadata["name"], kind)] = spec
            elif kind == "Contract":
                target = spec["targetRef"]
                self.contracts[Named(metadata["namespace"], target["name"], target["kind"])] = spec
            elif kind == "NamespaceContract" and spec.get("isolate") == "AllWorkloads":
                self._closed[metadata["namespace"]] = spec
            elif kind == "Platform":
                self._platform = spec
            elif kind == "Service":
                self._services[metadata["namespace"], metadata["name"]] = spec

    def identity(self, workload: Named) -> str:
        """The SPIFFE ID, by the service account that the pods run as."""
        account = self.workloads[workload]["spec"].get("serviceAccountName", "default")
        return f"spiffe://{self._trust_domain}/ns/{workload.namespace}/sa/{account}"

    def sharing(self, workload: Named) -> list[Named]:
        """Every workload of the same identity, this one too."""
        own = self.identity(workload)
        return [each for each in self.workloads if self.identity(each) == own]

    def mode(self, workload: Named) -> str:
        """How far its contract is enforced; a canary is, of a workload that has one instance."""
        said = (self.contracts.get(workload, {}), self._closed.get(workload.namespace, {}), self._platform)
        found = next((str(each["mode"]) for each in said if "mode" in each), "Enforce")
        return "Enforce" if found == "Canary" else found

    # --- By both sides' contracts --------------------------------------------------------------------------------

    def called(self, caller: Named, callee: Named, port: int, request: Request) -> bool:
        """Whether the caller declares the call and the callee admits it."""
        place = (caller, callee, port)
        if place not in self._meetings:
            self._meetings[place] = list(self._met(*place))
        return any(
            _is(call, request) and (entry is None or self._admits(caller, callee, call, entry, request))
            for call, entry in self._meetings[place]
        )

    def let_in(self, caller: Named, callee: Named, port: int, request: Request) -> bool:
        """Whether the callee names a caller that has no contract and needs none."""
        if caller in self.contracts or caller.namespace in self._closed:
            return False
        return any(
            "workload" in peer and _names(peer["workload"], callee.namespace, caller) and _is(peer, request)
            for entry in self._entries(callee, port)
            for peer in _peers(entry)
        )

    def collects(self, caller: Named, callee: Named, port: int, request: Request) -> bool:
        """Whether the callee admits whoever collects metrics, who is this one and whose contract forbids nothing."""
        said = self.contracts.get(caller, {}).get("mode", self._platform.get("mode", "Enforce"))
        if caller.namespace in self._closed or (caller in self.contracts and said == "Enforce"):
            return False
        return self._is_collector(caller) and any(
            peer.get("platform") == "Metrics" and _is(peer, request)
            for entry in self._entries(callee, port)
            for peer in _peers(entry)
        )

    @property
    def collector(self) -> str:
        """What rules call whoever collects metrics."""
        return f"metrics in {self._platform.get('metrics', {}).get('namespace', 'monitoring')}"

    def proved(self, caller: Named, callee: Named, port: int, request: Request) -> bool:
        """Whether the callee admits whoever has the caller's SPIFFE ID, who has to declare nothing."""
        return any(
            peer.get("spiffeID") == self.identity(caller) and _is(peer, request)
            for entry in self._entries(callee, port)
            for peer in _peers(entry)
        )

    def placed(self, address: str, callee: Named, port: int, request: Request) -> list[str]:
        """The blocks, as they are written, by which the callee admits whoever calls from an address."""
        return [
            _block_text(peer["cidr"])
            for entry in self._entries(callee, port)
            for peer in _peers(entry)
            if "cidr" in peer and _within(address, peer["cidr"]) and _is(peer, request)
        ]

    def unproved(self, address: str, callee: Named, port: int, request: Request) -> list[str]:
        """Those of them that are enough without a certificate."""
        return [
            _block_text(peer["cidr"])
            for entry in self._entries(callee, port)
            if entry.get("mtls", "Strict") != "Strict"
            for peer in _peers(entry)
            if "cidr" in peer and _within(address, peer["cidr"]) and _is(peer, request)
        ]

    def requests(self, callee: Named, port: int) -> str:
        """The field that tells requests to a port apart: `http`, `grpc`, or nothing where it is just bytes."""
        spoken = (_REQUESTS.get(str(entry.get("application", "")).lower(), "") for entry in self._entries(callee, port))
        return max(spoken, default="")

    def ports(self, workload: Named) -> list[int]:
        """Everything that its contract says it serves."""
        entries = self.contracts.get(workload, {}).get("serves", ())
        return sorted({port for entry in entries for port in self._numbers(entry["ports"], workload)})

    def near(self, callee: Named, port: int) -> list[Request]:
        """Requests that somebody speaks of who has to do with this port, and others close to them."""
        if not self.requests(callee, port):
            return [Request()]
        if (callee, port) not in self._near:
            calls = [call for spec in self.contracts.values() for call in spec.get("calls", ())]
            peers = [peer for entry in self._entries(callee, port) for peer in _peers(entry)]
            self._near[callee, port] = sorted(_near([*calls, *peers]))
        return self._near[callee, port]

    # --- What a person would look up ------------------------------------------------------------------------------

    def _entries(self, callee: Named, port: int) -> list[Document]:
        entries = self.contracts.get(callee, {}).get("serves", ())
        return [entry for entry in entries if port in self._numbers(entry["ports"], callee)]

    def _met(self, caller: Named, callee: Named, port: int) -> Iterator[tuple[Document, Document | None]]:
        """The calls of one workload that lead to a port of another, each with an entry there that it may mean."""
        for call in self.contracts.get(caller, {}).get("calls", ()):
            if "notAfter" in call and datetime.fromisoformat(call["notAfter"]) <= datetime.now(UTC):
                continue
            to = call["to"]
            if "self" in to:
                if caller == callee and port in self._own(call, caller):
                    yield call, None
                continue
            asked: set[int] | None
            if "service" in to:
                asked = self._behind(caller, to["service"], call, callee)
            elif "workload" in to and self._one(to["workload"], caller.namespace) == callee:
                asked = self._numbers(call["ports"], callee) if "ports" in call else None
            else:
                continue
            for entry in self._meant(call, callee, asked):
                if port in self._numbers(entry["ports"], callee) and (asked is None or port in asked):
                    yield call, entry

    def _own(self, call: Document, own: Named) -> set[int]:
        if "ports" in call:
            return self._numbers(call["ports"], own)
        entries = self.contracts[own].get("serves", ())
        named = [each for each in entries if call.get("serves", each["name"]) == each["name"]]
        return {port for entry in named for port in self._numbers(entry["ports"], own)}

    def _meant(self, call: Document, callee: Named, asked: set[int] | None) -> list[Document]:
        entries = self.contracts.get(callee, {}).get("serves", [])
        if "serves" in call:
            return [entry for entry in entries if entry["name"] == call["serves"]]
        if asked is None:
            return list(entries) if len(entries) == 1 else []
        return list(entries)

    def _one(self, peer: Document, home: str) -> Named | None:
        fitting = [each for each in self.workloads if _names(peer, home, each)]
        return fitting[0] if len(fitting) == 1 else None

    def _behind(self, caller: Named, peer: Document, call: Document, callee: Named) -> set[int]:
        namespace = peer.get("namespace", caller.namespace)
        service = self._services.get((namespace, peer["name"]))
        labels = self.workloads[callee]["metadata"].get("labels", {})
        if service is None or namespace != callee.namespace or not service["selector"].items() <= labels.items():
            return set()
        asked = [each["port"] for each in call.get("ports", ())]
        targets = [
            each.get("targetPort", each["port"])
            for each in service["ports"]
            if not asked or each["port"] in asked or each.get("name") in asked
        ]
        return self._numbers([{"port": target} for target in targets], callee)

    def _numbers(self, ports: Sequence[Document], workload: Named) -> set[int]:
        found: set[int] = set()
        for each in ports:
            if each.get("transport", "TCP") != "TCP":
                continue
            first: int | str = each["port"]
            if isinstance(first, str):
                containers = self.workloads[workload]["spec"]["containers"]
                named = [one for container in containers for one in container.get("ports", ())]
                found.update(one["containerPort"] for one in named if one.get("name") == first)
            else:
                found.update(range(first, each.get("endPort", first) + 1))
        return found

    def _admits(self, caller: Named, callee: Named, call: Document, entry: Document, request: Request) -> bool:
        callers = entry.get("callers", {"from": "None"})
        match callers["from"]:
            case "All":
                return True
            case "SameNamespace":
                return caller.namespace == callee.namespace
            case "Selected":
                return any(
                    self._is_peer(peer, callee.namespace, caller) and _is(peer, request) and _alike(call, peer)
                    for peer in callers["peers"]
                )
            case _:
                return False

    def _is_peer(self, peer: Document, home: str, caller: Named) -> bool:
        if "workload" in peer:
            return _names(peer["workload"], home, caller)
        if "platform" in peer:
            return bool(peer["platform"] == "Metrics") and self._is_collector(caller)
        return "namespace" in peer and bool(peer["namespace"]["name"] == caller.namespace)

    def _is_collector(self, workload: Named) -> bool:
        said = self._platform.get("metrics", {})
        labels = self.workloads[workload]["metadata"].get("labels", {})
        if said.get("namespace") != workload.namespace:
            return False
        return bool(said["selector"]["matchLabels"].items() <= labels.items())


def _near(spoken: Sequence[Document]) -> set[Request]:
    found = {Request("GET", "/"), Request("POST", "/other"), Request("POST", "/shop.Other/Get")}
    https = [match for each in spoken for match in each.get("http", ())]
    methods = {"GET", "PUT", *(method for match in https for method in match.get("methods", ()))}
    for path in {match.get("path", {}).get("value", "/") for match in https}:
        whole = path.rstrip("/")
        for beside in (path, f"{whole}/x", f"{whole or '/'}0", path.upper()):
            found.update(Request(method, beside) for method in methods)
    for match in (match for each in spoken for match in each.get("grpc", ())):
        for name in (*match.get("methods", ()), _ANY_RPC):
            found.add(Request("POST", f"/{match['service']}/{name}"))
            found.add(Request("GET", f"/{match['service']}/{name}"))
            found.add(Request("POST", f"/{match['service']}X/{name}"))
    return found


def _is(said: Document, request: Request) -> bool:
    """Whether a request is one of those that are said; of a connection nothing is said."""
    http, grpc = said.get("http", ()), said.get("grpc", ())
    if not http and not grpc:
        return True
    return any(_http(each, request) for each in http) or any(_grpc(each, request) for each in grpc)


def _peers(entry: Document) -> list[Any]:
    return list(entry.get("callers", {}).get("peers", ()))


def _alike(call: Document, peer: Document) -> bool:
    """HTTP and gRPC have no request in common, though one is made of the other."""
    return not ({"http", "grpc"} <= {*call, *peer})


def _names(peer: Document, home: str, workload: Named) -> bool:
    named = (peer.get("namespace", home), peer["name"], peer.get("kind", workload.kind))
    return named == (workload.namespace, workload.name, workload.kind)


def _block_text(cidr: Document) -> str:
    excepted = cidr.get("except", ())
    return f"{cidr['block']} except {', '.join(excepted)}" if excepted else str(cidr["block"])


def _within(address: str, cidr: Document) -> bool:
    at = ip_address(address)
    excepted = any(at in ip_network(each) for each in cidr.get("except", ()))
    return at in ip_network(cidr["block"]) and not excepted


def _http(match: Document, request: Request) -> bool:
    path = match.get("path", {"value": "/"})
    if request.method not in match.get("methods", (request.method,)):
        return False
    if path.get("type") == "Exact":
        return bool(request.path == path["value"])
    wanted = [part for part in path["value"].split("/") if part]
    return request.path.split("/")[1 : len(wanted) + 1] == wanted


def _grpc(match: Document, request: Request) -> bool:
    service, _, method = request.path.removeprefix("/").partition("/")
    fits = service == match["service"] and method in match.get("methods", (method,))
    return request.method == "POST" and fits
