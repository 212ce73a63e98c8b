"""What is written is what the API servers' schemas allow."""

from __future__ import annotations

import copy
import functools
import json
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes_validate import validate  # type: ignore[import-untyped]  # has no types

from licet.compile.targets import TARGETS
from licet.model.profiles import PROFILES
from tests.compile.agreed import random_case

JUDGE = Path(__file__).parents[1] / "judge" / "conformance"
MODULE = "sigs.k8s.io/network-policy-api@v0.2.0"
DEFINITION = "config/crd/standard/policy.networking.k8s.io_clusternetworkpolicies.yaml"


@functools.cache
def cluster_network_policy() -> dict[str, Any]:
    """The schema in the resource definition, closed: a field that it does not have is an error."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("the resource definition comes from a Go module, and `go` is not installed")
    got = subprocess.run([go, "mod", "download", "-json", MODULE], cwd=JUDGE, capture_output=True, check=True)
    definition = yaml.safe_load((Path(json.loads(got.stdout)["Dir"]) / DEFINITION).read_text())
    [version] = [one for one in definition["spec"]["versions"] if one["name"] == "v1alpha2"]
    return _closed(version["schema"]["openAPIV3Schema"])


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" in schema:
        schema = schema | {"properties": {k: _closed(v) for k, v in schema["properties"].items()}}
        schema.setdefault("additionalProperties", False)
    if "items" in schema:
        schema = schema | {"items": _closed(schema["items"])}
    return schema


def test_cluster_network_policies_keep_to_the_resource_definition() -> None:
    schema = copy.deepcopy(cluster_network_policy())
    schema["properties"]["metadata"].pop("additionalProperties", None)
    validator = jsonschema.Draft202012Validator(schema)
    written = [one for seed in range(100) for one in _written("clusternetworkpolicy", seed)]
    assert len(written) > 100
    for value in written:
        validator.validate(value)
        assert 0 < len(value["metadata"]["name"]) <= 253
    broken = copy.deepcopy(written[0])
    broken["spec"]["egress"][0]["to"] = []
    assert not validator.is_valid(broken), "a schema that allows anything judges nothing"


def test_network_policies_keep_to_the_schema_of_the_api() -> None:
    written = [one for seed in range(60) for one in _written("networkpolicy", seed)]
    assert len(written) > 60
    for value in written:
        validate(value, "1.31", strict=True)
    broken = copy.deepcopy(written[0])
    broken["spec"]["policyTypes"] = "Ingress"
    with pytest.raises(Exception, match="is not of type"):
        validate(broken, "1.31", strict=True)


def _written(target: str, seed: int) -> list[dict[str, Any]]:
    case = random_case(Random(seed))
    compiled = TARGETS[target](case.agreements, case.cluster, False, PROFILES["kubernetes"])
    return [one.value for one in compiled.written]
