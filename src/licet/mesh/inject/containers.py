"""What is put into a pod: a sidecar, what comes before it, and the volumes of both."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

from licet.mesh.envoy.bootstrap import Local, Remote
from licet.mesh.envoy.names import PORT_PROBES
from licet.mesh.envoy.probes import READY, Probe
from licet.mesh.inject.injection import (
    BOOTSTRAP,
    CONFIG,
    CONTROL,
    NODE,
    REDIRECT,
    SIDECAR,
    Injection,
    Rules,
)
from licet.mesh.sidecar import Capture
from licet.model.key import Key

_RUN = "/run/licet"
_BOOTSTRAP = f"{_RUN}/config/envoy.json"
ADMIN = f"{_RUN}/config/admin.sock"
_PODS = {"POD_IP": "status.podIP", "POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
_LITTLE = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}
_PROXY = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"cpu": "2", "memory": "320Mi"}}
"""Envoy refuses work from 256 MiB of heap on, before the kernel ends it."""


def containers(
    injection: Injection,
    owner: Key,
    probes: Sequence[Probe],
    apps: Sequence[str],
    exits: Sequence[str],
    *,
    drains: bool,
) -> list[dict[str, Any]]:
    """Init containers in the order in which they start, all before those of the pod.

    One that `drains` tells callers of its end as long as load balancers may still send some.

    The rules hold before anything of the pod runs, and the sidecar runs before anything of the pod is refused by them.
    """
    made = [_bootstrap(injection, owner, probes, apps, exits)]
    if injection.capture is Capture.REDIRECTED:
        made.append(_redirect(injection))
    return [*made, _sidecar(injection, drains=drains)]


def volumes(injection: Injection) -> list[dict[str, Any]]:
    """Where the bootstrap lies, which is in memory, and the sockets of the node."""
    made: list[dict[str, Any]] = [{"name": CONFIG, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}]
    if injection.node.startswith("/"):
        made.append({"name": NODE, "hostPath": {"path": injection.node, "type": "Directory"}})
    else:
        made.append({"name": NODE, "csi": {"driver": injection.node, "readOnly": True}})
    match injection.control:
        case Local(socket=socket):
            made.append({"name": CONTROL, "hostPath": {"path": posixpath.dirname(socket), "type": "Directory"}})
        case Remote():
            pass
    return made


def _bootstrap(
    injection: Injection, owner: Key, probes: Sequence[Probe], apps: Sequence[str], exits: Sequence[str]
) -> dict[str, Any]:
    own = {"--group": owner.group, "--kind": owner.kind, "--name": owner.name, "--cluster": owner.cluster}
    options = [f"{option}={value}" for option, value in own.items() if value]
    options += [f"--capture={injection.capture.value}", f"--socket={_RUN}/node/{injection.socket}"]
    match injection.control:
        case Local(socket=socket):
            options.append(f"--control={_RUN}/control/{posixpath.basename(socket)}")
        case Remote(host=host, port=port, identity=identity):
            host = f"[{host}]" if ":" in host else host
            options += [f"--control={host}:{port}", f"--control-identity={identity}"]
    options += [f"--app={one}" for one in apps]
    options += [f"--exit={one}" for one in exits]
    options += [f"--probe={probe.text}" for probe in probes]
    options += [f"--admin={ADMIN}", f"--out={_BOOTSTRAP}"]
    return {
        "name": BOOTSTRAP,
        "image": injection.image,
        "command": ["licet", "mesh", "bootstrap"],
        "args": options,
        "env": [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in _PODS.items()],
        "resources": _LITTLE,
        "securityContext": _unprivileged(injection.uid),
        "volumeMounts": [_mount(CONFIG)],
    }


def _redirect(injection: Injection) -> dict[str, Any]:
    """With the one privilege that rules ask for; or a look, as another user than the sidecar, whether they hold."""
    if injection.rules is Rules.NODE:
        what, context = ["--check", "--wait=60"], _unprivileged(injection.uid + 1)
    else:
        context = _unprivileged(0) | {
            "runAsNonRoot": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
        }
        what = ["--apply"]
    return {
        "name": REDIRECT,
        "image": injection.image,
        "command": ["licet", "mesh", "redirect"],
        "args": [*what, f"--uid={injection.uid}"],
        "resources": _LITTLE,
        "securityContext": context,
    }


def _sidecar(injection: Injection, *, drains: bool) -> dict[str, Any]:
    mounts = [_mount(CONFIG), _mount(NODE) | {"readOnly": True}]
    if isinstance(injection.control, Local):
        mounts.append(_mount(CONTROL))
    ready = {"path": READY, "port": PORT_PROBES}
    drain = ["licet", "mesh", "drain", f"--admin={ADMIN}", f"--seconds={injection.lag}"]
    made: dict[str, Any] = {
        "name": SIDECAR,
        "image": injection.image,
        "restartPolicy": "Always",
        "command": ["envoy"],
        "args": [
            f"--config-path={_BOOTSTRAP}",
            "--disable-hot-restart",
            "--concurrency=2",
            "--log-level=warning",
            f"--drain-time-s={max(1, injection.lag)}",
        ],
        "resources": _PROXY,
        "securityContext": _unprivileged(injection.uid),
        "startupProbe": {"httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 120},
        "readinessProbe": {"httpGet": ready, "periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 3},
        "volumeMounts": mounts,
    }
    if drains:
        made["lifecycle"] = {"preStop": {"exec": {"command": drain}}}
    return made


def _mount(volume: str) -> dict[str, Any]:
    return {"name": volume, "mountPath": f"{_RUN}/{volume.removeprefix('licet-')}"}


def _unprivileged(uid: int) -> dict[str, Any]:
    """As the Pod Security Standard "restricted" has it."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsGroup": uid,
        "runAsNonRoot": True,
        "runAsUser": uid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
