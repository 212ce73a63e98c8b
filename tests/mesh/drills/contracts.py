"""What the drills' workloads have agreed: two call two others, one for requests and streams and one for bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from licet.model.key import Key

CALLERS, CALLEES = ("web", "job"), ("api", "ledger")
HTTP, TCP = 8080, 5432
ITEMS, REPORTS = "/items", "/reports"
_ALWAYS = (ITEMS, "/drill.Drill")


def deployment(name: str) -> Key:
    """A workload of these drills."""
    return Key("", "apps", "Deployment", "shop", name)


def identity(name: str, domain: str) -> str:
    """Whom it runs as."""
    return f"spiffe://{domain}/ns/shop/sa/{name}"


def write(folder: Path, *, reports: bool = True) -> None:
    """Put everything there, with or without that `web` may ask for reports; what is read is always whole."""
    fresh = folder.parent / "fresh.json"
    fresh.write_text("\n---\n".join(json.dumps(each) for each in _objects(reports=reports)))
    fresh.replace(folder / "shop.yaml")


def _objects(*, reports: bool) -> Iterator[dict[str, object]]:
    ports = {"api": HTTP, "ledger": TCP}
    for name in (*CALLERS, *CALLEES):
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "shop"}}
        container: dict[str, object] = {"name": "main", "image": "example/none"}
        if name in ports:
            container |= {"ports": [{"name": "main", "containerPort": ports[name]}]}
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {"serviceAccountName": name, "containers": [container]},
        }
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
        }
        said = {"targetRef": {"group": "apps", "kind": "Deployment", "name": name}, "owner": "team-drill"}
        served = [_served(name, reports=reports)] if name in ports else []
        calls = [_call(each) for each in CALLEES] if name in CALLERS else []
        yield {
            "apiVersion": "licet.dev/v1alpha1",
            "kind": "Contract",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": said | ({"serves": served} if served else {}) | ({"calls": calls} if calls else {}),
        }


def _served(name: str, *, reports: bool) -> dict[str, object]:
    entry: dict[str, object] = {"name": "main", "ports": [{"port": "main"}]}
    if name == "ledger":
        return entry | {"callers": {"from": "Selected", "peers": [_peer(each) for each in CALLERS]}}
    allowed = {each: [*_ALWAYS, *([REPORTS] if reports and each == "web" else [])] for each in CALLERS}
    peers = [_peer(each) | {"http": [{"path": {"value": path}} for path in allowed[each]]} for each in CALLERS]
    return entry | {"application": "HTTP", "callers": {"from": "Selected", "peers": peers}}


def _peer(name: str) -> dict[str, object]:
    return {"name": name, "workload": {"kind": "Deployment", "name": name}}


def _call(name: str) -> dict[str, object]:
    return {"name": name, "to": {"workload": {"kind": "Deployment", "name": name}}, "serves": "main", "reason": "drill"}
