"""Random platforms as plain documents: workloads, and several sets of contracts for them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, TypeAlias

import msgspec

Document: TypeAlias = dict[str, Any]

TRUST_DOMAIN = "licet.local"
POD_NETWORK = "10.244.0.0/16"
"""Not where stand-ins run, so that a block of their addresses is of callers outside."""
_NAMESPACES = ("bank", "ops", "shop")
_NAMES = ("api", "cart", "feed", "jobs", "mail", "rates", "store", "users")
_KINDS = ("Deployment", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
_GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "Job": "batch", "CronJob": "batch"}
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
_PATHS = ("/", "/v1", "/v1/", "/v1/items", "/v1/items/7", "/v10", "/health", "/a.b/c:d")
_SERVICES = ("shop.Cart", "shop.CartAdmin", "bank.Ledger")
_RPCS = ("Get", "Put", "GetAll")
_MODES = ("", "", "", "Enforce", "Enforce", "Enforce", "Canary", "Shadow", "Observe")
_OVER, _FUTURE = "2020-01-01T00:00:00Z", "2099-12-31T00:00:00Z"
_REQUESTS = {"HTTP": "http", "HTTP2": "http", "gRPC": "grpc"}


class Entry(msgspec.Struct, frozen=True):
    """What every set of contracts has in common of an entry of `serves`."""

    name: str
    ports: tuple[Document, ...]
    application: str

    @property
    def requests(self) -> str:
        """The field by which requests are told apart; empty where only connections are."""
        return _REQUESTS.get(self.application, "")


class Program(msgspec.Struct, frozen=True):
    """A workload, and what it serves under whatever contracts; nobody has written one where it is not `contracted`."""

    namespace: str
    name: str
    kind: str
    account: str
    containers: tuple[Document, ...]
    entries: tuple[Entry, ...]
    contracted: bool

    @property
    def identity(self) -> str:
        """The SPIFFE ID."""
        return f"spiffe://{TRUST_DOMAIN}/ns/{self.namespace}/sa/{self.account}"


class Drawn(msgspec.Struct, frozen=True):
    """The manifests, and contracts for them: `open` lets everybody call everything."""

    manifests: tuple[Document, ...]
    open: tuple[Document, ...]
    sets: tuple[tuple[Document, ...], ...]


def draw(rng: Random, sets: int, addresses: Sequence[str]) -> Drawn:
    """A platform of 3 to 8 workloads with so many sets of contracts; `addresses` are those that callers will have."""
    programs = _programs(rng)
    closed = [name for name in sorted({each.namespace for each in programs}) if rng.random() < 0.3]
    scraper = rng.choice(programs) if rng.random() < 0.5 else None
    return Drawn(
        tuple(document for each in programs for document in _manifests(each)),
        (*_open(programs), *(_namespace(name, "") for name in closed), _platform(scraper, "")),
        tuple(
            (
                *_contracts(rng, programs, addresses),
                *(_namespace(name, rng.choice(_MODES)) for name in closed),
                _platform(scraper, rng.choice(_MODES)),
            )
            for _ in range(sets)
        ),
    )


def _programs(rng: Random) -> list[Program]:
    namespaces = rng.sample(_NAMESPACES, rng.randint(2, 3))
    found = []
    for name in rng.sample(_NAMES, rng.randint(3, 8)):
        entries, containers = _serves(rng)
        account = rng.choice((name, name, "default"))
        found.append(
            Program(rng.choice(namespaces), name, rng.choice(_KINDS), account, containers, entries, rng.random() < 0.93)
        )
    return found


def _serves(rng: Random) -> tuple[tuple[Entry, ...], tuple[Document, ...]]:
    """Entries on ports of their own, but for one that is sometimes on a port of another one."""
    entries: list[Entry] = []
    containers: list[Document] = []
    for number in rng.sample((5000, 6000, 7000, 8000, 9000), rng.choice((0, 1, 1, 2, 2, 3))):
        application = rng.choice(("HTTP", "HTTP2", "gRPC", "TLS", ""))
        name = f"e{number}"
        match rng.randrange(3):
            case 0:
                containers.append({"name": f"p{number}", "containerPort": number})
                ports: tuple[Document, ...] = ({"port": f"p{number}"},)
            case 1:
                ports = ({"port": number, "endPort": number + rng.randint(1, 2)},)
            case _:
                ports = ({"port": number}, {"port": number + 9})
        entries.append(Entry(name, ports, application))
        if rng.random() < 0.25:
            entries.append(Entry(f"{name}-too", ({"port": number},), application))
    if containers:
        listed = (5000, 6000, 7000, 8000, 9000)
        known = {each["containerPort"] for each in containers}
        containers += [{"containerPort": number} for number in listed if number not in known]
    return tuple(entries), tuple(containers)


def _manifests(program: Program) -> list[Document]:
    labels = {"app.kubernetes.io/name": program.name}
    pod: Document = {
        "metadata": {"labels": labels},
        "spec": {
            "serviceAccountName": program.account,
            "containers": [{"name": "main", "image": "example.org/main:1", "ports": list(program.containers)}],
        },
    }
    spec: Document = {"template": pod}
    if program.kind == "CronJob":
        spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": spec}}
    elif program.kind != "Job":
        spec |= {"selector": {"matchLabels": labels}}
    if program.kind == "StatefulSet":
        spec |= {"serviceName": program.name}
    if program.kind in ("Job", "CronJob"):
        pod["spec"]["restartPolicy"] = "Never"
    version = f"{_GROUPS[program.kind]}/v1"
    found = [{"apiVersion": version, "kind": program.kind, "metadata": _named(program), "spec": spec}]
    if program.entries:
        ports = [
            {"name": f"s{at}", "port": 80 + at, "targetPort": entry.ports[0]["port"]}
            for at, entry in enumerate(program.entries)
        ]
        found.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": _named(program),
                "spec": {"selector": labels, "ports": ports},
            }
        )
    return found


def _named(program: Program) -> Document:
    return {"name": program.name, "namespace": program.namespace}


def _namespace(name: str, mode: str) -> Document:
    return {
        "apiVersion": "licet.dev/v1alpha1",
        "kind": "NamespaceContract",
        "metadata": {"name": "default", "namespace": name},
        "spec": {"isolate": "AllWorkloads", **_mode(mode)},
    }


def _platform(scraper: Program | None, mode: str) -> Document:
    """With a word about metrics in any case, so that nobody is taken for who collects them by default."""
    place = {"namespace": scraper.namespace if scraper else "nowhere"}
    labels = {"app.kubernetes.io/name": scraper.name if scraper else "nobody"}
    return {
        "apiVersion": "licet.dev/v1alpha1",
        "kind": "Platform",
        "metadata": {"name": "default"},
        "spec": {"podCIDRs": [POD_NETWORK], "metrics": {**place, "selector": {"matchLabels": labels}}, **_mode(mode)},
    }


def _mode(mode: str) -> Document:
    return {"mode": mode} if mode else {}


def _contract(program: Program, mode: str, serves: list[Document], calls: list[Document]) -> Document:
    return {
        "apiVersion": "licet.dev/v1alpha1",
        "kind": "Contract",
        "metadata": _named(program),
        "spec": {
            "targetRef": {"group": _GROUPS[program.kind], "kind": program.kind, "name": program.name},
            **_mode(mode),
            "serves": serves,
            "calls": calls,
        },
    }


def _entry(entry: Entry, callers: Document, mtls: str) -> Document:
    written: Document = {"name": entry.name, "ports": list(entry.ports), "callers": callers}
    if entry.application:
        written["application"] = entry.application
    return written | ({"mtls": mtls} if mtls else {})


def _workload(caller: Program, callee: Program, rng: Random | None = None) -> Document:
    found: Document = {"name": callee.name}
    if callee.namespace != caller.namespace or (rng and rng.random() < 0.3):
        found["namespace"] = callee.namespace
    return found | ({"kind": callee.kind} if rng and rng.random() < 0.3 else {})


def _open(programs: list[Program]) -> list[Document]:
    return [
        _contract(
            own,
            "Enforce",
            [_entry(entry, {"from": "All"}, "") for entry in own.entries],
            [
                {"name": f"{other.name}-{entry.name}", "to": {"workload": _workload(own, other)}, "serves": entry.name}
                for other in programs
                if other.contracted
                for entry in other.entries
            ],
        )
        for own in programs
        if own.contracted
    ]


def _contracts(rng: Random, programs: list[Program], addresses: Sequence[str]) -> list[Document]:
    return [
        _contract(
            own,
            rng.choice(_MODES),
            [_entry(each, _callers(rng, own, each, programs, addresses), _mtls(rng)) for each in own.entries],
            list(_calls(rng, own, programs)),
        )
        for own in programs
        if own.contracted
    ]


def _mtls(rng: Random) -> str:
    return rng.choice(("", "", "Strict", "Permissive"))


def _callers(rng: Random, own: Program, entry: Entry, programs: list[Program], addresses: Sequence[str]) -> Document:
    chosen = rng.choice(("None", "SameNamespace", "All", "Selected", "Selected", "Selected"))
    if chosen != "Selected":
        return {"from": chosen}
    peers = []
    for number in range(rng.randint(1, 4)):
        other = rng.choice(programs)
        peer: Document = rng.choice(
            (
                {"workload": _workload(own, other, rng)},
                {"workload": _workload(own, other, rng)},
                {"workload": _workload(own, other, rng)},
                {"namespace": {"name": other.namespace}},
                {"spiffeID": other.identity},
                {"platform": "Metrics"},
                {"cidr": _block(rng, addresses)},
            )
        )
        peers.append({"name": f"peer-{number}", **peer, **_requests(rng, entry.requests)})
    return {"from": "Selected", "peers": peers}


def _block(rng: Random, addresses: Sequence[str]) -> Document:
    one = rng.choice(addresses)
    return rng.choice(
        (
            {"block": "127.77.0.0/16"},
            {"block": f"{one}/32"},
            {"block": "127.77.0.0/16", "except": [f"{one}/32"]},
            {"block": "192.0.2.0/24"},
        )
    )


def _requests(rng: Random, field: str) -> Document:
    if not field or rng.random() < 0.35:
        return {}
    draw_one = _http if field == "http" else _grpc
    return {field: [draw_one(rng) for _ in range(rng.randint(1, 3))]}


def _http(rng: Random) -> Document:
    found: Document = {}
    if rng.random() < 0.7:
        found["methods"] = rng.sample(_METHODS, rng.randint(1, 3))
    if rng.random() < 0.8:
        found["path"] = {"value": rng.choice(_PATHS), **rng.choice(({}, {"type": "Exact"}))}
    return found


def _grpc(rng: Random) -> Document:
    methods = {"methods": rng.sample(_RPCS, rng.randint(1, 2))} if rng.random() < 0.7 else {}
    return {"service": rng.choice(_SERVICES), **methods}


def _calls(rng: Random, own: Program, programs: list[Program]) -> list[Document]:
    """Calls that a callee may have admitted or not, to entries that may be there or not."""
    found: list[Document] = []
    serving = [each for each in programs if each.entries]
    for number in range(rng.randint(0, 2 + len(serving)) if serving else 0):
        other = rng.choice(serving)
        entry = rng.choice(other.entries)
        said = _requests(rng, entry.requests) if rng.random() < 0.6 else {}
        about: Document = {"name": f"call-{number}"}
        if rng.random() < 0.3:
            about["need"] = rng.choice(("Optional", "Startup"))
        if rng.random() < 0.3:
            about["notAfter"] = rng.choice((_OVER, _FUTURE))
        if rng.random() < 0.1:
            about["mode"] = rng.choice(("Shadow", "Enforce"))
        to: Document = {"workload": _workload(own, other, rng)}
        match rng.randrange(8):
            case 0:
                where: Document = {"ports": list(entry.ports)}
            case 1:
                where = {}
            case 2:
                to = {"service": {"name": other.name, "namespace": other.namespace}}
                at = other.entries.index(entry)
                where = {"ports": [rng.choice(({"port": 80 + at}, {"port": f"s{at}"}))]}
            case 3 if own.entries:
                to, entry = {"self": {}}, rng.choice(own.entries)
                said = _requests(rng, entry.requests)
                where = rng.choice(({"serves": entry.name}, {"ports": list(entry.ports)}))
            case _:
                where = {"serves": entry.name}
        found.append({**about, "to": to, **where, **said})
    return found
