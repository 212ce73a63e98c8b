"""Selectors of a process by the pod that it runs in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from licet.identity.attest.api_server import ApiServer
from licet.identity.attest.cgroup import Place, place
from licet.identity.attest.pod import Pod, PodList, find, selectors
from licet.identity.attest.process import Attended
from licet.identity.errors import RefusedError, UnavailableError

_INITIAL_CGROUP_NAMESPACE = 0xEFFFFFFB
"""The inode that the kernel gives to the namespace that is none (`PROC_CGROUP_INIT_INO`)."""


class Kubernetes:
    """Shows `k8s:` selectors of processes in pods of this node, and nothing of others.

    `kubelet` asks a kubelet's `/pods` instead of the API server's list of this node's pods. A list serves `fresh`
    seconds; a container that is in none yet is looked for again until `patience` is over, since it starts before its
    pod's status says so. Lists are `pause` seconds apart, however many ask.
    """

    name = "kubernetes"

    def __init__(
        self,
        api: ApiServer,
        node: str,
        *,
        kubelet: bool = False,
        fresh: float = 5.0,
        pause: float = 0.5,
        patience: float = 8.0,
    ) -> None:
        self._api = api
        self._node = node
        self._kubelet = kubelet
        self._fresh = fresh
        self._pause = pause
        self._patience = patience
        self._pods: tuple[Pod, ...] = ()
        self._listed_at = float("-inf")
        self._listing = asyncio.Lock()

    async def selectors(self, attended: Attended) -> frozenset[str]:
        """Everything that the process shows; raises RefusedError, and UnavailableError where its pod is unknown."""
        where = place(attended.process.cgroup, _own_cgroup(), enclosed=_enclosed())
        return await self.of(where) if where else frozenset()

    async def of(self, where: Place) -> frozenset[str]:
        """Everything that a process in this container shows; raises as `selectors` does."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        known_since = asked_at - self._fresh
        while True:
            pods = await self._list(known_since)
            if found := find(pods, where, self._node):
                return selectors(*found)
            if loop.time() + self._pause > asked_at + self._patience:
                raise UnavailableError(
                    f"no pod of node `{self._node}` has the container `{where.container}` yet",
                    "its status comes a moment after it starts; ask again",
                )
            await asyncio.sleep(self._pause)
            known_since = loop.time()

    async def close(self) -> None:
        """End the connections that are kept open."""
        await self._api.close()

    async def _list(self, since: float) -> tuple[Pod, ...]:
        """This node's pods as they were at this time of the loop's clock, or later; one answer serves all who wait."""
        async with self._listing:
            if self._listed_at < since:
                loop = asyncio.get_running_loop()
                await asyncio.sleep(self._listed_at + self._pause - loop.time())
                asked_at = loop.time()
                if self._kubelet:
                    listed = await self._api.get("/pods", PodList)
                else:
                    query = {"fieldSelector": f"spec.nodeName={self._node}", "resourceVersion": "0"}
                    listed = await self._api.get("/api/v1/pods", PodList, query)
                self._pods, self._listed_at = listed.items or (), asked_at
            return self._pods


def node_name() -> str:
    """The node that this pod runs on, as the downward API says in `NODE_NAME`; raises RefusedError without it."""
    if not (name := os.environ.get("NODE_NAME", "")):
        raise RefusedError("which node this is was not said", "set `NODE_NAME` from `spec.nodeName`")
    return name


def _own_cgroup() -> str:
    return os.fsdecode(Path("/proc/self/cgroup").read_bytes())


def _enclosed() -> bool:
    own = {line.rpartition(":")[2] for line in _own_cgroup().splitlines()}
    return own == {"/"} and os.stat("/proc/self/ns/cgroup").st_ino != _INITIAL_CGROUP_NAMESPACE
