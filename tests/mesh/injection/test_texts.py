"""A sidecar comes into a manifest's text and goes out of it without a trace."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from kubernetes_validate import validate  # type: ignore[import-untyped]  # has no types

from licet.app.mesh.injecting import Sidecars, injecting, names, uninjecting
from licet.mesh.envoy.bootstrap import Local
from licet.mesh.inject.injection import WAY_BACK, Rules
from licet.mesh.sidecar import Capture
from licet.model.workload import Workload
from tests.mesh.injection.manifests import (
    ANCHORED,
    INJECTION,
    SPELLINGS,
    loaded,
    objects,
    only,
    pod,
    put,
    taken,
    written,
)
from tests.shared import shared

SHOP = Path(__file__).parents[3] / "examples" / "shop"
VERSION = "1.31"
WAYS = {
    "redirected": INJECTION,
    "by the node": msgspec.structs.replace(INJECTION, rules=Rules.NODE),
    "explicit": msgspec.structs.replace(INJECTION, capture=Capture.EXPLICIT),
    "sockets of the node": msgspec.structs.replace(
        INJECTION, control=Local("/run/licet/control.sock"), node="/run/licet"
    ),
}


def valid(made: Iterable[bytes]) -> int:
    """How many workloads there are, each of them as the API server's schema has it, with no field that it has not."""
    count = 0
    for data in made:
        for value in objects(data):
            if value["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet"}:
                validate(value, VERSION, strict=True)
                count += 1
    return count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_whatever_the_spelling_it_comes_once_and_goes_without_a_trace(spelling: str, way: str, tmp_path: Path) -> None:
    data = SPELLINGS[spelling].encode()
    made = put(tmp_path, data, WAYS[way])
    assert made.workloads
    assert not made.diagnostics
    changed = only(made)
    assert valid([changed]) == len(made.workloads)
    assert all("licet-sidecar" in str(value) for value in objects(changed) if value["kind"] != "ConfigMap")
    assert only(put(tmp_path, changed, WAYS[way])) == changed
    assert taken(tmp_path, changed) == data


def test_nothing_else_of_the_text_is_changed(tmp_path: Path) -> None:
    before = SPELLINGS["typical"].splitlines()
    after = only(put(tmp_path, SPELLINGS["typical"].encode())).decode().splitlines()
    gone = [line[2:] for line in difflib.ndiff(before, after) if line.startswith("- ")]
    assert gone == [
        "          tcpSocket:",
        "            # the port that counts",
        "            port: http",
        "      terminationGracePeriodSeconds: 45 # long",
    ]


def test_a_document_that_offers_no_place_is_written_anew_and_told_of(tmp_path: Path) -> None:
    made = put(tmp_path, ANCHORED.encode())
    assert [(one.code, one.severity.word) for one in made.diagnostics] == [("L0571", "info")]
    changed = only(made)
    assert valid([changed]) == 1
    assert only(put(tmp_path, changed)) == changed
    assert objects(taken(tmp_path, changed)) == objects(ANCHORED.encode())


def test_another_version_takes_the_place_of_the_one_that_is_there(tmp_path: Path) -> None:
    data = SPELLINGS["typical"].encode()
    newer = msgspec.structs.replace(INJECTION, image="registry.example/licet@sha256:4567", lag=40)
    before, after = only(put(tmp_path, data)), only(put(tmp_path, data, newer))
    assert before != after
    assert only(put(tmp_path, before, newer)) == after
    marks = [pod(objects(each)[0])["annotations"]["licet.dev/injected"] for each in (before, after)]
    assert marks[0] != marks[1]


def test_what_people_changed_since_stays_as_they_have_it(tmp_path: Path) -> None:
    changed = only(put(tmp_path, SPELLINGS["typical"].encode())).decode()
    edited = changed.replace("image: app", "image: newer").replace("Seconds: 65", "Seconds: 100")
    edited = edited.replace("      volumes:\n", "      volumes:\n      - {name: more, emptyDir: {}}\n")
    back = taken(tmp_path, edited.encode()).decode()
    wanted = SPELLINGS["typical"].replace("image: app", "image: newer").replace("Seconds: 45", "Seconds: 100")
    assert back == wanted.replace("      volumes:\n", "      volumes:\n      - {name: more, emptyDir: {}}\n")


