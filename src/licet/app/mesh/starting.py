"""What a sidecar is started with, from what its pod knows."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Mapping, Sequence

from licet.app.replacement import Put, replace
from licet.mesh.envoy import probes
from licet.mesh.envoy.address import host_port
from licet.mesh.envoy.bootstrap import Control, Local, Remote, bootstrap, text
from licet.mesh.errors import MeshError
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.key import Key


def control_of(at: str, identity: str) -> Control:
    """The control plane that is meant; raises MeshError."""
    if at.startswith("/"):
        if identity:
            raise MeshError(f"`{at}` is a socket, which needs no identity", "leave `--control-identity` out")
        return Local(at)
    found = host_port(at)
    if found is None:
        raise MeshError(f"`{at}` is no control plane", "write `host:port`, or the absolute path of a socket")
    if not identity:
        raise MeshError(f"nobody says who `{at}` has to be", "give its SPIFFE ID by `--control-identity`")
    return Remote(*found, identity)


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """`key=value` each; raises MeshError."""
    found: dict[str, str] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or key in found:
            raise MeshError(
                f"`{option} {one}` says nothing, or something twice", f"write `{option} key=value`, once each"
            )
        found[key] = value
    return found


def sidecar(
    workload: Key, pod: str, address: str, capture: Capture, apps: Mapping[str, str], exits: Mapping[str, str]
) -> Sidecar:
    """The sidecar of one pod; raises MeshError."""
    for port in apps:
        if not port.isdecimal():
            raise MeshError(f"`{port}` is no port", "write `--app 8080=127.0.0.1:18080`")
    return Sidecar(
        id=f"{workload}/{pod}",
        workload=workload,
        identity="",
        address=address,
        capture=capture,
        apps={int(port): at for port, at in apps.items()},
        exits=exits,
    )


def write(
    who: Sidecar, socket: str, control: Control, asked: Sequence[str], *, admin: str = "", out: str | None = None
) -> str:
    """The bootstrap as JSON, written to the file `out` where there is one. Raises MeshError."""
    config = bootstrap(who, socket, control, admin=admin)
    # Beside others on one machine, and asked by nobody, it would take a port that they want as well.
    if asked or who.capture is Capture.REDIRECTED:
        probes.add(config, [probes.parse(one) for one in asked])
    made = text(config)
    if out is not None:
        replace([Put(os.path.realpath(out), made.encode())])
    return made


class _Connection(http.client.HTTPConnection):
    """To a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def drain(admin: str, seconds: float) -> None:
    """Have an Envoy tell its callers that it ends, in answers and on connections, and wait that long.

    It goes on answering meanwhile. Raises MeshError where it cannot be told.
    """
    connection = _Connection(admin)
    try:
        connection.request("POST", "/drain_listeners?graceful&skip_exit")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        raise MeshError(
            f"there is no Envoy at `{admin}`: {problem}", "name the socket of its administration"
        ) from problem
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise MeshError(f"the Envoy at `{admin}` does not drain: it answers {status}", "see its log")
    time.sleep(seconds)
