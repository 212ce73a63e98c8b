"""The record's JSON form: one, published, and readable by whoever knows less or more."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import msgspec
import pytest

from licet.flows import record
from licet.flows.record import (
    Certificate,
    Confidence,
    Decision,
    Endpoint,
    Evidence,
    Failure,
    Flow,
    Latency,
    Phase,
    Reporter,
    Request,
    Side,
    Tls,
    TlsFailure,
    Transport,
    Verdict,
    decode,
    encode,
)
from licet.model.key import Key

_SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "flow.v1.json").read_text())
_NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, UTC)
_LEAST = Flow(_NOON, Endpoint(), Endpoint(), Transport.OTHER, Reporter(Side.SOURCE))
_MOST = Flow(
    _NOON,
    Endpoint(
        "spiffe://a/b",
        "spiffe://a/c",
        Key("eu", "apps", "Deployment", "shop", "web"),
        "shop",
        "eu",
        "web-1",
        "web",
        "::1",
        1,
        Certificate("1f", "ab"),
    ),
    Endpoint(),
    Transport.TCP,
    Reporter(Side.BOTH, "api-1", "envoy"),
    Verdict.REFUSED,
    Decision(Evidence.ENFORCER, "envoy", "policy/8080", "default-deny", "checkout"),
    Failure.CALLER_LEFT,
    Request("HTTP/2", "POST", "api", "/a.B/C", "a.B", "C", 200, 7),
    Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "api", TlsFailure.EXPIRED, "it has expired"),
    Phase.RUNNING,
    _NOON,
    0,
    1,
    2,
    3,
    4,
    Latency(3, 2, 1),
    "0" * 31 + "1",
    "api-1/r1",
    ("request/r1",),
    Confidence.PROVED,
)


@pytest.mark.parametrize("flow", [_LEAST, _MOST], ids=["least", "most"])
def test_a_record_comes_back_and_keeps_to_the_schema(flow: Flow) -> None:
    line = encode(flow)
    assert decode(line) == flow
    assert b"\n" not in line
    jsonschema.Draft202012Validator(_SCHEMA).validate(json.loads(line))


def test_the_most_that_a_record_can_hold_is_all_that_there_is() -> None:
    """So that a field that is added has to be added to the schema as well."""
    said = json.loads(encode(_MOST))
    assert said.keys() == _SCHEMA["properties"].keys()
    for name in ("decision", "request", "tls", "latency", "reporter"):
        assert said[name].keys() == _SCHEMA["properties"][name]["properties"].keys()
    assert said["source"].keys() == _SCHEMA["$defs"]["endpoint"]["properties"].keys()


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (("verdict",), Verdict),
        (("failure",), Failure),
        (("phase",), Phase),
        (("transport",), Transport),
        (("confidence",), Confidence),
        (("tls", "failure"), TlsFailure),
        (("reporter", "side"), Side),
        (("decision", "evidence"), Evidence),
    ],
)
def test_the_schema_knows_every_value(path: tuple[str, ...], values: Any) -> None:
    at = _SCHEMA
    for name in path:
        at = at["properties"][name]
    assert at["enum"] == [value.value for value in values]


def test_what_says_nothing_is_left_out() -> None:
    assert encode(_LEAST) == (
        b'{"schema":"licet.dev/flow/v1","start":"2026-06-01T12:00:00.123456Z","source":{},"destination":{},'
        b'"transport":"other","reporter":{"side":"source"}}'
    )


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert decode(encode(_LEAST).replace(b'"source":{}', b'"source":{"mood":"good"},"weather":[1]')) == _LEAST


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        encode(_LEAST).replace(b"flow/v1", b"flow/v2"),
        encode(_LEAST).replace(b"TCP", b"X")[:-1],
    ],
)
def test_what_is_no_record_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(line)


def test_every_member_has_a_place_for_not_knowing() -> None:
    """Whatever a reporter may not know can be left out: only five members have to be there."""
    needed = [field.name for field in msgspec.structs.fields(Flow) if field.required]
    assert needed == ["start", "source", "destination", "transport", "reporter"]
    assert all(not field.required for field in msgspec.structs.fields(record.Endpoint))
    assert type(None) in get_args(get_type_hints(Flow)["verdict"])
