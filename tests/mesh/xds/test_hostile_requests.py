"""Requests by chance, of bytes or of messages that make little sense, end their own stream at most."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import grpc
from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryRequest,
    DiscoveryRequest,
)
from structlog.testing import capture_logs

from licet.mesh.resource import Kind
from licet.mesh.xds.limits import Limits
from licet.mesh.xds.track import MOST_TEXT
from tests.identity.workload.serving import until
from tests.mesh.xds.nodes import DeltaNode, WholeNode
from tests.mesh.xds.resources import simple
from tests.mesh.xds.serving import Shown, call, channel, following, local, serving

_NAMES = ["*", "", "in", "policy", "cluster-1", "x", "é\x00\n"]
_MANY = 150


def strange(chance: random.Random, *, delta: bool) -> bytes:
    """A request that no Envoy would make."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randint(0, 40))

    def names() -> list[str]:
        return chance.choices(_NAMES, k=chance.randint(0, 3))

    request: Any = DeltaDiscoveryRequest() if delta else DiscoveryRequest()
    request.type_url = chance.choice([*(kind.value for kind in Kind)] * 3 + ["", "type.googleapis.com/none"])
    request.node.id = chance.choice(["odd"] * 20 + [""] * 20 + ["other"])
    request.response_nonce = chance.choice(["", "1", "2", "3", "-1", "\x00"])
    if chance.random() < 0.3:
        request.error_detail.message = chance.choice(["", "no\nno\x1b[31m", "x" * 5000])
    if delta:
        request.resource_names_subscribe.extend(names())
        request.resource_names_unsubscribe.extend(names())
        request.initial_resource_versions.update({name: chance.choice(["", "?", "1"]) for name in names()})
    else:
        request.resource_names.extend(names())
        request.version_info = chance.choice(["", "?", "1"])
    data = request.SerializeToString()
    assert isinstance(data, bytes)
    return data


def test_strange_requests_are_never_an_error_of_ours_and_disturb_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        chance = random.Random(11)
        source = Shown(simple("1"))
        codes: list[grpc.StatusCode] = []
        with capture_logs() as logs:
            async with (
                serving(source, local=local(tmp_path), limits=Limits(streams_for_caller=1000)),
                channel(f"unix:{tmp_path}/control.sock") as over,
                channel(f"unix:{tmp_path}/control.sock") as hostile,
                following(over, DeltaNode()),
            ):
                await until(lambda: source.has("node"))
                for number in range(_MANY):
                    delta = chance.random() < 0.5
                    stream = call(hostile, DeltaNode() if delta else WholeNode())
                    try:
                        for _ in range(chance.randint(1, 12)):
                            await stream.write(strange(chance, delta=delta))
                        if number % 10 == 0:
                            source.show(simple(str(number)))
                        await stream.done_writing()
                        while isinstance(await stream.read(), bytes):
                            pass
                    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                        pass
                    # What is written to a stream that has ended is INTERNAL by the client's own word, not the server's.
                    if await stream.details() != "Internal error from Core":
                        codes.append(await stream.code())
                await until(lambda: source.has("node"))
        assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
        assert len(set(codes)) == 2
        assert [line for line in logs if line["event"] == "a call failed"] == []
        refusals = [line for line in logs if line["event"] == "a sidecar refused configuration"]
        assert all(line["reason"].isprintable() and len(line["reason"]) <= 1000 for line in refusals)

    asyncio.run(story())


def test_names_that_are_too_much_together_are_refused_however_few_each_request_has(tmp_path: Path) -> None:
    """What a stream asks for is kept for as long as it lasts: nobody fills the memory of all by it."""

    async def story() -> None:
        async with (
            serving(Shown(simple("1")), local=local(tmp_path)),
            channel(f"unix:{tmp_path}/control.sock") as over,
        ):
            stream = call(over, DeltaNode())
            # The last one is too much: what is written after that would fail here, and hide what the server says.
            for number in range(MOST_TEXT // 1000 + 1):
                request: Any = DeltaDiscoveryRequest(type_url=Kind.ROUTES.value)
                request.node.id = "node"
                request.resource_names_subscribe.append(f"{number:04}".ljust(1000, "x"))
                await stream.write(request.SerializeToString())
            assert await stream.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "together" in str(await stream.details())

    asyncio.run(story())
