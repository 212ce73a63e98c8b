"""Selectors of a process by what the kernel knows of it: users, groups and the program."""

from __future__ import annotations

import asyncio
import grp
import hashlib
import os
import pwd
import stat
from collections import OrderedDict
from typing import TypeAlias
from weakref import WeakValueDictionary

from licet.identity.attest.process import Attended, Process

LARGEST_PROGRAM = 1 << 29
"""Bytes of a program that is still hashed; a larger one shows no `unix:sha256`."""
_REMEMBERED = 1024
_Version: TypeAlias = tuple[int, int, int, int, int]


class Unix:
    """Shows `unix:` selectors, named as SPIRE's attestor of the same name does.

    `uid`, `user`, `gid`, `group`, `supplementary_gid` and `supplementary_group` are those with which the process
    connected. `path` and `sha256` tell the programs of one user apart and do not replace the user: whoever may trace a
    process, or start it with libraries of his own, can speak as it. An interpreter's are those of the interpreter.
    """

    name = "unix"

    def __init__(self, largest: int = LARGEST_PROGRAM) -> None:
        self._largest = largest
        self._digests: OrderedDict[_Version, str] = OrderedDict()
        self._hashing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def selectors(self, attended: Attended) -> frozenset[str]:
        """Everything that the process shows."""
        users = await asyncio.to_thread(users_and_groups, attended.process)
        return users | await self._program(attended)

    async def _program(self, attended: Attended) -> frozenset[str]:
        try:
            descriptor = attended.open()
        except OSError:
            return frozenset()
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or not _is(found, attended.process):
                return frozenset()
            shown = set()
            if await asyncio.to_thread(_here, attended.process.path, found):
                shown.add(f"unix:path:{attended.process.path}")
            if digest := await self._digest(descriptor, _version(found), attended.process.uid):
                shown.add(f"unix:sha256:{digest}")
            return frozenset(shown)
        finally:
            os.close(descriptor)

    async def _digest(self, descriptor: int, version: _Version, uid: int) -> str:
        """The SHA-256 of the file in hexadecimal; empty where it is too large or changed meanwhile.

        One file at a time is hashed for a user, who may bring large ones without end: nobody else waits for them.
        """
        if version[2] > self._largest:
            return ""
        if known := self._known(version):
            return known
        async with self._hashing.setdefault(uid, asyncio.Lock()):
            if known := self._known(version):
                return known
            # A thread cannot be cancelled, and has to have a descriptor for as long as it reads.
            digest = await asyncio.to_thread(_hash, os.dup(descriptor), version)
            if digest:
                self._digests[version] = digest
            if len(self._digests) > _REMEMBERED:
                self._digests.popitem(last=False)
            return digest

    def _known(self, version: _Version) -> str:
        if known := self._digests.get(version, ""):
            self._digests.move_to_end(version)
        return known


def users_and_groups(process: Process) -> frozenset[str]:
    """The selectors of user and groups, by number and, where the node has a name for it, by name."""
    shown = {f"unix:uid:{process.uid}", f"unix:gid:{process.gid}"}
    if user := _user(process.uid):
        shown.add(f"unix:user:{user}")
    if group := _group(process.gid):
        shown.add(f"unix:group:{group}")
    for gid in process.groups:
        shown.add(f"unix:supplementary_gid:{gid}")
        if group := _group(gid):
            shown.add(f"unix:supplementary_group:{group}")
    return frozenset(shown)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _version(found: os.stat_result) -> _Version:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _is(found: os.stat_result, process: Process) -> bool:
    return (found.st_dev, found.st_ino) == (process.device, process.inode)


def _here(path: str, found: os.stat_result) -> bool:
    """Whether the node sees this very file at the path: in a namespace of one's own anything may be mounted there."""
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return False
    return (seen.st_dev, seen.st_ino) == (found.st_dev, found.st_ino)


def _hash(descriptor: int, version: _Version) -> str:
    with os.fdopen(descriptor, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest if _version(os.fstat(descriptor)) == version else ""
