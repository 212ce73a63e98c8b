"""The front knows who calls, lets nobody else in, and takes no more than it can carry."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import stat
import sys
import tempfile
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import NoReturn

import grpc
import pytest
from structlog.testing import capture_logs

from licet.identity.attest.attestor import Attestor
from licet.identity.errors import IdentityError, RefusedError
from licet.identity.workload.endpoint import Endpoint
from licet.identity.workload.front import Front
from licet.identity.workload.limits import Limits
from licet.identity.workload.proto.workload_pb2 import X509SVIDResponse
from licet.identity.workload.source import Peer
from tests.identity.workload import sources
from tests.identity.workload.serving import client, serving, status, until
from tests.identity.workload.sources import Scripted

WATCH = """
import sys, grpc
channel = grpc.insecure_channel("unix:" + sys.argv[1])
for _ in channel.unary_stream("/SpiffeWorkloadAPI/FetchX509SVID")(b"", metadata=(("workload.spiffe.io", "true"),)):
    print("served", flush=True)
"""


async def watcher(path: Path) -> asyncio.subprocess.Process:
    """A process of its own that watches, and says so."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCH, str(path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"served\n"
    return process


def test_the_caller_is_the_process_that_connected(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        async with serving(tmp_path, source, attest=Attestor(()).attest):
            process = await watcher(tmp_path / "api.sock")
            (peer,) = source.asked
            assert (peer.pid, peer.uid, peer.gid) == (process.pid, os.getuid(), os.getgid())
            process.kill()
            await process.wait()

    asyncio.run(story())


def test_streams_end_with_their_process(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        async with serving(tmp_path, source, attest=Attestor(()).attest) as server:
            processes = [await watcher(tmp_path / "api.sock") for _ in range(3)]
            assert (source.watching, server.front.connections) == (3, 3)
            processes[0].kill()
            await until(lambda: (source.watching, server.front.connections) == (2, 2))
            for process in processes[1:]:
                process.kill()
            await until(lambda: (source.watching, server.front.connections) == (0, 0))
            for process in processes:
                await process.wait()

    asyncio.run(story())


def test_a_connection_ends_when_its_process_is_gone_though_somebody_holds_the_socket(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        futures: list[asyncio.Future[None]] = []

        async def attest(sock: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
            peer, gone = await sources.attest(sock)
            futures.append(gone)
            return peer, gone

        async with serving(tmp_path, source, attest=attest), client(tmp_path / "api.sock") as connection:
            async with aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as stream:
                await anext(stream)
                futures[0].set_result(None)
                assert (await status(anext(stream)))[0] is grpc.StatusCode.UNAVAILABLE
            await until(lambda: source.watching == 0)

    asyncio.run(story())


def test_the_socket_within_has_no_name_and_refuses_whoever_connects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is killed leaves nothing behind in the folder for temporary files."""

    async def story(temporary: Path) -> None:
        source = Scripted()
        async with serving(tmp_path, source) as server:
            inner = server.inner
            assert stat.S_IMODE(inner.stat().st_mode) == 0o600
            assert list(temporary.iterdir()) == []
            async with client(inner) as connection:
                assert (await status(connection.first("FetchX509SVID", X509SVIDResponse)))[0] is (
                    grpc.StatusCode.PERMISSION_DENIED
                )
        assert source.asked == []
        assert not inner.exists()

    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        asyncio.run(story(Path(temporary)))


def test_a_folder_for_temporary_files_with_too_long_a_name_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    async def story() -> None:
        async with serving(tmp_path, Scripted()):
            pytest.fail("this is served")

    with pytest.raises(IdentityError, match="too long for a socket") as refused:
        asyncio.run(story())
    assert refused.value.help == "`TMPDIR` names a shorter folder for temporary files"
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "api.sock").exists()


def test_who_cannot_be_attested_is_unavailable_and_may_come_again(tmp_path: Path) -> None:
    async def story() -> None:
        async def attest(_: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
            raise RefusedError("process 1 has ended", "connect again")

        with capture_logs() as logs:
            async with serving(tmp_path, Scripted(), attest=attest), client(tmp_path / "api.sock") as connection:
                code, _ = await status(connection.first("FetchX509SVID", X509SVIDResponse))
        assert code is grpc.StatusCode.UNAVAILABLE
        assert {line["reason"] for line in logs} == {"process 1 has ended: connect again"}

    asyncio.run(story())


def test_callers_whom_nobody_knows_are_counted_and_do_not_fill_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licet.identity.workload.front._QUIET", 3600.0)

    async def attest(_: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
        raise RefusedError("process 1 has ended", "connect again")

    async def story() -> None:
        with capture_logs() as logs:
            async with serving(tmp_path, Scripted(), attest=attest) as server:
                for number in range(1, 21):
                    with socket.socket(socket.AF_UNIX) as caller:
                        caller.connect(str(tmp_path / "api.sock"))
                    await until(lambda number=number: server.front.unattested == number)  # type: ignore[misc]
        assert [line["event"] for line in logs] == ["a caller was not attested"]

    asyncio.run(story())


@pytest.mark.parametrize("limits", [Limits(connections=3), Limits(connections_for_uid=3)])
def test_connections_over_a_limit_are_shed_and_served_when_there_is_room(tmp_path: Path, limits: Limits) -> None:
    async def story() -> None:
        async with serving(tmp_path, Scripted(), limits=limits) as server:
            held = [await asyncio.open_unix_connection(tmp_path / "api.sock") for _ in range(3)]
            await until(lambda: server.front.connections == 3)
            with capture_logs() as logs:
                async with client(tmp_path / "api.sock") as another:
                    code, _ = await status(another.first("FetchX509SVID", X509SVIDResponse))
            assert code is grpc.StatusCode.UNAVAILABLE
            assert server.front.shed >= 1
            assert [line["event"] for line in logs][:1] == ["connections are turned away"]
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            await until(lambda: server.front.connections == 0)
            async with client(tmp_path / "api.sock") as another:
                await another.first("FetchX509SVID", X509SVIDResponse)

    asyncio.run(story())


def test_one_user_never_takes_all_the_connections_that_open_files_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4096, 4096))
    assert Limits().affordable() == 640
    assert Limits().for_uid() == 320
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    assert Limits().for_uid() == Limits().connections_for_uid


def test_who_connects_and_says_nothing_is_let_go(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, Scripted(), limits=Limits(hello=0.1)) as server:
            reader, writer = await asyncio.open_unix_connection(tmp_path / "api.sock")
            await asyncio.wait_for(reader.read(), 30)
            await until(lambda: server.front.connections == 0)
            writer.close()
            await writer.wait_closed()

    asyncio.run(story())


def test_a_whole_node_may_come_at_once(tmp_path: Path) -> None:
    """More calls wait than gRPC lets wait by default; those it cancels, stock clients never repeat."""
    program = """if True:
        import asyncio, grpc, sys
        async def main():
            alone = [("grpc.use_local_subchannel_pool", 1)]
            channels = [grpc.aio.insecure_channel("unix:" + sys.argv[1], options=alone) for _ in range(20)]
            header = (("workload.spiffe.io", "true"),)
            calls = [
                channel.unary_stream("/SpiffeWorkloadAPI/FetchX509SVID")(b"", metadata=header)
                for channel in channels for _ in range(100)
            ]
            print(len([await call.read() for call in calls]))
        asyncio.run(main())
    """

    async def story() -> None:
        async with serving(tmp_path, Scripted()):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, str(tmp_path / "api.sock")), stdout=asyncio.subprocess.PIPE
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert out == b"2000\n"

    asyncio.run(story())


def test_a_stop_ends_every_stream_and_takes_the_sockets_away(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(serving(tmp_path, source))
            async with client(tmp_path / "api.sock") as connection:
                async with aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as stream:
                    await anext(stream)
                    ending = asyncio.ensure_future(stack.aclose())
                    assert (await status(anext(stream)))[0] is grpc.StatusCode.UNAVAILABLE
                await ending
        assert (source.watching, server.front.connections) == (0, 0)
        assert not (tmp_path / "api.sock").exists()

    asyncio.run(story())


def test_everybody_may_connect_and_only_the_owner_may_replace_the_socket(tmp_path: Path) -> None:
    with Endpoint(tmp_path / "new" / "api.sock") as endpoint:
        assert stat.S_IMODE(endpoint.path.stat().st_mode) == 0o666
        assert stat.S_IMODE(endpoint.path.parent.stat().st_mode) & 0o022 == 0
    tmp_path.chmod(0o777)
    with pytest.raises(IdentityError) as refused:
        Endpoint(tmp_path / "api.sock")
    assert refused.value.message == f"others may write `{tmp_path}`, and could put a socket of their own there"


def test_the_socket_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    with Endpoint(path) as endpoint, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(endpoint.path))
    assert not path.exists()


def test_the_socket_of_a_living_server_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with Endpoint(path), pytest.raises(IdentityError, match="another server listens"):
        Endpoint(path)
    foreign = tmp_path / "foreign.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(foreign))
        living.listen()
        with pytest.raises(IdentityError, match="another server listens"):
            Endpoint(foreign)
        assert foreign.is_socket()


def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("precious")
    with pytest.raises(IdentityError, match="is there and no socket"):
        Endpoint(path)
    assert path.read_text() == "precious"


def test_a_socket_that_somebody_put_in_its_place_is_left_there(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with Endpoint(path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="too long for a socket"):
        Endpoint(tmp_path / ("x" * 100))


@pytest.mark.skipif(os.geteuid() != 0, reason="a link of somebody else's")
def test_no_socket_is_made_where_a_link_of_somebody_else_leads(tmp_path: Path) -> None:
    """Its owner would have clients led to another socket whenever it likes."""
    (tmp_path / "own").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "own")
    with Endpoint(link / "api.sock"):
        pass
    os.lchown(link, 65534, 65534)
    with pytest.raises(IdentityError, match="is a link of another user"):
        Endpoint(link / "api.sock")
    assert not any((tmp_path / "own").glob("*.sock"))


def test_what_one_uid_sends_counts_together_and_root_waits_for_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async def nobody(_: socket.socket) -> NoReturn:
            raise AssertionError

        with socket.socket(socket.AF_UNIX) as listener:
            front = Front(listener, tmp_path / "inner", nobody, Limits(bytes_for_uid=10, burst=10))
            assert front._flow(4711)(10) == 0
            assert front._flow(4711)(5) == pytest.approx(0.5, abs=0.1)
            assert front._flow(4712)(10) == 0
            assert front._flow(4711)(0) > 0, "another uid's coming is no reason to forget"
            assert front._flow(0)(1 << 30) == 0

    asyncio.run(story())
