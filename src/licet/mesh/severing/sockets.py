"""The kernel's TCP connections in one network namespace: looked up and ended over netlink (sock_diag(7)).

The messages are written here: pyroute2 (0.9) has no request that ends a socket, and its sock_diag reads no errors, so
that one could not tell what is not permitted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from licet.mesh.errors import MeshError
from licet.mesh.severing.connection import Address, End, Ends
from licet.mesh.severing.owned import Owned

_SOCK_DIAG = 4
_BY_FAMILY, _DESTROY = 20, 21
_REQUEST, _MULTIPLE, _ACKNOWLEDGE, _DUMP = 0x1, 0x2, 0x4, 0x300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_CODE = struct.Struct("=i")
_FAMILY_AND_STATES = struct.Struct("=BBxxI")
_PORTS_AND_ADDRESSES = struct.Struct("!HH16s16s")
_SOCKET = slice(4, 52)
"""Where ports, addresses, interface and cookie are in an answer, as the next question has them."""
_LOCAL = {socket.AF_INET: slice(8, 12), socket.AF_INET6: slice(8, 24)}
"""Where the own end's address is in an answer."""
_INODE = struct.Struct("=I")
_INODE_AT = 68
_ANY_SOCKET = bytes(4) + b"\xff" * 8
_LISTENING = 10
_OPEN = frozenset((1, 2, 4, 5, 8, 9, 11))
"""All states with a peer and a program: none of TIME_WAIT, SYN_RECV, CLOSE and LISTEN."""
_NEW_NETWORK = 0x40000000
_ROOM = 1 << 16


class CannotEndError(MeshError):
    """Connections there cannot be ended from here."""


class Sockets:
    """Those of the namespace that the process with this pid is in. It ends those of this process alone.

    A connection is ended by its cookie, which the kernel gives to no other socket: a listener or a newer connection
    with the same ends is never taken for it. Raises CannotEndError where none could be ended, which a socket of our own
    shows that is ended first.
    """

    def __init__(self, pid: int) -> None:
        self._asked = 0
        with ExitStack() as held:
            self._process = _process(pid)
            held.callback(os.close, self._process)
            self._diag, own = _within(pid)
            held.enter_context(self._diag)
            if self.gone:
                raise _gone(pid)
            with own:
                self._try(own)
            self._owned = Owned(pid)
            self._held = held.pop_all()

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        polled = select.poll()
        polled.register(self._process, select.POLLIN)
        return bool(polled.poll(0))

    def close(self) -> None:
        """Let go of the namespace."""
        self._held.close()

    def end(self, ends: Ends) -> bool:
        """End this connection now, with a reset to the peer (RFC 9293, 3.10.5); says whether the process had it.

        Raises UnsureError where that could not be said now.
        """
        found = self._find(ends)
        if found is None or _state(found) not in _OPEN or _ends(found) != ends or not self._owns(found):
            return False
        return self._destroy(found)

    def all(self) -> frozenset[Ends]:
        """Every connection there is."""
        return frozenset(_ends(found) for family in _LOCAL for found in self._open(family))

    def at(self, address: Address) -> frozenset[Ends]:
        """Every connection whose own end is at this address."""
        family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
        own, local = address.packed, _LOCAL[family]
        return frozenset(_ends(found) for found in self._open(family) if found[local] == own)

    def _open(self, family: int) -> list[bytes]:
        return self._ask(_BY_FAMILY, _DUMP, family, sum(1 << state for state in _OPEN), bytes(48))

    def _try(self, own: socket.socket) -> None:
        address, port = own.getsockname()
        found = self._find(Ends(End.of(address, port), End.of("0.0.0.0", 0)))
        if found is None or _state(found) != _LISTENING:
            raise CannotEndError("the kernel does not say which connections are open", "load its module `tcp_diag`")
        self._destroy(found)

    def _find(self, ends: Ends) -> bytes | None:
        """Where there is no such connection the kernel answers with the listener that it would come to."""
        local, remote = ends.local, ends.remote
        family = socket.AF_INET if isinstance(local.address, IPv4Address) else socket.AF_INET6
        key = _PORTS_AND_ADDRESSES.pack(local.port, remote.port, local.address.packed, remote.address.packed)
        try:
            [found] = self._ask(_BY_FAMILY, 0, family, 0, key + _ANY_SOCKET)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        return found

    def _owns(self, found: bytes) -> bool:
        """One that has ended meanwhile has nothing open: another process may have its pid by now."""
        try:
            owned = self._owned.has(*_INODE.unpack_from(found, _INODE_AT))
        except PermissionError as error:
            raise CannotEndError(
                "what the process has open may not be seen", "run the control plane with `CAP_SYS_PTRACE`"
            ) from error
        except (FileNotFoundError, ProcessLookupError):
            return False
        return owned and not self.gone

    def _destroy(self, found: bytes) -> bool:
        try:
            self._ask(_DESTROY, _ACKNOWLEDGE, found[0], 0, found[_SOCKET])
        except OSError as error:
            match error.errno:
                case errno.ENOENT | errno.ESTALE:
                    return False
                case errno.EPERM:
                    message, help = "connections may not be ended", "run the control plane with `CAP_NET_ADMIN`"
                case errno.EOPNOTSUPP:
                    message = "the kernel cannot end connections"
                    help = "run one that is built with `CONFIG_INET_DIAG_DESTROY`"
                case _:
                    raise
            raise CannotEndError(message, help) from error
        return True

    def _ask(self, kind: int, flags: int, family: int, states: int, key: bytes) -> list[bytes]:
        self._asked += 1
        body = _FAMILY_AND_STATES.pack(family, socket.IPPROTO_TCP, states) + key
        self._diag.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, self._asked, 0) + body)
        answers: list[bytes] = []
        while True:
            heard = memoryview(self._diag.recv(_ROOM))
            while heard:
                length, kind, flags, asked, _ = _HEADER.unpack_from(heard)
                answer, heard = bytes(heard[_HEADER.size : length]), heard[(length + 3) & ~3 :]
                if asked != self._asked:
                    continue
                if kind == _DONE:
                    return answers
                if kind == _ERROR:
                    _raise(answer)
                    return answers
                answers.append(answer)
                if not flags & _MULTIPLE:
                    return answers


