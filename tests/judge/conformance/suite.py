"""The conformance suite of AdminNetworkPolicy, read from its Go sources: what a cluster holds and who must reach whom.

Its tests are sequences of five things (look at an object, change a policy, delete one, poke a server, expect an
answer), so that they can be read off without a cluster.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from licet.diag.place import Origin
from licet.manifest.decode import decode
from licet.manifest.documents import Document
from licet.model.cluster import Cluster
from licet.model.ports import Protocol
from licet.model.workload import Workload

MODULE = "sigs.k8s.io/network-policy-api"
PREFIX = "network-policy-conformance-"
STEP = re.compile(
    r'Manifests: *\[\]string\{"(?P<manifest>[^"]+)"\}'
    r'|(?:Namespace: *"(?P<namespace>[^"]+)",\s*)?\bName: *"(?P<name>[^"]+)"'
    r"|(?P<held>\w+) := (?:anp|banp)\.DeepCopy\(\)\.Spec\.(?P<held_side>\w+)\[(?P<held_at>\d)\]"
    r"|(?:anp|banp)\.Spec\.(?P<side>\w+)\[(?P<at>\d)\] = (?:(?:anp|banp)\.DeepCopy\(\)\.Spec\.\w+\[(?P<other>\d)\]"
    r"|(?P<kept>\w+))"
    r"|(?:anp|banp)\.Spec\.(?P<acting>\w+)\[(?P<acting_at>\d)\]\.Action = \S*RuleAction(?P<action>\w+)"
    r"|(?:anp|banp)\.Spec\.Priority = (?P<priority>\d+)"
    r"|(?P<deleted>Client\.Delete)"
    r'|PokeServer\(t, "(?P<from>[^"]+)", "(?P<pod>[^"]+)", "(?P<protocol>\w+)",\s*'
    r"\w+\.Status\.PodIP, int32\((?P<port>\d+)\), [^,]+, (?P<expected>true|false)\)"
    r"|(?P<unread>PokeServer|Spec\.\w+\S* =|Client\.(?:Update|Patch|Create)\b(?!\(ctx, b?anp\)))"
)


class Poke(msgspec.Struct, frozen=True):
    """One connection that the suite tries, and whether it must be made."""

    test: str
    cluster: Cluster
    src: Workload
    dst: Workload
    protocol: Protocol
    port: int
    expected: bool


def fetch() -> Path:
    """The suite's folder, from the module that `go.mod` pins; skips the test where there is no Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("the conformance suite comes as a Go module, and `go` is not installed")
    said = subprocess.run(
        [go, "mod", "download", "-json", MODULE], cwd=Path(__file__).parent, check=True, capture_output=True
    )
    return Path(json.loads(said.stdout)["Dir"]) / "conformance"


def pokes(suite: Path) -> Iterator[Poke]:
    """Every connection of every test, each with the cluster as the test has it at that moment."""
    base = _objects(suite / "base" / "manifests.yaml")
    for source in sorted((suite / "tests").glob("*.go")):
        yield from _Run(suite, base, source.stem).steps(re.sub(r"//[^\n]*", "", source.read_text("utf-8")))


class _Run:
    """One test file, followed step by step."""

    def __init__(self, suite: Path, base: list[dict[str, Any]], test: str) -> None:
        self._suite = suite
        self._objects = copy.deepcopy(base)
        self._test = test
        self._looked_at: tuple[str, str] = ("", "")
        self._policy: dict[str, Any] = {}
        self._held: dict[str, Any] = {}

    def steps(self, source: str) -> Iterator[Poke]:
        for step in STEP.finditer(source):
            assert not step["unread"], f"{self._test}: a step of a kind that is not known: {step.group()}"
            if step["manifest"]:
                self._objects += _objects(self._suite / step["manifest"])
            elif step["namespace"]:
                self._looked_at = step["namespace"], step["name"]
            elif step["name"]:
                (self._policy,) = (one["spec"] for one in self._objects if one["metadata"]["name"] == step["name"])
            elif step["deleted"]:
                self._objects = [one for one in self._objects if _id(one) != self._looked_at]
            elif step["expected"]:
                yield self._poke(step)
            else:
                self._change(step)

    def _change(self, step: re.Match[str]) -> None:
        if step["held"]:
            self._held[step["held"]] = self._policy[step["held_side"].lower()][int(step["held_at"])]
        elif step["priority"]:
            self._policy["priority"] = int(step["priority"])
        elif step["action"]:
            self._policy[step["acting"].lower()][int(step["acting_at"])]["action"] = step["action"]
        else:
            rules = self._policy[step["side"].lower()]
            rules[int(step["at"])] = rules[int(step["other"])] if step["other"] else self._held[step["kept"]]

    def _poke(self, step: re.Match[str]) -> Poke:
        decoded = decode(Document(Origin(self._test), copy.deepcopy(one)) for one in self._objects)
        workloads = {(one.key.namespace, one.key.name): one for one in decoded.cluster.workloads}
        src, dst = (step["from"], step["pod"]), self._looked_at
        return Poke(
            self._test,
            decoded.cluster,
            workloads[src[0], src[1].rpartition("-")[0]],
            workloads[dst[0], dst[1].rpartition("-")[0]],
            Protocol[step["protocol"].upper()],
            int(step["port"]),
            step["expected"] == "true",
        )


def _id(value: dict[str, Any]) -> tuple[str, str]:
    return value["metadata"].get("namespace", ""), value["metadata"]["name"]


def _objects(path: Path) -> list[dict[str, Any]]:
    """The objects of a file, peers in the form that the API settled on later."""
    objects = [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]
    for one in objects:
        if one["apiVersion"].startswith("policy.networking.k8s.io"):
            for peer in _peers(one["spec"]):
                if "namespaces" in peer:
                    peer["namespaces"] = peer["namespaces"]["namespaceSelector"]
                else:
                    peer["pods"]["namespaceSelector"] = peer["pods"].pop("namespaces")["namespaceSelector"]
    return objects


def _peers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        yield from rule.get("from") or rule["to"]
