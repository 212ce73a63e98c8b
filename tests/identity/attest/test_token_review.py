"""Agents by their tokens: everything about a review has to be as it is to be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from licet.identity.attest.api_server import ApiServer
from licet.identity.attest.token_review import AgentPod, Review, Reviewer, Status, User, agent
from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.spiffeid import TrustDomain

RECORDED = Path(__file__).with_name("recorded")
NODE = "ca80173c-07a4-4320-86af-6e84384839e6"
POD = "e9bbc88f-fb51-44b4-9464-743545a31c14"
CLAIM = "authentication.kubernetes.io/"


def recorded(name: str = "review.json") -> Status:
    return msgspec.json.decode((RECORDED / name).read_bytes(), type=Review).status


def judged(status: Status) -> AgentPod:
    return agent(status, "eu", ["licet:agent"], "licet")


def test_an_agent_is_its_node() -> None:
    found = judged(recorded())
    assert found == AgentPod("eu", "licet:agent", POD, "node-1", NODE)
    assert str(found.id(TrustDomain("shop.example"))) == f"spiffe://shop.example/licet/agent/k8s/eu/{NODE}"


def _user(**changes: object) -> Status:
    return msgspec.structs.replace(recorded(), user=msgspec.structs.replace(recorded().user, **changes))


def _claims(**changes: tuple[str, ...]) -> Status:
    extra = dict(recorded().user.extra or {})
    return _user(extra=extra | {CLAIM + name.replace("_", "-"): value for name, value in changes.items()})


REFUSED = {
    "not authenticated": (recorded("review_refused.json"), "not valid for audience `licet`"),
    "authenticated alone": (Status(authenticated=True), "not valid for audience `licet`"),
    "audiences without authentication": (msgspec.structs.replace(recorded(), authenticated=False), "not valid"),
    "another audience": (msgspec.structs.replace(recorded(), audiences=("vault",)), "not valid"),
    "an authenticator without audiences": (msgspec.structs.replace(recorded(), audiences=None), "not valid"),
    "another account": (_user(username="system:serviceaccount:licet:other"), "may not be an agent"),
    "an account of another namespace": (_user(username="system:serviceaccount:shop:agent"), "may not be an agent"),
    "a person named so": (_user(username="licet:agent"), "`licet:agent` may not be an agent"),
    "a node": (_user(username="system:node:node-1"), "may not be an agent"),
    "no claims": (_user(extra=None), "bound to no pod"),
    "no pod": (_claims(pod_uid=()), "bound to no pod"),
    "two pods": (_claims(pod_uid=(POD, POD)), "bound to no pod"),
    "no node": (_claims(node_uid=()), "does not say on which node"),
    "a node that is a path": (_claims(node_uid=("../../server",)), "does not say on which node"),
    "two nodes": (_claims(node_uid=(NODE, NODE)), "does not say on which node"),
}


@pytest.mark.parametrize(("status", "reason"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused(status: Status, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        judged(status)


def _nobody(tmp_path: Path) -> ApiServer:
    return ApiServer("https://127.0.0.1:1", tmp_path / "ca.crt", tmp_path / "token")


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d", "a b.c.d", "a.b.c\n", "ä.b.c", "a." + "b" * 20000 + ".c"])
def test_what_is_no_token_is_not_even_asked_about(tmp_path: Path, token: str) -> None:
    with pytest.raises(MalformedError) as refused:
        asyncio.run(Reviewer(_nobody(tmp_path), "eu", ["licet:agent"]).review(token))
    assert token not in str(refused.value) or not token


def test_without_an_account_of_its_own_the_server_says_that_it_cannot_answer(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="token` cannot be read"):
        asyncio.run(Reviewer(_nobody(tmp_path), "eu", ["licet:agent"]).review("a.b.c"))


@pytest.mark.parametrize("cluster", ["", "a/b", "..", "a b"])
def test_a_cluster_has_a_name_that_may_stand_in_an_id(tmp_path: Path, cluster: str) -> None:
    with pytest.raises(MalformedError):
        Reviewer(_nobody(tmp_path), cluster, ["licet:agent"])


def test_a_user_without_extras_has_no_claims() -> None:
    assert User("x").claim("pod-uid") == ""
