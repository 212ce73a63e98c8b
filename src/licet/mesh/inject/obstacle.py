"""What stands in the way of a sidecar in a pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from licet.mesh.envoy.names import PORT_IN, PORT_OUT, PORT_PROBES
from licet.mesh.inject.injection import NAMES, VOLUMES, Injection

_TAKEN = {PORT_IN, PORT_OUT, PORT_PROBES}


def obstacle(pod: Mapping[str, Any], injection: Injection) -> str:
    """Why no sidecar can be put into this pod, in words that follow the name of its workload; empty where it can."""
    if pod.get("hostNetwork"):
        return "runs in the network of its node, which a sidecar cannot stand before"
    if (pod.get("os") or {}).get("name") == "windows" or _on_windows(pod.get("nodeSelector") or {}):
        return "runs on Windows, where there is no sidecar"
    containers = list(_containers(pod))
    names = {str(container.get("name")) for container in containers}
    if taken := names & NAMES:
        return f"has a container of its own with the name `{min(taken)}`"
    if taken := {str(volume.get("name")) for volume in pod.get("volumes") or ()} & VOLUMES:
        return f"has a volume of its own with the name `{min(taken)}`"
    ports = {port.get("containerPort") for container in containers for port in container.get("ports") or ()}
    if used := ports & _TAKEN:
        return f"uses port {min(used)}, which is the sidecar's"
    users = {(each.get("securityContext") or {}).get("runAsUser") for each in (pod, *containers)}
    if injection.uid in users:
        return f"runs as user {injection.uid}, which is the sidecar's"
    return ""


def _containers(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("initContainers", "containers"):
        yield from pod.get(kind) or ()


def _on_windows(selector: Mapping[str, Any]) -> bool:
    return "windows" in {selector.get("kubernetes.io/os"), selector.get("beta.kubernetes.io/os")}
