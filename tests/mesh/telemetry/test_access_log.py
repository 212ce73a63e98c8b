"""Who may report, as whom, and what is heard of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
import pytest
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage  # type: ignore[import-untyped]

from licet.identity.workload.calls import Context
from licet.mesh.telemetry.access_log import AccessLogs, Caller
from tests.flows.entries import connection, inbound
from tests.mesh.telemetry.control import Heard, control

_WEB = "spiffe://example.org/ns/shop/sa/web"
_METHOD = f"/{AccessLogs.SERVICE}/StreamAccessLogs"


def _caller(context: Context) -> Caller | None:
    known = dict(context.invocation_metadata() or ())
    return Caller(_WEB, frozenset({"web-1", "web-2"})) if "known" in known else None


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def service(tmp_path: Path, heard: Heard) -> Iterator[AccessLogs]:
    with control(tmp_path / "logs", _caller, heard) as made:
        yield made


def _send(home: Path, messages: Iterable[bytes], *, known: bool = True) -> grpc.StatusCode:
    with grpc.insecure_channel(f"unix:{home / 'logs'}") as channel:
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(_METHOD)
        try:
            call(iter(messages), timeout=20, metadata=(("known", "1"),) if known else ())
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


def _first(node: str = "web-1", name: str = "inbound/8080") -> StreamAccessLogsMessage:
    message = StreamAccessLogsMessage()
    message.identifier.node.id, message.identifier.log_name = node, name
    message.http_logs.log_entry.append(inbound())
    return message


def _more() -> bytes:
    message = StreamAccessLogsMessage()
    message.tcp_logs.log_entry.extend([connection(), connection()])
    return bytes(message.SerializeToString())


def test_entries_are_heard_with_who_reports_them(tmp_path: Path, service: AccessLogs, heard: Heard) -> None:
    assert _send(tmp_path, [_first().SerializeToString(), _more()]) is grpc.StatusCode.OK
    caller = Caller(_WEB, frozenset({"web-1", "web-2"}), "web-1")
    assert heard.entries == [(caller, "inbound/8080", each) for each in (inbound(), connection(), connection())]
    assert service.counted.counts() == {"streams": 1, "entries": 3}


def test_a_sidecar_reports_for_itself_alone(tmp_path: Path, service: AccessLogs, heard: Heard) -> None:
    assert _send(tmp_path, [_first("api-1").SerializeToString(), _more()]) is grpc.StatusCode.PERMISSION_DENIED
    assert heard.entries == []
    assert service.counted.counts()["foreign"] == 1


def test_a_stream_cannot_become_anothers(tmp_path: Path, service: AccessLogs, heard: Heard) -> None:
    messages = [_first().SerializeToString(), _first("api-1").SerializeToString()]
    assert _send(tmp_path, messages) is grpc.StatusCode.PERMISSION_DENIED
    assert len(heard.entries) == 1
    assert service.counted.counts()["foreign"] == 1


def test_nobody_is_heard_who_is_not_known(tmp_path: Path, service: AccessLogs, heard: Heard) -> None:
    assert _send(tmp_path, [_first().SerializeToString()], known=False) is grpc.StatusCode.PERMISSION_DENIED
    assert (heard.entries, service.counted.counts()) == ([], {"unknown": 1})


@pytest.mark.parametrize(
    "message", [b"\xff\xff", _more(), _first("web-1", "x" * 513).SerializeToString()], ids=["bytes", "nameless", "long"]
)
def test_what_cannot_be_read_ends_the_stream(tmp_path: Path, service: AccessLogs, heard: Heard, message: bytes) -> None:
    assert _send(tmp_path, [message]) is grpc.StatusCode.INVALID_ARGUMENT
    assert heard.entries == []
    assert service.counted.counts()["malformed"] == 1
