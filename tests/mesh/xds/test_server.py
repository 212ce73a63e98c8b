"""Discovery over a socket: who may have it, how it ends, and that nobody disturbs anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest  # type: ignore[import-untyped]

from licet.identity.workload.calls import Context
from licet.mesh.errors import SidecarError
from licet.mesh.resource import Kind
from licet.mesh.xds.limits import Limits
from licet.mesh.xds.server import ControlServer
from licet.mesh.xds.source import Caller, Identify
from tests.identity.workload.serving import status, until
from tests.mesh.xds.nodes import DeltaNode, Node, WholeNode
from tests.mesh.xds.resources import simple
from tests.mesh.xds.serving import Shown, call, channel, follow, following, local, now, serving
from tests.mesh.xds.talks import FORMS

EITHER = pytest.mark.parametrize("form", FORMS)


@EITHER
def test_a_node_follows_is_missed_when_it_leaves_and_comes_back(tmp_path: Path, form: Callable[[], Node]) -> None:
    async def story() -> None:
        source, node = Shown(simple("1")), form()
        async with serving(source, local=local(tmp_path)), channel(f"unix:{tmp_path}/control.sock") as over:
            async with following(over, node):
                await until(lambda: source.has("node"))
                source.show(simple("2"))
                await until(lambda: source.has("node"))
            await until(lambda: source.gone == ["node"])
            source.acked.clear()
            async with following(over, node):
                await until(lambda: source.has("node"))
                source.show(simple("3"))
                await until(lambda: source.has("node"))
        assert all(caller.pid and not caller.address for caller in source.callers)

    asyncio.run(story())


def test_what_is_held_is_not_said_again_by_a_control_plane_that_is_new(tmp_path: Path) -> None:
    async def story() -> None:
        node = DeltaNode()
        for source in (Shown(simple("1")), Shown(simple("1"))):
            node.heard.clear()
            async with (
                serving(source, local=local(tmp_path)),
                channel(f"unix:{tmp_path}/control.sock") as over,
                following(over, node),
            ):
                await until(lambda source=source: source.has("node"))  # type: ignore[misc]
        assert node.heard == []

    asyncio.run(story())


@EITHER
def test_a_server_that_stops_says_that_it_is_away(tmp_path: Path, form: Callable[[], Node]) -> None:
    async def story() -> None:
        source = Shown(simple("1"))
        async with channel(f"unix:{tmp_path}/control.sock") as over:
            async with serving(source, local=local(tmp_path)):
                task = asyncio.ensure_future(follow(over, form()))
                await until(lambda: source.has("node"))
            assert (await status(task))[0] is grpc.StatusCode.UNAVAILABLE
        assert source.gone == ["node"]

    asyncio.run(story())


@EITHER
def test_who_may_not_be_served_is_told_why_at_first_and_later(tmp_path: Path, form: Callable[[], Node]) -> None:
    async def story() -> None:
        source = Shown(simple("1"))
        stranger = local(tmp_path, "spiffe://example.org/stranger")
        async with serving(source, local=stranger), channel(f"unix:{tmp_path}/control.sock") as over:
            code, words = await status(follow(over, form()))
            assert (code, words) == (
                grpc.StatusCode.PERMISSION_DENIED,
                "this caller is nobody's sidecar: connect as one",
            )
        async with serving(source, local=local(tmp_path)), channel(f"unix:{tmp_path}/control.sock") as over:
            task = asyncio.ensure_future(follow(over, form()))
            await until(lambda: source.has("node"))
            source.show(None, SidecarError("its contract is gone", "write one"))
            assert await status(task) == (grpc.StatusCode.PERMISSION_DENIED, "its contract is gone: write one")

    asyncio.run(story())


def test_a_refusal_is_a_finding_with_the_node_the_resource_and_the_reason(tmp_path: Path) -> None:
    async def story() -> None:
        source = Shown(simple("1"))
        async with (
            serving(source, local=local(tmp_path)),
            channel(f"unix:{tmp_path}/control.sock") as over,
            following(over, DeltaNode()),
        ):
            await until(lambda: source.has("node"))
            source.show(simple("2", bad=Kind.LISTENER))
            await until(lambda: bool(source.faults))
        [(node, kind, finding)] = source.faults
        assert (node, kind, finding.code) == ("node", Kind.LISTENER, "L0553")
        assert finding.message == "`node` does not take the listeners `in` and goes on with what it had"
        assert finding.notes == ("Envoy says: refused: in",)

    asyncio.run(story())


def test_too_many_streams_of_one_caller_are_turned_away_and_the_first_stay(tmp_path: Path) -> None:
    async def story() -> None:
        source, limits = Shown(simple("1")), Limits(streams_for_caller=2)
        nodes = [WholeNode("a"), DeltaNode("b")]
        async with (
            serving(source, local=local(tmp_path), limits=limits),
            channel(f"unix:{tmp_path}/control.sock") as over,
            following(over, *nodes),
        ):
            await until(lambda: source.has("a") and source.has("b"))
            assert (await status(follow(over, WholeNode("c"))))[0] is grpc.StatusCode.UNAVAILABLE
            source.show(simple("2"))
            await until(lambda: source.has("a") and source.has("b"))

    asyncio.run(story())


@pytest.mark.parametrize(
    "request_",
    [
        b"\xff\xff\xff",
        DiscoveryRequest(type_url=Kind.CLUSTER.value).SerializeToString(),
        DiscoveryRequest(node={"id": "node"}).SerializeToString(),
        DiscoveryRequest(node={"id": "a\nb"}, type_url=Kind.CLUSTER.value).SerializeToString(),
        DiscoveryRequest(
            node={"id": "node"}, type_url=Kind.ROUTES.value, resource_names=map(str, range(10_001))
        ).SerializeToString(),
        DiscoveryRequest(
            node={"id": "node"}, type_url=Kind.ROUTES.value, resource_names=["x" * 1025]
        ).SerializeToString(),
    ],
    ids=["garbage", "no node", "no type", "odd node", "many names", "long name"],
)
def test_a_request_that_makes_no_sense_ends_its_stream_with_words(tmp_path: Path, request_: bytes) -> None:
    async def story() -> None:
        async with (
            serving(Shown(simple("1")), local=local(tmp_path)),
            channel(f"unix:{tmp_path}/control.sock") as over,
        ):
            stream = call(over, WholeNode())
            await stream.write(request_)
            code, words = await status(stream.read())
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert words

    asyncio.run(story())


def test_a_slow_reader_holds_up_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        source = Shown(simple("1"))
        async with (
            serving(source, local=local(tmp_path)),
            channel(f"unix:{tmp_path}/control.sock") as over,
            channel(f"unix:{tmp_path}/control.sock") as slow,
        ):
            stream = call(slow, WholeNode("slow"))
            asking = WholeNode("slow")
            asking.begin()
            await stream.write(asking.said.popleft().SerializeToString())
            async with following(over, DeltaNode("quick")):
                for number in range(20):
                    source.show(simple(str(number)))
                    await until(lambda: source.has("quick"))
            assert Kind.CLUSTER not in source.acked["slow"]
            # One response is under way however much has changed; what comes after its answer is the newest.
            asking.take(_response(await stream.read()))
            assert len(asking.held[Kind.CLUSTER]) == 1
            await stream.write(asking.said.popleft().SerializeToString())
            asking.take(_response(await stream.read()))
            assert "cluster-19" in asking.held[Kind.CLUSTER]
            stream.cancel()

    asyncio.run(story())


def test_other_services_stand_beside_discovery_and_know_who_calls(tmp_path: Path) -> None:
    class Echo:
        SERVICE = "test.Echo"

        def __init__(self, caller: Identify) -> None:
            self._caller = caller
            self.methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
                "Say": grpc.unary_unary_rpc_method_handler(self._say)
            }

        async def _say(self, data: bytes, context: Context) -> bytes:
            called.append(self._caller(context))
            return data

    called: list[Caller | None] = []

    async def story() -> None:
        async with (
            ControlServer(Shown(), clock=now, local=local(tmp_path), services=[Echo]),
            channel(f"unix:{tmp_path}/control.sock") as over,
        ):
            multi: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = over.unary_unary("/test.Echo/Say")
            assert await multi(b"well") == b"well"
        [caller] = called
        assert caller is not None
        assert caller.identities == {"spiffe://example.org/node"}

    asyncio.run(story())


def _response(data: object) -> object:
    from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse

    assert isinstance(data, bytes)
    return DiscoveryResponse.FromString(data)
