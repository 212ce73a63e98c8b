"""Has the machine room for a server, and does it keep others out?"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from licet.diag.diagnostic import Diagnostic
from licet.identity import findings
from licet.identity.workload.limits import Limits

LEAST_ROOM = 512 << 20
"""Bytes: about a million records and their database's log."""


def examine_folder(
    data: Path, sealing_key: Path, *, database_inside: bool, least: int = LEAST_ROOM
) -> Iterator[Diagnostic]:
    """The data folder is its owner's alone, and the secret is not kept with what it seals."""
    if not data.is_dir():
        return
    if stat.S_IMODE(data.stat().st_mode) & 0o077:
        yield findings.readable_folder(str(data))
    if database_inside and sealing_key.exists() and sealing_key.resolve().parent == data.resolve():
        yield findings.key_beside_database(str(sealing_key))
    free = shutil.disk_usage(data).free
    if free < least:
        yield findings.little_room(str(data), free, least)


def examine_limits(limits: Limits) -> Iterator[Diagnostic]:
    """As many files may be opened as the connections that are allowed need. The server's limit may be another."""
    if limits.affordable() < limits.connections:
        yield findings.few_files(limits.affordable(), limits.connections)


def examine_socket_folder(socket: Path) -> Iterator[Diagnostic]:
    """Nobody else can put a socket where workloads look for it."""
    folder = socket.parent
    if not folder.is_dir():
        return
    found = os.stat(folder)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield findings.open_folder(str(folder))
