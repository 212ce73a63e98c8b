"""`licet.dev/calls`: the smallest contract."""

from __future__ import annotations

import pytest

from licet.contracts.annotation import annotated
from licet.contracts.contract import Call, Contract, DnsPeer, WorkloadPeer
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.diag.text import Text
from licet.manifest.documents import read
from licet.model.key import Key, Pattern
from licet.model.ports import PortRange, Protocol
from tests.contracts.read import SOURCE, origin, told

_CLUSTER = "eu"


def _workload(calls: str, kind: str = "apps/v1\nkind: Deployment") -> str:
    return f"apiVersion: {kind}\nmetadata:\n  name: web\n  annotations:\n    licet.dev/calls: {calls}\n"


def _read(text: str) -> tuple[list[Contract], list[Diagnostic]]:
    documents, wrong = read([Text(SOURCE, text.encode())])
    assert not wrong
    return annotated(documents, namespace="shop", cluster=_CLUSTER)


def _peer(name: str, namespace: str = "shop") -> WorkloadPeer:
    return WorkloadPeer(Pattern(name, namespace, None, None, _CLUSTER))


def _port(number: int, protocol: Protocol = Protocol.TCP) -> PortRange:
    return PortRange(protocol, number, number)


def test_the_whole_of_an_annotation() -> None:
    text = _workload('"payment:grpc, data/redis:6379,data/bus:4222/udp,\\n billing, api.stripe.com:443"')
    place = Place(origin(text), ("metadata", "annotations", "licet.dev/calls"))
    calls = (
        Call("payment:grpc", _peer("payment"), place, serves="grpc"),
        Call("data/redis:6379", _peer("redis", "data"), place, ports=(_port(6379),)),
        Call("data/bus:4222/udp", _peer("bus", "data"), place, ports=(_port(4222, Protocol.UDP),)),
        Call("billing", _peer("billing"), place),
        Call("api.stripe.com:443", DnsPeer("api.stripe.com"), place, ports=(_port(443),)),
    )
    key = Key(_CLUSTER, "apps", "Deployment", "shop", "web")
    target = Pattern("web", "shop", "Deployment", "apps", _CLUSTER)
    assert _read(text) == ([Contract(key, target, (), calls, origin(text), annotated=True)], [])


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        ("v1\nkind: Pod", ""),
        ("batch/v1\nkind: CronJob", "batch"),
        ("extensions/v1beta1\nkind: Deployment", "apps"),
        ("example.com/v1\nkind: Runner", "example.com"),
    ],
)
def test_any_kind_that_runs_pods_may_bear_one(kind: str, group: str) -> None:
    [made], wrong = _read(_workload("''", kind))
    assert (made.key.group, made.calls, wrong) == (group, (), [])


@pytest.mark.parametrize("plain", [True, False])
def test_other_objects_are_passed_over(plain: bool) -> None:
    one = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, annotations: {other: 'licet.dev/calls'}}\n"
    text = one % "a" if plain else "---\n".join(one % name for name in "abcdef")
    assert _read(text) == ([], [])


def test_one_is_found_among_objects_of_one_shape() -> None:
    text = "---\n".join(_workload(f'"{name}"') for name in ("a", "b", "c", "d", "e"))
    assert [made.calls[0].name for made in _read(text)[0]] == ["a", "b", "c", "d", "e"]


_FORM = "write `[namespace/]workload[:entry-or-port]` or `dns.name:port`"


@pytest.mark.parametrize(
    ("calls", "message", "help"),
    [
        ('"a,"', "`` is no call", _FORM),
        ('"a, a"', "`a` stands twice", "take one of them out"),
        ('"a:b:c"', "`a:b:c` is no call", _FORM),
        ('"x/y/z"', "`x/y/z` is no call", _FORM),
        ('":80"', "`:80` is no call", _FORM),
        ('"Web"', "`Web` names no workload", _FORM),
        ('"a b"', "`a b` names no workload", _FORM),
        ('"/a"', "`/a` names no workload", _FORM),
        ('"a:"', "`a:` names the entry ``", "write an entry of the callee's `serves`, or a port"),
        ('"a:70000"', "`a:70000` names the port 70000", "a port is a number from 1 to 65535"),
        ('"a:0"', "`a:0` names the port 0", "a port is a number from 1 to 65535"),
        (
            '"a:53/upd"',
            "`a:53/upd` ends with `/upd`",
            "end it with `/tcp`, `/udp` or `/sctp`, or leave that out for TCP",
        ),
        (
            '"a:dns/udp"',
            "`a:dns/udp` has `/udp` without a port",
            "the callee's entry says the transport: leave it out",
        ),
        (
            '"api.stripe.com"',
            "`api.stripe.com` needs a port",
            "write `api.stripe.com:443`, with the port that is called",
        ),
        (
            '"10.0.0.1:80"',
            "`10.0.0.1:80` names no DNS name",
            "write a whole name in lower case, such as `api.example.com:443`",
        ),
        ("5", "`licet.dev/calls` is no text", "quote it"),
    ],
)
def test_a_fault_points_at_the_annotation_and_leaves_it_out(calls: str, message: str, help: str) -> None:
    text = _workload(calls)
    made, [finding] = _read(text)
    assert made == []
    assert told(finding, text) == ("L0361", message, help, calls)


@pytest.mark.parametrize(
    "calls",
    [
        "postgres://app:hunter2@db/orders",
        "app:hunter2@db",
        "db:5432, postgres://app:hunter2,hunter2@db:5432/orders",
        "redis://hunter2@cache",
        "cache:6379?password=hunter2",
    ],
)
def test_no_password_is_told(calls: str) -> None:
    _, wrong = _read(_workload(f'"{calls}"'))
    assert wrong
    assert "hunter2" not in "".join(f"{one.message} {one.help} {one.notes}" for one in wrong)


def test_it_stands_on_a_workload() -> None:
    text = _workload('"a"', "v1\nkind: Service")
    made, [finding] = _read(text)
    assert made == []
    assert told(finding, text)[1:3] == ("`licet.dev/calls` stands on a Service", "put it on the workload that calls")


def test_on_a_pod_template_it_would_be_overlooked() -> None:
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec: {template: {metadata: {annotations: {licet.dev/calls: a}}}}\n"
    )
    made, [finding] = _read(text)
    assert made == []
    assert told(finding, text) == (
        "L0361",
        "`licet.dev/calls` is not read on a pod template",
        "move it to the `metadata.annotations` of the Deployment itself",
        "licet.dev/calls",
    )
