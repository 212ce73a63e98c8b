"""Agents that are known by the Kubernetes service-account token projected into their pod."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from licet.identity.attest.api_server import ApiServer
from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.spiffeid import SpiffeID, TrustDomain

AUDIENCE = "licet"
"""For whom a token has to be made, so that one for the API server, or for another service, is worth nothing here."""
_LONGEST = 1 << 14
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]{1,63}")
_USER = "system:serviceaccount:"
_CLAIM = "authentication.kubernetes.io/"
_PROJECT = f"project a service-account token with audience `{AUDIENCE}` into the agent's pod"


class User(msgspec.Struct, frozen=True):
    """Whose token it is; `extra` holds what it is bound to."""

    username: str = ""
    extra: dict[str, tuple[str, ...]] | None = None

    def claim(self, name: str) -> str:
        """The one value of a claim about the pod or its node; empty where there is none, or several."""
        values = (self.extra or {}).get(_CLAIM + name, ())
        return values[0] if len(values) == 1 else ""


class Status(msgspec.Struct, frozen=True):
    """What the API server found."""

    authenticated: bool = False
    audiences: tuple[str, ...] | None = None
    user: User = User()


class Review(msgspec.Struct, frozen=True):
    """An answered TokenReview, which repeats the token; that is not kept."""

    status: Status = Status()


class AgentPod(msgspec.Struct, frozen=True):
    """An agent's pod and its node, as its token says."""

    cluster: str
    service_account: str
    pod_uid: str
    node_name: str
    node_uid: str

    def id(self, trust_domain: TrustDomain) -> SpiffeID:
        """The agent's identity: that of its node, so that a pod that is made anew is the same agent."""
        return trust_domain.member(f"/licet/agent/k8s/{self.cluster}/{self.node_uid}")


class Reviewer:
    """Asks one cluster's API server whose tokens are.

    `allowed` are service accounts as `namespace:name`; whoever else has a token for this audience is refused.
    """

    def __init__(self, api: ApiServer, cluster: str, allowed: Collection[str], audience: str = AUDIENCE) -> None:
        if not _SEGMENT.fullmatch(cluster) or cluster in (".", ".."):
            raise MalformedError(f"`{cluster[:80]}` is no name of a cluster", "letters, digits, `.`, `-` and `_`")
        self._api = api
        self._cluster = cluster
        self._allowed = frozenset(allowed)
        self._audience = audience

    async def review(self, token: str) -> AgentPod:
        """The agent whose token this is; raises MalformedError, RefusedError and UnavailableError."""
        if len(token) > _LONGEST or not _TOKEN.fullmatch(token):
            raise MalformedError("this is no service-account token", _PROJECT)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            review = await self._api.post("/apis/authentication.k8s.io/v1/tokenreviews", Review, body)
        except RefusedError as error:  # the server's own account may not ask, which says nothing of the agent
            raise UnavailableError(error.message, error.help) from None
        return agent(review.status, self._cluster, self._allowed, self._audience)


def agent(status: Status, cluster: str, allowed: Collection[str], audience: str) -> AgentPod:
    """The agent that a review speaks of; raises RefusedError unless everything about it is as it has to be."""
    # An authenticator that knows no audiences says none: then the token is one for the API server itself.
    if not status.authenticated or audience not in (status.audiences or ()):
        raise RefusedError(f"the token is not valid for audience `{audience}`", _PROJECT)
    account = status.user.username.removeprefix(_USER)
    if account == status.user.username or account not in allowed:
        raise RefusedError(
            f"`{status.user.username[:200]}` may not be an agent", "allow its `namespace:serviceaccount`"
        )
    pod_uid, node_uid = status.user.claim("pod-uid"), status.user.claim("node-uid")
    if not _UID.fullmatch(pod_uid):
        raise RefusedError("the token is bound to no pod", _PROJECT)
    if not _UID.fullmatch(node_uid):
        raise RefusedError("the token does not say on which node its pod runs", "Kubernetes 1.30 or later says so")
    return AgentPod(cluster, account, pod_uid, status.user.claim("node-name"), node_uid)
