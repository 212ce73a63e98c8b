"""Processes in real cgroups, and pods from a server that answers over real TLS."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from licet.identity.attest.api_server import ApiServer
from licet.identity.attest.cgroup import Place
from licet.identity.attest.kubernetes import Kubernetes, node_name
from licet.identity.attest.process import Attended, attend
from licet.identity.errors import RefusedError, UnavailableError
from tests.identity.attest.callers import calling
from tests.identity.attest.test_api_server import serve

RECORDED = Path(__file__).with_name("recorded") / "pods.json"
UID = "aeff4a3d-6790-4d76-b8ea-9873f9d76b99"
CONTAINER = "9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961"
EMPTY = b'{"kind": "PodList", "items": []}'


class Answers:
    """Answers these bodies one after the other, the last one for ever."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """The next body."""
        self.asked.append(request.path_qs)
        return web.Response(body=self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0])


def test_a_list_serves_everybody_who_asks_for_a_while(tmp_path: Path) -> None:
    answers = Answers(RECORDED.read_bytes())

    async def ask(api: ApiServer) -> None:
        kubernetes = Kubernetes(api, "node-1")
        shown = await asyncio.gather(*(kubernetes.of(Place(UID, CONTAINER)) for _ in range(20)))
        assert all("k8s:pod-name:checkout" in each for each in shown)

    serve(answers.answer, tmp_path, ask, largest=1 << 20)
    assert answers.asked == ["/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&resourceVersion=0"]


def test_a_kubelet_is_asked_for_all_that_it_runs(tmp_path: Path) -> None:
    answers = Answers(RECORDED.read_bytes())

    async def ask(api: ApiServer) -> None:
        assert "k8s:ns:shop" in await Kubernetes(api, "node-1", kubelet=True).of(Place(UID, CONTAINER))

    serve(answers.answer, tmp_path, ask, largest=1 << 20)
    assert answers.asked == ["/pods"]


def test_a_container_that_is_not_there_yet_is_asked_for_again(tmp_path: Path) -> None:
    answers = Answers(EMPTY, b'{"items": null}', EMPTY, RECORDED.read_bytes())

    async def ask(api: ApiServer) -> None:
        kubernetes = Kubernetes(api, "node-1", pause=0.001)
        shown = await asyncio.gather(*(kubernetes.of(Place(UID, CONTAINER)) for _ in range(5)))
        assert all("k8s:ns:shop" in each for each in shown)

    serve(answers.answer, tmp_path, ask, largest=1 << 20)
    assert len(answers.asked) >= 4


def test_a_container_that_never_comes_is_not_waited_for_beyond_patience(tmp_path: Path) -> None:
    answers = Answers(EMPTY)

    async def ask(api: ApiServer) -> None:
        with pytest.raises(UnavailableError, match="no pod of node `node-1` has the container"):
            await Kubernetes(api, "node-1", pause=0.01, patience=0.05).of(Place(UID, CONTAINER))

    serve(answers.answer, tmp_path, ask)
    assert 2 <= len(answers.asked) <= 7


def test_lists_keep_their_distance_however_many_wait(tmp_path: Path) -> None:
    answers = Answers(EMPTY)

    async def ask(api: ApiServer) -> None:
        loop = asyncio.get_running_loop()
        kubernetes = Kubernetes(api, "node-1", pause=0.02, patience=0.1)

        async def late(after: float) -> None:
            await asyncio.sleep(after)
            with pytest.raises(UnavailableError):
                await kubernetes.of(Place(UID, CONTAINER))

        began = loop.time()
        await asyncio.gather(*(late(number / 1000) for number in range(20)))
        assert len(answers.asked) <= (loop.time() - began) / 0.02 + 1

    serve(answers.answer, tmp_path, ask)


def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    answers = Answers(b"no JSON", RECORDED.read_bytes())

    async def ask(api: ApiServer) -> None:
        kubernetes = Kubernetes(api, "node-1", pause=0.001)
        with pytest.raises(UnavailableError):
            await kubernetes.of(Place(UID, CONTAINER))
        assert "k8s:ns:shop" in await kubernetes.of(Place(UID, CONTAINER))

    serve(answers.answer, tmp_path, ask, largest=1 << 20)


def test_the_node_is_what_the_downward_api_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_NAME", raising=False)
    with pytest.raises(RefusedError, match="which node this is was not said"):
        node_name()
    monkeypatch.setenv("NODE_NAME", "node-1")
    assert node_name() == "node-1"


def _hierarchy() -> Path | None:
    """A cgroup hierarchy in which groups may be made at the root."""
    for path in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup/unified")):
        if (path / "cgroup.procs").exists() and os.access(path, os.W_OK) and os.access(path / "cgroup.procs", os.W_OK):
            return path
    return None


@contextmanager
def _group(*names: str) -> Iterator[Path]:
    root = _hierarchy()
    assert root is not None
    made = [root.joinpath(*names[: depth + 1]) for depth in range(len(names))]
    new = [path for path in made if not path.exists()]
    for path in new:
        path.mkdir()
    try:
        yield made[-1]
    finally:
        for path in reversed(new):
            path.rmdir()


@contextmanager
def _attended(*names: str) -> Iterator[Attended]:
    """A process that runs in this group."""
    with _group(*names) as group, calling() as (connection, caller):
        (group / "cgroup.procs").write_text(str(caller.pid))
        with attend(connection) as attended:
            yield attended
        caller.kill()
        caller.wait()


needs_groups = pytest.mark.skipif(
    os.getuid() != 0 or _hierarchy() is None, reason="no cgroup may be made at the root of a hierarchy here"
)


@needs_groups
def test_a_process_in_a_pods_group_shows_the_pod(tmp_path: Path) -> None:
    async def ask(api: ApiServer) -> None:
        with _attended("kubepods", "burstable", f"pod{UID}", CONTAINER) as attended:
            assert "k8s:sa:checkout" in await Kubernetes(api, "node-1").selectors(attended)

    serve(Answers(RECORDED.read_bytes()).answer, tmp_path, ask, largest=1 << 20)


@needs_groups
def test_a_process_in_no_pods_group_shows_nothing_and_nobody_is_asked(tmp_path: Path) -> None:
    answers = Answers(EMPTY)

    async def ask(api: ApiServer) -> None:
        with _attended(f"licet-test-{secrets.token_hex(4)}.slice") as attended:
            assert await Kubernetes(api, "node-1").selectors(attended) == frozenset()

    serve(answers.answer, tmp_path, ask)
    assert answers.asked == []


@needs_groups
def test_a_process_in_a_group_that_only_looks_like_a_pods_is_refused(tmp_path: Path) -> None:
    answers = Answers(RECORDED.read_bytes())

    async def ask(api: ApiServer) -> None:
        own = f"licet-test-{secrets.token_hex(4)}.slice"
        with _attended(own, "kubepods", f"pod{UID}", CONTAINER) as attended, pytest.raises(RefusedError):
            await Kubernetes(api, "node-1").selectors(attended)

    serve(answers.answer, tmp_path, ask)
    assert answers.asked == []
