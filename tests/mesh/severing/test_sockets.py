"""Connections of the kernel: each ended alone, whatever family, in whatever namespace, and never in silence."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections import deque
from contextlib import ExitStack, closing
from itertools import repeat

import pytest

from licet.mesh.severing.connection import End, Ends
from licet.mesh.severing.owned import Owned, UnsureError
from licet.mesh.severing.sockets import CannotEndError, Sockets
from tests.mesh.namespaces import namespaces
from tests.mesh.severing.entries import connected

FAMILIES = {
    "IPv4": (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
    "IPv6": (socket.AF_INET6, "::1", "::1"),
    "IPv4 of a listener for both": (socket.AF_INET6, "::", "127.0.0.1"),
}


def privileged() -> None:
    if os.geteuid():
        pytest.skip("ending connections needs CAP_NET_ADMIN")


@pytest.mark.parametrize(("family", "own", "address"), FAMILIES.values(), ids=FAMILIES)
def test_one_connection_is_ended_and_neither_its_neighbour_nor_the_listener(
    family: socket.AddressFamily, own: str, address: str
) -> None:
    privileged()
    both = family is socket.AF_INET6 and own == "::"
    with (
        socket.create_server((own, 0), family=family, dualstack_ipv6=both) as listener,
        closing(Sockets(os.getpid())) as sockets,
        connected(listener, address) as one,
        connected(listener, address) as neighbour,
    ):
        revoked, kept = one.ends, neighbour.ends
        assert revoked in sockets.all()
        assert {revoked, kept} <= sockets.all()
        assert sockets.end(revoked)
        assert revoked not in sockets.all()
        assert {revoked, kept} & sockets.all() == {kept}
        with pytest.raises(ConnectionResetError):
            one.caller.recv(1)
        with pytest.raises(OSError, match=os.strerror(errno.ECONNABORTED)):
            one.accepted.recv(1)
        assert not sockets.end(revoked), "it is over: the listener that it would come to is not taken for it"
        assert neighbour.alive()
        with connected(listener, address) as again:
            assert again.alive()


def test_what_waits_for_its_last_packets_is_over() -> None:
    privileged()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        closing(Sockets(os.getpid())) as sockets,
        connected(listener) as pair,
    ):
        pair.accepted.close()
        assert pair.caller.recv(1) == b""
        pair.caller.close()
        assert pair.ends not in sockets.all()
        assert not sockets.end(pair.ends)


SERVING = """
import socket
with socket.create_server(("", 8080)) as listener:
    print("listens", flush=True)
    with listener.accept()[0] as accepted:
        print("accepted", flush=True)
        input()
"""


def test_those_of_another_namespace_are_ended_there() -> None:
    privileged()
    with namespaces("one", "other") as places:
        one, other = places["one"], places["other"]
        inside = one.inside([sys.executable, "-c", SERVING])
        with subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving:
            assert serving.stdout is not None
            assert serving.stdout.readline() == "listens\n"
            with other.socket() as caller, closing(Sockets(serving.pid)) as sockets:
                caller.connect((one.ipv4, 8080))
                assert serving.stdout.readline() == "accepted\n"
                found = Ends(End.of(one.ipv4, 8080), End.of(*caller.getsockname()))
                with closing(Sockets(os.getpid())) as here:
                    assert found not in here.all(), "each namespace has its own"
                assert sockets.all() == {found}
                assert sockets.end(found)
                with pytest.raises(ConnectionResetError):
                    caller.recv(1)
                serving.kill()


def test_a_process_that_lies_has_no_connection_of_another_ended() -> None:
    """In one network namespace it can see the ends of all of them, and say that someone who is revoked has them."""
    privileged()
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as liar,
        socket.create_server(("127.0.0.1", 0)) as listener,
        closing(Sockets(liar.pid)) as sockets,
        connected(listener) as neighbours,
    ):
        assert neighbours.ends in sockets.all()
        assert not sockets.end(neighbours.ends)
        assert neighbours.alive()
        liar.kill()


def test_what_a_process_has_others_look_for_is_bounded_and_what_it_has_is_found_again_later() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.01
        return now

    with socket.create_server(("127.0.0.1", 0)) as own:
        owned = Owned(os.getpid(), clock)
        inode = os.fstat(own.fileno()).st_ino
        assert not owned.has(1)
        assert not owned.has(0), "whoever had it has closed it"
        with pytest.raises(UnsureError):
            deque(map(owned.has, repeat(1)), maxlen=0)
        assert owned.has(inode), "it was seen before"
        now += 10
        with socket.create_server(("127.0.0.1", 0)) as newer:
            assert owned.has(os.fstat(newer.fileno()).st_ino)


def test_many_are_listed_whatever_the_kernel_sends_at_once() -> None:
    privileged()
    with (
        socket.create_server(("127.0.0.1", 0), backlog=512) as listener,
        closing(Sockets(os.getpid())) as sockets,
        ExitStack() as held,
    ):
        pairs = [held.enter_context(connected(listener)) for _ in range(400)]
        assert {each.ends for each in pairs} <= sockets.all()


def test_a_process_that_has_gone_is_said_in_one_line() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    with pytest.raises(CannotEndError, match=rf"^process {ended.pid} has gone: "):
        Sockets(ended.pid)


@pytest.mark.parametrize(
    ("whose", "said"),
    [
        ("own", "connections may not be ended: run the control plane with `CAP_NET_ADMIN`"),
        ("another's", "may not be entered: run the control plane with `CAP_SYS_ADMIN` and `CAP_SYS_PTRACE`"),
    ],
)
def test_without_capabilities_the_first_try_says_which_are_missing(whose: str, said: str) -> None:
    """It is tried on a socket of our own, so that nobody learns of it when somebody is revoked."""
    privileged()
    program = """
import os, sys
from licet.mesh.severing.owned import Owned, UnsureError
from licet.mesh.severing.sockets import CannotEndError, Sockets
own = os.getpid()
pid = int(sys.argv[1]) or own
os.setgroups([])
os.setuid(65534)
try:
    Sockets(pid)
except CannotEndError as error:
    print(error)
"""
    pid = 0 if whose == "own" else os.getpid()
    shown = subprocess.run(
        [sys.executable, "-c", program, str(pid)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert said in shown.stdout
