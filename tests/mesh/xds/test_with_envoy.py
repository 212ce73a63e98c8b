"""The real Envoy follows, in both forms, and never leaves a request unanswered for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from licet.mesh.resource import Kind
from tests.identity.workload.serving import until
from tests.mesh.proxy import Proxy
from tests.mesh.xds.serving import Shown, local, serving
from tests.mesh.xds.sidecars import ask, shown, sidecar

EITHER = pytest.mark.parametrize("api", ["GRPC", "DELTA_GRPC"])


@asynccontextmanager
async def asked(home: Path) -> AsyncGenerator[list[str], None]:
    """The answers to requests that are made meanwhile, one after the other."""
    answers: list[str] = []
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            answers.append(await ask(home))

    task = asyncio.ensure_future(go_on())
    try:
        yield answers
    finally:
        over.set()
        await task


def follows(source: Shown) -> bool:
    """Whether Envoy has what is shown, though it asks for no secrets."""
    assert source.snapshot is not None
    return source.has("node")


def clusters(running: Proxy) -> set[str]:
    """Those that Envoy has by discovery."""
    return {line.partition("::")[0] for line in running.admin("/clusters").splitlines()} - {"control"}


@EITHER
def test_a_program_is_replaced_without_a_request_that_is_not_answered(tmp_path: Path, api: str) -> None:
    async def story() -> None:
        source = Shown(shown(tmp_path, "one"))
        async with serving(source, local=local(tmp_path)), sidecar(tmp_path, api) as running:
            await until(lambda: follows(source))
            await until(lambda: _answers(tmp_path, "one"))
            async with asked(tmp_path) as answers:
                for number in range(6):
                    # The cluster is another each time, or the same with other settings.
                    program = ("one", "two")[number % 4 // 2]
                    source.show(shown(tmp_path, program, f"mark-{number}"))
                    await until(lambda: follows(source))
                    await until(lambda program=program: answers[-1:] == [program])  # type: ignore[misc]
            assert set(answers) == {"one", "two"}
            await until(lambda: clusters(running) == {"one"})
        assert source.faults == []

    asyncio.run(story())


@EITHER
def test_a_listener_that_envoy_refuses_leaves_the_old_one_serving(tmp_path: Path, api: str) -> None:
    async def story() -> None:
        source = Shown(shown(tmp_path, "one"))
        async with serving(source, local=local(tmp_path)), sidecar(tmp_path, api) as running:
            await until(lambda: _answers(tmp_path, "one"))
            source.show(shown(tmp_path, "two", broken=True))
            await until(lambda: bool(source.faults))
            assert await ask(tmp_path) == "one"
            assert clusters(running) == {"one", "two"}
            [(node, kind, finding)] = source.faults
            assert (node, kind) == ("node", Kind.LISTENER)
            assert "Error adding/updating listener(s) in:" in finding.notes[0]
            # A policy reaches it all the same.
            source.show(shown(tmp_path, "two", broken=True, admits=False))
            await until(lambda: _answers(tmp_path, "403"))
            source.show(shown(tmp_path, "two"))
            await until(lambda: _answers(tmp_path, "two"))
            await until(lambda: clusters(running) == {"two"})
            await until(lambda: follows(source))
        assert len(source.faults) == 1

    asyncio.run(story())


@EITHER
def test_a_control_plane_that_goes_and_comes_back_is_not_noticed(tmp_path: Path, api: str) -> None:
    async def story() -> None:
        source = Shown(shown(tmp_path, "one"))
        async with sidecar(tmp_path, api) as running:
            async with serving(source, local=local(tmp_path)):
                await until(lambda: _answers(tmp_path, "one"))
                await until(lambda: follows(source))
                taken = updates(running)
            async with asked(tmp_path) as answers:
                await until(
                    lambda: running.stats("control_plane.connected_state")["control_plane.connected_state"] == 0
                )
                await until(lambda: len(answers) > 20)
                again = Shown(shown(tmp_path, "one"))
                async with serving(again, local=local(tmp_path)):
                    await until(lambda: follows(again))
                    if api == "DELTA_GRPC":
                        assert updates(running) == taken
                    again.show(shown(tmp_path, "two"))
                    await until(lambda: answers[-1] == "two")
            assert set(answers) == {"one", "two"}

    asyncio.run(story())


def updates(running: Proxy) -> dict[str, int]:
    """How many responses Envoy has taken, by kind."""
    return dict(running.stats(r"(cds|lds|rds|ecds|in|one)\S*update_success$|config_discovery\S*config_reload$"))


async def _answers(home: Path, wanted: str) -> bool:
    return await ask(home) == wanted
