"""Whatever JSON stands in an object: findings, never an exception, and a cluster that keeps its promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.diag.diagnostic import Severity
from licet.diag.place import Origin, Place
from licet.manifest.decode import PodTemplateKind, decode
from licet.manifest.decode.kinds import READ
from licet.manifest.documents import Document
from licet.manifest.written import Written
from tests.manifest.decode.given import documents

WORDS = """
    metadata spec name namespace labels ownerReferences controller kind template containers initContainers ports
    containerPort protocol podSelector namespaceSelector matchLabels matchExpressions key operator values ingress
    egress from to ipBlock cidr except port endPort policyTypes subject namespaces pods networks nodes domainNames
    action tier priority protocols tcp destinationPort number range start end portNumber portRange namedPort
    selector targetPort subsets addresses endpoints targetRef status podIP podIPs phase rules http paths backend
    service parentRefs backendRefs listeners allowedRoutes workloadRef strategy canary jobTemplate hostNetwork
""".split()  # noqa: SIM905
TEXTS = st.sampled_from(["", "a", "10.0.0.0/8", "Ingress", "In", "Admin", "Deny", "TCP", "10.0.0.1", "x y", "\ud800"])
SCALARS = st.none() | st.booleans() | st.integers(-2, 70000) | st.floats() | TEXTS | st.integers()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | TEXTS, inner, max_size=5),
    max_leaves=40,
)
SOUND: dict[str, Any] = {"name": "a"}
METADATA = st.just(SOUND) | VALUES
KINDS = st.sampled_from(
    [(f"{group}/v1" if group else "v1", name) for group, name in READ] + [("example.com/v1", "Own")]
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    version, kind = draw(KINDS)
    body = draw(
        st.dictionaries(st.sampled_from(["spec", "status", "subsets", "endpoints", "ports"]), VALUES, max_size=3)
    )
    return {"apiVersion": version, "kind": kind, "metadata": draw(METADATA), **body}


@settings(max_examples=100, deadline=None)
@given(st.lists(objects(), max_size=4))
def test_nothing_that_an_object_holds_is_an_exception(values: list[dict[str, Any]]) -> None:
    documents = [Document(Origin("x", i), value) for i, value in enumerate(values)]
    decoded = decode(documents, templates=[PodTemplateKind("example.com", "Own", ("spec", "template"))])
    cluster = decoded.cluster
    for part in (
        cluster.workloads,
        cluster.network_policies,
        cluster.cluster_policies,
        cluster.services,
        cluster.routes,
    ):
        keys = [thing.key for thing in part]
        assert len(keys) == len(set(keys))
        assert all(key.namespace in cluster.namespaces for key in keys if key.namespace)
    for finding in decoded.diagnostics:
        assert isinstance(finding.where, Place)
        assert finding.help
        if finding.code == "L0102":
            assert _at(values[finding.where.origin.offset], finding.where.path)


@settings(max_examples=50, deadline=None)
@given(st.lists(objects(), max_size=4))
def test_reading_changes_nothing_in_what_is_read(values: list[dict[str, Any]]) -> None:
    """Documents may share parts of their values."""
    before = repr(values)
    decode([Document(Origin("x", i), value) for i, value in enumerate(values)])
    assert repr(values) == before


@settings(max_examples=100, deadline=None)
@given(objects())
def test_an_object_is_read_or_its_absence_explained(value: dict[str, Any]) -> None:
    decoded = decode([Document(Origin("x"), value)])
    cluster = decoded.cluster
    read = (
        *cluster.workloads,
        *cluster.network_policies,
        *cluster.cluster_policies,
        *cluster.services,
        *cluster.slices,
        *cluster.routes,
        *cluster.gateways,
        *cluster.grants,
        *cluster.namespaces.values(),
    )
    explained = any(finding.severity >= Severity.INFO for finding in decoded.diagnostics)
    assert read or explained or (value["kind"] == "Endpoints")


SOUND_OBJECTS = documents(Path(__file__).with_name("sound.yaml").read_text())


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SOUND_OBJECTS), st.data())
def test_one_wrong_part_in_a_sound_object_is_no_exception_either(document: Document, data: st.DataObject) -> None:
    """Random values hardly ever get deep into an object; a sound one with one part changed does."""
    assert not decode([document]).diagnostics
    parts = [
        path for path in _paths(document.value) if len(path) > 1 or path in {("metadata",), ("spec",), ("status",)}
    ]
    path = data.draw(st.sampled_from(parts))
    change = data.draw(st.sampled_from(["replace", "rename", "empty"]))
    value = _changed(document.value, path, change, data.draw(VALUES) if change == "replace" else None)
    for finding in decode([Document(Origin("x"), value)]).diagnostics:
        assert isinstance(finding.where, Place)
        assert finding.message
        assert finding.help


def _paths(value: Any, base: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [base] if base else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        found.extend(_paths(item, (*base, key)))
    return found


def _changed(value: Any, path: tuple[str | int, ...], change: str, new: Any) -> Any:
    first, rest = path[0], path[1:]
    copy = value.copy()
    if rest:
        copy[first] = _changed(value[first], rest, change, new)
    elif change == "rename" and isinstance(copy, dict):
        copy[f"{first}s"] = copy.pop(first)
    elif change == "empty":
        copy[first] = type(copy[first])()
    else:
        copy[first] = new
    return copy


def _at(value: Any, path: tuple[str | int, ...]) -> bool:
    """Whether the path leads to something."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(objects())
def test_an_object_that_is_only_written_is_read_as_one_that_is_built(value: dict[str, Any]) -> None:
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeError:
        return
    value = msgspec.json.decode(text)
    written = Document(Origin("x"), Written(text, value["apiVersion"], value["kind"]))
    built = Document(Origin("x"), value)
    own = [PodTemplateKind("example.com", "Own", ("spec", "template"))]
    assert decode([written], templates=own) == decode([built], templates=own)
    assert written == built


def test_sound_objects_that_are_only_written_are_read_as_those_that_are_built() -> None:
    built = documents(Path(__file__).with_name("sound.yaml").read_text())
    written = [Document(d.origin, Written(msgspec.json.encode(d.value).decode(), d.api_version, d.kind)) for d in built]
    assert decode(written) == decode(built)
