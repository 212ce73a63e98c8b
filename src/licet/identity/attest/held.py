"""Whether a process holds the other end of a unix socket: for kernels that hand out no pidfd of a peer."""

from __future__ import annotations

import os
import socket
import struct
import sys

_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_SHOW_PEER = 4
_ATTRIBUTE_PEER = 2
_ANY_COOKIE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBHIIIII")
_ANSWER = struct.Struct("=BBBBIII")
_ATTRIBUTE = struct.Struct("=HH")
_LONGEST = 8192


def holds(directory: int, sock: socket.socket) -> bool:
    """Whether the process of this open `/proc/PID` has the other end of the socket among its files.

    OSError where its files may not be looked at, or the kernel does not say which socket is the other end.
    """
    wanted = f"socket:[{_peer(os.fstat(sock.fileno()).st_ino)}]"
    files = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return any(_names(files, name) == wanted for name in os.listdir(files))
    finally:
        os.close(files)


def _names(files: int, name: str) -> str:
    try:
        return os.readlink(name, dir_fd=files)
    except FileNotFoundError:  # closed meanwhile
        return ""


def _peer(inode: int) -> int:
    """The inode of the socket that the one with this inode is connected to (sock_diag(7))."""
    query = _QUERY.pack(socket.AF_UNIX, 0, 0, _ANY_COOKIE, inode, _SHOW_PEER, _ANY_COOKIE, _ANY_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(query), _BY_FAMILY, _REQUEST, 1, 0) + query)
        answer = kernel.recv(_LONGEST)
    length, kind, *_ = _HEADER.unpack_from(answer)
    if kind == _BY_FAMILY:
        at = _HEADER.size + _ANSWER.size
        while at + _ATTRIBUTE.size <= length:
            size, attribute = _ATTRIBUTE.unpack_from(answer, at)
            if attribute == _ATTRIBUTE_PEER:
                return int.from_bytes(answer[at + _ATTRIBUTE.size : at + size], sys.byteorder)
            at += max(_ATTRIBUTE.size, (size + 3) & ~3)
    raise OSError("the kernel does not say which socket is the other end")
