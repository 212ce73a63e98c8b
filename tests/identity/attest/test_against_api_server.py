"""Pods and tokens of a real Kubernetes API server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from licet.identity.attest.api_server import ApiServer
from licet.identity.attest.cgroup import Place
from licet.identity.attest.kubernetes import Kubernetes
from licet.identity.attest.token_review import AgentPod, Reviewer
from licet.identity.errors import RefusedError, UnavailableError
from licet.identity.spiffeid import TrustDomain
from tests.identity.attest.callers import eventually
from tests.identity.attest.cluster import Cluster, api_server_program, certificate, running

pytestmark = pytest.mark.skipif(
    api_server_program() is None or shutil.which("etcd") is None,
    reason="kube-apiserver (also by `LICET_KUBE_APISERVER`) and etcd are not both here",
)
CONTAINER = "9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961"
DIGEST = "sha256:1e4c481d76e9ecbd3d8684891e0e46aa021a30920ca04936e1fdcc552747d941"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster")) as cluster:
        for name in ("node-1", "node-2"):
            cluster.ask("POST", "/api/v1/nodes", {"metadata": {"name": name}})
        for namespace, account in (("licet", "agent"), ("licet", "server"), ("shop", "checkout")):
            if account != "server":
                cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
            cluster.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": account}})
        _permit(cluster, "agent", "", "pods", ["list"])
        _permit(cluster, "server", "authentication.k8s.io", "tokenreviews", ["create"])
        yield cluster


def _permit(cluster: Cluster, account: str, group: str, resource: str, verbs: list[str]) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [group], "resources": [resource], "verbs": verbs}]
    cluster.ask("POST", f"{rbac}/clusterroles", {"metadata": {"name": account}, "rules": rules})
    binding = {
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": account},
        "subjects": [{"kind": "ServiceAccount", "namespace": "licet", "name": account}],
    }
    cluster.ask("POST", f"{rbac}/clusterrolebindings", binding)


def _pod(cluster: Cluster, namespace: str, name: str, account: str, node: str = "node-1") -> Any:
    return cluster.ask(
        "POST",
        f"/api/v1/namespaces/{namespace}/pods",
        {
            "metadata": {
                "name": name,
                "labels": {"app": name},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d", "uid": "u"}],
            },
            "spec": {
                "serviceAccountName": account,
                "nodeName": node,
                "initContainers": [{"name": "migrate", "image": "shop/migrate:1"}],
                "containers": [{"name": "main", "image": "shop/checkout:1"}],
            },
        },
    )


def _status(kind: str, container: str) -> dict[str, Any]:
    started = {
        "name": "main",
        "image": "docker.io/shop/checkout:1",
        "imageID": f"docker.io/shop/checkout@{DIGEST}",
        "containerID": f"containerd://{container}",
        "ready": True,
        "restartCount": 0,
    }
    return {"status": {"phase": "Running", kind: [started]}}


def _token(cluster: Cluster, account: str, audience: str | None, pod: Any = None, namespace: str = "licet") -> str:
    spec: dict[str, Any] = {"audiences": [audience] if audience else [], "expirationSeconds": 600}
    if pod:
        meta = pod["metadata"]
        spec["boundObjectRef"] = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    token: str = cluster.ask("POST", path, {"spec": spec})["status"]["token"]
    return token


def _shown(api: ApiServer, where: Place, **settings: Any) -> frozenset[str]:
    async def scenario() -> frozenset[str]:
        kubernetes = Kubernetes(api, "node-1", pause=0.05, **settings)
        try:
            return await kubernetes.of(where)
        finally:
            await kubernetes.close()

    return asyncio.run(scenario())


def test_a_container_shows_its_pod(cluster: Cluster) -> None:
    pod = _pod(cluster, "shop", "checkout", "checkout")
    cluster.ask("PATCH", "/api/v1/namespaces/shop/pods/checkout/status", _status("containerStatuses", CONTAINER))
    uid = pod["metadata"]["uid"]
    assert _shown(cluster.api(_token(cluster, "agent", None)), Place(uid, CONTAINER)) == {
        "k8s:ns:shop",
        "k8s:sa:checkout",
        "k8s:pod-name:checkout",
        f"k8s:pod-uid:{uid}",
        "k8s:node-name:node-1",
        "k8s:container-name:main",
        "k8s:pod-label:app:checkout",
        "k8s:pod-owner:ReplicaSet:checkout-5d",
        "k8s:pod-owner-uid:ReplicaSet:u",
        "k8s:container-image:docker.io/shop/checkout:1",
        f"k8s:image-digest:{DIGEST}",
    }


def test_a_container_whose_status_comes_late_is_waited_for(cluster: Cluster) -> None:
    pod = _pod(cluster, "shop", "late", "checkout")
    where = Place(pod["metadata"]["uid"], "a" * 64)
    api = cluster.api(_token(cluster, "agent", None))

    async def scenario() -> frozenset[str]:
        kubernetes = Kubernetes(api, "node-1", pause=0.05)
        try:
            shown = asyncio.create_task(kubernetes.of(where))
            await cluster.asking(
                "PATCH", "/api/v1/namespaces/shop/pods/late/status", _status("initContainerStatuses", "a" * 64)
            )
            return await shown
        finally:
            await kubernetes.close()

    assert "k8s:pod-name:late" in asyncio.run(scenario())


def test_pods_of_other_nodes_are_not_known(cluster: Cluster) -> None:
    pod = _pod(cluster, "shop", "elsewhere", "checkout", "node-2")
    cluster.ask("PATCH", "/api/v1/namespaces/shop/pods/elsewhere/status", _status("containerStatuses", "b" * 64))
    with pytest.raises(UnavailableError, match="no pod of node `node-1` has the container"):
        _shown(cluster.api(_token(cluster, "agent", None)), Place(pod["metadata"]["uid"], "b" * 64), patience=0.2)


def test_an_account_without_the_role_is_told(cluster: Cluster) -> None:
    with pytest.raises(RefusedError, match=r"refuses `GET /api/v1/pods` \(403\)"):
        _shown(cluster.api(_token(cluster, "server", None)), Place("", CONTAINER))
    with pytest.raises(RefusedError, match=r"refuses `GET /api/v1/pods` \(401\)"):
        _shown(cluster.api("nobody"), Place("", CONTAINER))


def test_a_server_of_another_authority_is_not_spoken_to(cluster: Cluster) -> None:
    cluster.api(_token(cluster, "agent", None), "token")
    other, _ = certificate(cluster.folder / "other")
    with pytest.raises(UnavailableError, match="its certificate is not to be trusted"):
        _shown(ApiServer(cluster.url, other, cluster.folder / "token"), Place("", CONTAINER))


def _review(cluster: Cluster, token: str) -> AgentPod:
    api = cluster.api(_token(cluster, "server", None), "server")

    async def scenario() -> AgentPod:
        try:
            return await Reviewer(api, "eu", ["licet:agent"]).review(token)
        finally:
            await api.close()

    return asyncio.run(scenario())


def test_an_agent_is_known_by_its_pods_token(cluster: Cluster) -> None:
    pod = _pod(cluster, "licet", "agent-1", "agent")
    node = cluster.ask("GET", "/api/v1/nodes/node-1")["metadata"]["uid"]
    agent = _review(cluster, _token(cluster, "agent", "licet", pod))
    assert agent == AgentPod("eu", "licet:agent", pod["metadata"]["uid"], "node-1", node)
    assert str(agent.id(TrustDomain("shop.example"))) == f"spiffe://shop.example/licet/agent/k8s/eu/{node}"


REFUSED: dict[str, tuple[Callable[[Cluster], str], str]] = {
    "another audience": (
        lambda cluster: _token(cluster, "agent", "vault", _pod(cluster, "licet", "agent-2", "agent")),
        "not valid for audience",
    ),
    "the API server's own audience": (
        lambda cluster: _token(cluster, "agent", None, _pod(cluster, "licet", "agent-3", "agent")),
        "not valid for audience",
    ),
    "another account": (
        lambda cluster: _token(cluster, "checkout", "licet", _pod(cluster, "shop", "c-2", "checkout"), "shop"),
        "`system:serviceaccount:shop:checkout` may not be an agent",
    ),
    "no pod": (lambda cluster: _token(cluster, "agent", "licet"), "bound to no pod"),
    "no token": (lambda _: "eyJhbGciOiJub25lIn0.e30.x", "not valid for audience"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_token_that_is_not_an_agents_is_refused(
    cluster: Cluster, make: Callable[[Cluster], str], reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        _review(cluster, make(cluster))


def test_a_token_ends_with_its_pod(cluster: Cluster) -> None:
    """The API server remembers for ten seconds what it found, so that the token is not shown before."""
    token = _token(cluster, "agent", "licet", _pod(cluster, "licet", "agent-9", "agent"))
    cluster.ask("DELETE", "/api/v1/namespaces/licet/pods/agent-9", {"gracePeriodSeconds": 0})

    def refused() -> bool:
        try:
            _review(cluster, token)
        except RefusedError as error:
            return error.message == "the token is not valid for audience `licet`"
        return False

    assert eventually(refused) or eventually(refused)
