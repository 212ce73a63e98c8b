"""A pod's own probes and hooks, led to where its sidecar answers them.

A node asks in plain text and without an identity, which no port of a workload in the mesh answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from licet.diag.place import Path
from licet.mesh.envoy.names import PORT_PROBES
from licet.mesh.envoy.probes import Probe

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


class Led(msgspec.Struct, frozen=True):
    """A question that is led elsewhere: the path of its handler in the pod, what takes its place, and the probe."""

    path: Path
    handler: Mapping[str, Any]
    probe: Probe

    @property
    def name(self) -> str:
        """The key under which the handler comes to stand."""
        return next(iter(self.handler))


def led(pod: Mapping[str, Any], apps: Mapping[int, str]) -> Iterator[Led]:
    """Those of a pod's containers that ask a port of the pod; `apps` says where what serves a port really listens."""
    for kind in ("initContainers", "containers"):
        for at, container in enumerate(pod.get(kind) or ()):
            for path, probe in _asked(container):
                for key in ("httpGet", "tcpSocket", "grpc"):
                    if isinstance(asked := probe.get(key), dict) and "port" in asked and not asked.get("host"):
                        made = _led(container, path, probe, key, asked, apps)
                        if made is not None:
                            yield msgspec.structs.replace(made, path=(kind, at, *path, key))


def _asked(container: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for name in _PROBES:
        if isinstance(probe := container.get(name), dict):
            yield (name,), probe
    lifecycle = container.get("lifecycle") or {}
    for name in _HOOKS:
        # A hook of `tcpSocket` is of no effect, so that it is left as it is.
        if isinstance(hook := lifecycle.get(name), dict) and "httpGet" in hook:
            yield ("lifecycle", name), {"httpGet": hook["httpGet"]}


def _led(
    container: Mapping[str, Any],
    path: Path,
    probe: Mapping[str, Any],
    key: str,
    asked: Mapping[str, Any],
    apps: Mapping[int, str],
) -> Led | None:
    port = _port(container, asked["port"])
    if port is None or apps.get(port, "").startswith("/"):
        return None
    at = f"/{container['name']}/{path[-1]}"
    handler: dict[str, Any] = {"path": at, "port": PORT_PROBES}
    match key:
        case "httpGet":
            kind, what = str(asked.get("scheme") or "HTTP").lower(), f"/{str(asked.get('path') or '/').lstrip('/')}"
            if headers := asked.get("httpHeaders"):
                handler["httpHeaders"] = headers
        case "grpc":
            kind, what = "grpc", f"/{asked['service']}" if asked.get("service") else ""
        case _:
            kind, what = "tcp", ""
    seconds = int(probe.get("timeoutSeconds") or 1) if kind in {"tcp", "grpc"} else 1
    return Led((), {"httpGet": handler}, Probe(at, kind, apps.get(port, f"127.0.0.1:{port}"), what, seconds))


def _port(container: Mapping[str, Any], port: Any) -> int | None:
    """The number that a port is, which may be given by the name that the container has for it."""
    if isinstance(port, int):
        return port
    if isinstance(port, str) and port.isdecimal():
        return int(port)
    for known in container.get("ports") or ():
        if known.get("name") == port and isinstance(number := known.get("containerPort"), int):
            return number
    return None
