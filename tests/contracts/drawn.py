"""Random contracts as plain data: sound ones, and ones with a few things changed."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import strategies as st

from licet.contracts import wire

_NAMES = st.sampled_from(["a", "b-1", "web", "0x"])
_NAMESPACES = st.none() | st.sampled_from(["bank", "shop"])
_BLOCKS = st.sampled_from(
    [
        {"block": "10.0.0.0/8"},
        {"block": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]},
        {"block": "fd00::/8", "except": []},
    ]
)


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping in which a field that is drawn as None is left out."""
    return st.fixed_dictionaries(fields).map(lambda made: {k: v for k, v in made.items() if v is not None})


def _some(entry: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[list[Any]]:
    return st.lists(entry, min_size=least, max_size=3)


def _named(entry: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(entry, max_size=3, unique_by=lambda one: one["name"])


_WORKLOADS = _object(
    name=_NAMES,
    namespace=_NAMESPACES,
    kind=st.none() | st.sampled_from(["Deployment", "Job"]),
    cluster=st.none() | st.just("eu-West_1"),
) | st.just({"name": "a", "kind": "Rollout", "group": "argoproj.io"})
_TCP = st.sampled_from(
    [{"port": 80}, {"port": 1, "endPort": 65535}, {"port": "http"}, {"port": 8, "endPort": 8, "transport": "TCP"}]
)
_PORTS = _TCP | st.sampled_from([{"port": "x-1", "transport": "UDP"}, {"port": 9, "transport": "SCTP"}])
_HTTP = {
    "http": _some(
        _object(
            methods=st.none() | _some(st.sampled_from(["GET", "HEAD", "PATCH"])),
            path=st.none() | st.sampled_from([{"value": "/"}, {"value": "/v1/{id}:x", "type": "Exact"}]),
        )
    )
}
_GRPC = {"grpc": _some(_object(service=st.sampled_from(["a.B", "_C"]), methods=st.none() | _some(st.just("Get"))))}
_NO_REQUESTS: st.SearchStrategy[dict[str, Any]] = st.just({})
_REQUESTS = _NO_REQUESTS | _object(**_HTTP) | _object(**_GRPC)
_INSIDE = (
    _object(workload=_WORKLOADS)
    | _object(service=_object(name=_NAMES, namespace=_NAMESPACES))
    | st.just({"platform": "APIServer"})
)
_OUTSIDE = st.sampled_from(
    [
        {"dns": {"name": "*.example.com"}},
        {"dns": {"name": "api.example.com"}},
        {"self": {}},
        {"platform": "World"},
    ]
) | _object(cidr=_BLOCKS)
_WHO: st.SearchStrategy[dict[str, Any]] = (
    _object(workload=_WORKLOADS)
    | _object(gateway=_object(name=_NAMES, namespace=_NAMESPACES))
    | _object(cidr=_BLOCKS)
    | st.sampled_from([{"namespace": {"name": "bank"}}, {"spiffeID": "spiffe://a.b/c_D/e"}, {"platform": "Metrics"}])
)


def _joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda made: {key: value for part in made for key, value in part.items()})


_CALLERS = st.sampled_from([{"from": "None"}, {"from": "SameNamespace"}, {"from": "All"}])


def _selected(requests: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    peers = st.lists(
        _joined(_object(name=_NAMES), _WHO, requests), min_size=1, max_size=3, unique_by=lambda one: one["name"]
    )
    return _object(**{"from": st.just("Selected"), "peers": peers})


def _serve(
    ports: st.SearchStrategy[Any], application: st.SearchStrategy[Any], requests: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return _object(
        name=_NAMES,
        ports=_some(ports),
        application=application,
        mtls=st.none() | st.sampled_from(["Strict", "Disabled"]),
        callers=st.none() | _CALLERS | _selected(requests),
    )


_SERVES = (
    _serve(_PORTS, st.none(), _NO_REQUESTS)
    | _serve(_TCP, st.none(), _REQUESTS)
    | _serve(_TCP, st.sampled_from(["HTTP", "HTTP2"]), _NO_REQUESTS | _object(**_HTTP))
    | _serve(_TCP, st.just("gRPC"), _NO_REQUESTS | _object(**_GRPC))
    | _serve(_TCP, st.just("TLS"), _NO_REQUESTS)
)
_ABOUT = _object(
    name=_NAMES,
    need=st.none() | st.sampled_from(["Required", "Startup"]),
    reason=st.none() | st.just("says why: # and 'how'"),
    notAfter=st.none() | st.sampled_from(["2027-03-31T00:00:00Z", "2027-03-31T23:59:59.123456+02:00"]),
    mode=st.none() | st.just("Canary"),
)
_CALLS = (
    _joined(_ABOUT, _object(to=_INSIDE | _OUTSIDE, ports=_some(_PORTS)))
    | _joined(_ABOUT, _object(to=_INSIDE | _OUTSIDE, ports=_some(_TCP)), _REQUESTS)
    | _joined(_ABOUT, _object(to=_INSIDE), _REQUESTS)
    | _joined(_ABOUT, _object(to=_object(workload=_WORKLOADS), serves=_NAMES), _REQUESTS)
)

CONTRACTS = _object(
    apiVersion=st.just("licet.dev/v1alpha1"),
    kind=st.just("Contract"),
    metadata=_object(name=_NAMES, namespace=_NAMESPACES, labels=st.none() | st.just({"a": "b"})),
    spec=_object(
        targetRef=st.sampled_from(
            [{"kind": "Deployment", "name": "a.b", "group": "apps"}, {"kind": "Pod", "name": "c"}]
        ),
        owner=st.none() | st.just("@org/team"),
        sensitivity=st.none() | st.just("Restricted"),
        mode=st.none() | st.just("Shadow"),
        serves=st.none() | _named(_SERVES),
        calls=st.none() | _named(_CALLS),
    ),
)
"""Sound contracts."""

_FIELDS = sorted(
    {
        name
        for model in vars(wire).values()
        if isinstance(model, type) and issubclass(model, msgspec.Struct)
        for name in model.__struct_encode_fields__
    }
)
_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        80,
        65536,
        2**70,
        1.5,
        "",
        "a",
        "A",
        "TCP",
        "UDP",
        "HTTP",
        "gRPC",
        "Selected",
        "All",
        "World",
        "APIServer",
        "10.0.0.0/8",
        "10.0.0.0/99",
        "2027-03-31T00:00:00Z",
        "2027-02-31T00:00:00Z",
        "/",
        "a.b",
        "a\n",
        [],
        {},
        [{}],
        {"name": "a"},
        [{"name": "a"}],
        [{"port": 1}],
        {"workload": {"name": "a"}},
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A contract in which up to three things were changed, taken out or put in."""
    made: dict[str, Any] = copy.deepcopy(draw(CONTRACTS))
    for _ in range(draw(st.integers(0, 3))):
        at: Any = made
        while True:
            inner = [
                key for key in (at if isinstance(at, dict) else range(len(at))) if isinstance(at[key], dict | list)
            ]
            inner = [key for key in inner if at[key]]
            if not inner or (at is not made and draw(st.booleans())):
                break
            at = at[draw(st.sampled_from(inner))]
        if isinstance(at, list):
            key: Any = draw(st.integers(0, len(at) - 1))
        else:
            key = draw(st.sampled_from([*at, *_FIELDS] if at is not made else ["spec", "status"]))
        if draw(st.integers(0, 3)):
            at[key] = copy.deepcopy(draw(_VALUES))
        elif isinstance(at, list) or key in at:
            del at[key]
    return made