def _raise(answer: bytes) -> None:
    [code] = _CODE.unpack_from(answer)
    if code:
        raise OSError(-code, os.strerror(-code))


def _state(found: bytes) -> int:
    return found[1]


def _ends(found: bytes) -> Ends:
    port, remote_port, address, remote = _PORTS_AND_ADDRESSES.unpack_from(found, _SOCKET.start)
    size = 4 if found[0] == socket.AF_INET else 16
    return Ends(End.of(ip_address(address[:size]), port), End.of(ip_address(remote[:size]), remote_port))


def _opened() -> tuple[socket.socket, socket.socket]:
    """A netlink socket, and a listener that nobody knows of."""
    own = socket.create_server(("127.0.0.1", 0))
    try:
        diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
    except BaseException:
        own.close()
        raise
    return diag, own


def _process(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        raise _gone(pid) from error


def _gone(pid: int) -> CannotEndError:
    return CannotEndError(f"process {pid} has gone", "nothing of it is open")


def _within(pid: int) -> tuple[socket.socket, socket.socket]:
    """What is opened in the namespace of a process: a thread of its own enters that, and ends there."""
    try:
        with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
            if os.path.samestat(os.fstat(namespace.fileno()), Path("/proc/thread-self/ns/net").stat()):
                return _opened()
            with ThreadPoolExecutor(1) as apart:
                return apart.submit(_enter, namespace.fileno()).result()
    except OSError as error:
        match error.errno:
            case errno.ENOENT | errno.ESRCH:
                raise _gone(pid) from error
            case errno.EPERM | errno.EACCES:
                raise CannotEndError(
                    f"the network namespace of process {pid} may not be entered",
                    "run the control plane with `CAP_SYS_ADMIN` and `CAP_SYS_PTRACE`, or one in that namespace",
                ) from error
        raise


def _enter(namespace: int) -> tuple[socket.socket, socket.socket]:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, _NEW_NETWORK):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return _opened()
