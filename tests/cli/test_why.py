"""`licet why`, as a user meets it."""

import json
from pathlib import Path

import pytest

from tests.cli.command import DENY_ALL, SHOP, allow, deployment, licet, service

_INGRESS = (
    "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: front, namespace: shop}\n"
    "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two workloads behind Services, closed, of which one may call the other, and an ingress."""
    file = tmp_path / "shop.yaml"
    file.write_text(
        deployment("web")
        + deployment("cart")
        + service("web", "shop", 80, 8080)
        + service("cart", "shop", 80, 8080)
        + DENY_ALL
        + allow("web", "cart")
        + _INGRESS
    )
    return file


def test_an_allowed_connection_names_the_rules_and_shows_their_lines(shop: Path) -> None:
    ran = licet("why", "shop/web", "cart", shop, "--port", "8080")
    assert ran.code == 0
    assert ran.out.startswith(
        "allow: shop/web[Deployment] may reach shop/cart[Deployment] on TCP 8080\n\n1. allow egress"
    )
    assert ran.out.count(" --> ") == 2
    assert "- podSelector: {matchLabels: {app: cart}}" in ran.out
    assert "- podSelector: {matchLabels: {app: web}}" in ran.out
    assert "2 other policies that select them do not change this" in ran.out


def test_a_denied_connection_names_the_default_deny(shop: Path) -> None:
    ran = licet("why", "cart", "web", shop, "--port", "8080")
    assert ran.code == 1
    assert ran.out.startswith("deny: shop/cart[Deployment] may not reach shop/web[Deployment] on TCP 8080\n")
    assert "`shop/deny[NetworkPolicy]` selects `shop/web[Deployment]`, and it allows no ingress at all" in " ".join(
        ran.out.split()
    )


def test_json_has_the_verdict_and_each_cause_with_its_place(shop: Path) -> None:
    ran = licet("why", "shop/web", "shop/cart", shop, "--port", "8080", "-o", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["schema"], document["verdict"]) == (0, "licet.dev/why/v1", "allow")
    cause = next(cause for cause in document["because"] if cause["effect"] == "allow")
    assert (cause["layer"], cause["direction"], cause["policy"], cause["rule"]) == (
        "NetworkPolicy",
        "egress",
        "shop/web-to-cart[NetworkPolicy]",
        "egress[0]",
    )
    line = shop.read_text().splitlines()[cause["where"]["line"] - 1]
    assert line[cause["where"]["column"] - 1 :].startswith("to:")


def test_a_service_is_followed_to_its_pods_and_their_port(shop: Path) -> None:
    ran = licet("why", "web", "shop/cart[Service]", shop, "--port", "80")
    assert ran.code == 0
    assert "leads from port 80 to TCP 8080 of" in ran.out
    ran = licet("why", "web", "shop/cart[Service]", shop, "--port", "8080")
    assert ran.code == 1
    assert "`shop/cart[Service]` has no port TCP 8080; it has TCP 80" in ran.out


def test_a_name_that_is_only_a_service_needs_no_kind(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(deployment("web") + service("nobody", "shop", 80, 8080))
    ran = licet("why", "web", "nobody", tmp_path, "--port", "80")
    assert ran.code == 1
    assert "`shop/nobody[Service]` leads to no pod on TCP 80" in ran.out


def test_an_ingress_is_followed_through_its_service(shop: Path) -> None:
    ran = licet("why", "{ingress-controller}", "shop/front[Ingress]", shop, "--port", "80")
    assert ran.code == 1
    assert ran.out.startswith("deny: {ingress-controller} may not reach shop/front[Ingress]")
    for step in ("to the Service `shop/web`", "leads from port 80 to TCP 8080", "it allows no ingress at all"):
        assert step in " ".join(ran.out.split())


def test_pods_that_differ_behind_one_service_leave_it_open(tmp_path: Path) -> None:
    shared = service("both", "shop", 80, 8080).replace("app: both", "tier: back")
    back = "".join(
        deployment(name).replace(f"labels: {{app: {name}}}", f"labels: {{app: {name}, tier: back}}") for name in "ab"
    )
    (tmp_path / "a.yaml").write_text(deployment("web") + back + shared + DENY_ALL + allow("web", "a"))
    ran = licet("why", "web", "both", tmp_path, "--port", "80", "-o", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["verdict"]) == (1, "undetermined")
    assert document["assumptions"] == ["which of the pods behind the name takes the connection"]


def test_what_hangs_on_something_is_no_yes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        deployment("web")
        + deployment("cart")
        + "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: block, namespace: shop}\n"
        "spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n"
    )
    profiles = ("kubernetes", "cilium")
    open_, sure = (licet("why", "web", "cart", tmp_path, "--port", "1", "--enforcer", name) for name in profiles)
    assert (open_.code, open_.out.split(":")[0]) == (1, "undetermined")
    assert "\n  if the enforcer matches an ipBlock against pods' own addresses\n" in open_.out
    assert (sure.code, sure.out.split(":")[0]) == (1, "deny")


def test_every_id_that_the_map_shows_is_understood() -> None:
    """Workloads, the ingress controller, and ranges of addresses, of which policies may cut the ends."""
    shown = json.loads(licet("map", SHOP, "-o", "json").out)["endpoints"]
    assert {endpoint["type"] for endpoint in shown} == {"workload", "ingress", "addresses"}
    for id in [endpoint["id"] for endpoint in shown]:
        ran = licet("why", id, "shop/storefront[Deployment]", SHOP, "--port", "8080", "-o", "json")
        assert (ran.code in (0, 1), ran.err) == (True, "")


def test_an_id_with_a_group_is_understood(tmp_path: Path) -> None:
    rollout = deployment("web").replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout")
    (tmp_path / "a.yaml").write_text(rollout)
    id = "shop/web[Rollout.argoproj.io]"
    asked = licet("why", id, "8.8.8.8", tmp_path, "--port", "53"), licet("blast", id, tmp_path)
    assert [(ran.code, ran.err) for ran in asked] == [(0, ""), (0, "")]


def test_a_range_has_one_verdict_or_none(tmp_path: Path) -> None:
    """A block of a policy in the middle of a range that the user made up tells its addresses apart."""
    policy = (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
        "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}\n"
    )
    (tmp_path / "a.yaml").write_text(deployment("web") + policy)
    within = licet("why", "203.0.113.0-203.0.113.255", "shop/web", tmp_path, "--port", "1")
    assert (within.code, within.out.splitlines()[0]) == (
        0,
        "allow: 203.0.113.0-203.0.113.255 may reach shop/web[Deployment] on TCP 1",
    )
    assert licet("why", "203.0.113.0/24", "shop/web", tmp_path, "--port", "1").code == 0
    across = licet("why", "203.0.113.0-203.0.114.255", "shop/web", tmp_path, "--port", "1")
    assert (across.code, across.err) == (
        2,
        "licet: the addresses of `203.0.113.0-203.0.114.255` do not share one verdict: "
        "name one of them, such as `203.0.114.0`, or a range that `licet map` lists\n",
    )


def test_a_block_is_meant_as_the_table_shows_it() -> None:
    """The table writes ranges as blocks, JSON as first and last address; `--focus` takes both."""
    block, range_ = (
        licet("map", SHOP, "--focus", text, "-q") for text in ("203.0.113.0/28", "203.0.113.0-203.0.113.15")
    )
    assert (block.code, block.err) == (0, "")
    assert block == range_
    assert "203.0.113.0/28  TCP 443" in block.out
