"""Spans of requests between two workloads, as a collector is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-untyped]
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from licet.mesh.envoy import inbound, outbound, rbac, tracing
from licet.mesh.errors import MeshError
from licet.mesh.fleet import Settings, Stage
from licet.mesh.intent import Proof, Rule, Served, Speaks
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Capture, Sidecar
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import shop
from tests.mesh.envoy.served import Program
from tests.mesh.plane import sidecar
from tests.mesh.proxy import until

PORT = 8080
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Keeps the spans that it is told of."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def export(self, data: bytes, _: grpc.ServicerContext) -> bytes:
        """As OTLP has it."""
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            # Called `scope_spans` since; its number is the same.
            for scope in resource.instrumentation_library_spans:
                self.spans += scope.spans
        return bytes(ExportTraceServiceResponse().SerializeToString())

    def of(self, path: str) -> dict[int, dict[str, str]] | None:
        """The tags of the spans for this path by their kind, once those of both sides are there."""
        found = {}
        for span in tuple(self.spans):
            tags = {each.key: each.value.string_value for each in span.attributes}
            if tags.get("http.url", "").endswith(path):
                found[span.kind] = {**tags, "trace": span.trace_id.hex(), "parent": span.parent_span_id.hex()}
        return found if len(found) == 2 else None


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector, and where it is."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(collector.export)
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    at = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector, at
    finally:
        server.stop(None).wait()


def test_spans_of_both_sidecars_say_who_asked_whom_and_by_which_rule(tmp_path: Path) -> None:
    """And go on with the trace that the workload began, which the callee is told of in turn."""
    authority = Authority(shop.DOMAIN)
    at, met = shop.address(), shop.address()
    exit = f"{at}:9001"
    rule = Rule("web->cart", Proof(frozenset({shop.identity("web")})), (), (), None)
    serves = (Served(PORT, Speaks.HTTP, True, (rule,)),)
    with ExitStack() as held:
        collector, address = held.enter_context(collecting())
        program = held.enter_context(Program(Speaks.HTTP).running())
        web = shop.web(at, {f"{shop.key('cart')}:{PORT}": exit})
        cart = Sidecar("test", shop.key("cart"), shop.identity("cart"), met, Capture.EXPLICIT, {PORT: program.at})
        of = shop.fleet(
            shop.intent("web", shop.call("cart", PORT)),
            shop.intent("cart", serves=serves),
            instances={"cart": met},
            settings=Settings(collector=address),
        )
        for each in (web, cart):
            home = tmp_path / each.workload.name
            home.mkdir()
            plane, envoy = held.enter_context(sidecar(home, each, shop.view(authority, each.workload.name)))
            plane.push(_told(each, of))
        until(lambda: shop.answer(exit)[0] == 200 or None, lambda: envoy.log)
        connection = HTTPConnection(exit)
        connection.request("GET", "/traced", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        assert connection.getresponse().status == 200
        connection.close()
        found = until(lambda: collector.of("/traced"), lambda: str(collector.spans[-2:]))
        [head] = [head.decode() for head in program.heads if b"/traced" in head]
    server, client = found[2], found[3]
    ends = {tracing.CALLER: shop.identity("web"), tracing.CALLEE: shop.identity("cart")}
    assert client.items() >= {**ends, tracing.RULE: "web->shop/cart[Deployment]", "parent": PARENT}.items()
    assert server.items() >= {**ends, tracing.RULE: "web->cart"}.items()
    assert {client["trace"], server["trace"]} == {TRACE}
    assert f"traceparent: 00-{TRACE}-" in head


def _told(sidecar: Sidecar, of: Any) -> Snapshot:
    intent = of.intents[sidecar.workload]
    calls = outbound.resources(sidecar, of)
    served = {
        Kind.LISTENER: inbound.listeners(sidecar, intent, Stage.ENFORCE, of.settings),
        Kind.ROUTES: inbound.routes(intent),
        Kind.CLUSTER: inbound.programs(sidecar, intent),
        Kind.EXTENSION: tuple(rbac.policy(each, Stage.ENFORCE, of).resource for each in intent.serves),
    }
    return Snapshot.of({kind: (*served.get(kind, ()), *calls.get(kind, ())) for kind in Kind})


def test_without_a_collector_nothing_is_told() -> None:
    """It is off unless asked for."""
    assert tracing.collector(Settings()) is None


@pytest.mark.parametrize("collector", ["nowhere", "host:port", "host:0", ":4317"])
def test_a_collector_that_is_nowhere_is_said_to_be(collector: str) -> None:
    """And not handed to Envoys."""
    with pytest.raises(MeshError, match="write `host:port`"):
        tracing.collector(Settings(collector=collector))