def test_what_an_api_server_gave_back_loses_its_sidecar_too(tmp_path: Path) -> None:
    data = SPELLINGS["typical"].encode()
    [changed] = objects(only(put(tmp_path, data)))
    back = taken(tmp_path, msgspec.json.encode(changed))
    assert objects(back) == objects(data)


@pytest.mark.parametrize(
    "names",
    [("bookinfo",), ("emojivoto",), ("aks-store", "kustomize"), ("aks-store", "sample-manifests"), ("shop",)],
    ids=lambda names: "/".join(names),
)
def test_platforms_that_others_wrote(names: tuple[str, ...], tmp_path: Path) -> None:
    folder = SHOP if names == ("shop",) else shared("corpus", *names)
    before = loaded(folder)
    made = injecting(before, INJECTION, lambda _: True, ())
    assert not made.diagnostics
    assert made.workloads
    assert valid(made.after[source] for source in made.changed) >= len(made.workloads)
    places = _put(tmp_path, made)
    after = loaded(tmp_path)
    again = injecting(after, INJECTION, lambda _: True, ())
    assert not again.changed
    back = uninjecting(after, ())
    assert {s: back.after[places[s]] for s in made.after} == {s: text.data for s, text in made.before.items()}


def test_it_changes_nothing_of_who_may_reach_whom(tmp_path: Path) -> None:
    before = loaded(SHOP)
    _put(tmp_path, injecting(before, INJECTION, lambda _: True, ()))
    after = loaded(tmp_path)
    assert [_plain(each) for each in after.cluster.workloads] == [_plain(each) for each in before.cluster.workloads]
    assert len(after.cluster.network_policies) == len(before.cluster.network_policies)


def _plain(workload: Workload) -> tuple[object, ...]:
    """What decides about who reaches it."""
    own = (workload.key, workload.labels, workload.ports, workload.addresses)
    return (*own, workload.host_network, workload.service_account, workload.runtime_labels)


def _put(folder: Path, made: Sidecars) -> dict[str, str]:
    """Write everything below the folder; the name of each source there."""
    places: dict[str, str] = {}
    for source, name in names(made.after).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written(path.parent, made.after[source], path.name)
        places[source] = str(path)
    return places


APP = b"""apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers: [{name: main, image: app}]
"""


def spoiled(folder: Path, way_back: str) -> Sidecars:
    """What becomes of a text with a sidecar whose way back somebody wrote otherwise, where it is to go."""
    value = objects(only(put(folder, APP)))[0]
    value["spec"]["template"]["metadata"]["annotations"][WAY_BACK] = way_back
    return uninjecting(loaded(folder, written(folder, json.dumps(value).encode())), ())


@pytest.mark.parametrize(
    "way_back",
    [
        "nonsense",
        "1",
        "null",
        "{}",
        "[[[],null,1]]",
        '[[["spec","initContainers"],"a: [",null]]',
        '[[["spec","initContainers"],"x",null]]',
        '[[["spec","volumes"],"",null]]',
    ],
)
def test_a_way_back_that_cannot_be_read_is_told_of_and_the_text_left_as_it_is(tmp_path: Path, way_back: str) -> None:
    made = spoiled(tmp_path, way_back)
    assert [each.code for each in made.diagnostics] == ["L0570"]
    assert made.changed == []


def test_a_way_back_through_what_is_no_object_is_none(tmp_path: Path) -> None:
    main = ["spec", "containers", "main", "name"]
    made = spoiled(tmp_path, json.dumps([[[*main, "x", "y"], "x: 1", None], [[*main, "m"], None, 1]]))
    assert made.diagnostics == ()
    assert made.changed
