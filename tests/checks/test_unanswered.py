"""A call that reaches nobody is found where it is written; what may be answered elsewhere is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from licet.app.load import Setting, load
from licet.checks.unanswered import unanswered
from licet.contracts.agree import agree
from licet.diag.diagnostic import Diagnostic, Severity
from licet.discover.evidence import evidence
from licet.sources.settings import settings
from tests.checks.test_undeclared import contract, read_all
from tests.cli.command import SHOP, deployment, service
from tests.shared import shared

CALLEE = deployment("b") + service("b", "shop", 90, 8080)


def web(*settings: tuple[str, str], pod: str = "") -> str:
    env = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in settings)
    return (
        deployment("web").replace("containers:", f"{pod}containers:").replace("image: i,", f"image: i, env: [{env}],")
    )


def check(*texts: str) -> list[Diagnostic]:
    read, cluster, agreements = read_all(*texts, CALLEE)
    return unanswered(evidence(read, cluster), agreements, cluster, read)


@pytest.mark.parametrize(
    "settings",
    [
        [("B_ADDR", "b:91")],
        [("B_URL", "http://b.shop:91/x")],
        [("B", "http://b.shop.svc:91")],
        [("B_HOST", "b"), ("B_PORT", "91")],
    ],
)
def test_a_port_that_a_service_does_not_have_is_an_error(settings: list[tuple[str, str]]) -> None:
    [found] = check(web(*settings), contract("web"))
    assert (found.code, found.severity) == ("L0467", Severity.ERROR)
    assert found.message == "`shop/web[Deployment]` calls `shop/b` on port 91, which the Service does not have"
    assert found.help == "it has 90: call one of them, or add the port to the Service"
    [related] = found.related
    assert related.label == "the ports of the Service"


@pytest.mark.parametrize(
    "settings",
    [
        [("B_ADDR", "b:90")],
        [("B_URL", "http://b")],
        [("B_IMAGE", "b:91")],
        [("VERSION", "b:91")],
        [("BIND_ADDR", "b:91")],
        [("NAME", "b"), ("NAME_PORT", "91")],
        [("API_URL", "https://api.example.com:91")],
        [("WEB_ADDR", "localhost:91")],
        [("LEVEL", "nosuch:91")],
        [("HOST", "nosuch")],
        [("A_ADDR", "nosuch.of.ours:91")],
    ],
)
def test_what_is_answered_or_is_no_sure_address_is_not_found(settings: list[tuple[str, str]]) -> None:
    assert check(web(*settings), contract("web")) == []


@pytest.mark.parametrize(
    ("address", "name", "namespace", "help"),
    [
        (
            "nosuch:91",
            "nosuch",
            "shop",
            "correct the name; where others run that Service, declare the call in the contract",
        ),
        (
            "http://nosuch",
            "nosuch",
            "shop",
            "correct the name; where others run that Service, declare the call in the contract",
        ),
        ("b.other:90", "b", "other", "did you mean `b`?"),
        ("b.other.svc.cluster.local:90", "b", "other", "did you mean `b`?"),
        ("lodger:90", "lodger", "shop", "did you mean `ledger`?"),
        ("remote:90", "remote", "shop", "did you mean `remote.bank`?"),
    ],
)
def test_an_address_that_no_service_has_is_a_warning(address: str, name: str, namespace: str, help: str) -> None:
    others = service("ledger", "shop", 90, 8080) + service("remote", "bank", 90, 8080)
    [found] = check(web(("U_ADDR", address)), contract("web"), others)
    assert (found.code, found.severity, found.help) == ("L0468", Severity.WARNING, help)
    assert found.message == (
        f"`shop/web[Deployment]` calls the Service `{namespace}/{name}`, which the manifests do not hold"
    )


@pytest.mark.parametrize(
    "pod",
    ["hostAliases: [{ip: 10.0.0.1, hostnames: [nosuch]}], ", "dnsPolicy: None, ", "hostNetwork: true, "],
)
def test_a_name_that_the_pod_resolves_itself_is_no_lack(pod: str) -> None:
    assert check(web(("U_ADDR", "nosuch:91"), pod=pod), contract("web")) == []


def test_a_missing_service_that_the_contract_declares_is_told_of_there() -> None:
    for call in (
        "{name: x, to: {service: {name: nosuch}}}",
        "{name: x, to: {dns: {name: nosuch.shop.svc.example}}, ports: [{port: 91}]}",
    ):
        assert check(web(("U_ADDR", "nosuch:91")), contract("web", call)) == []


def test_a_workload_without_a_contract_is_left_alone() -> None:
    assert check(web(("U_ADDR", "nosuch:91"), ("B_ADDR", "b:91"))) == []


def test_one_mistake_in_two_settings_is_one_finding() -> None:
    [found] = check(web(("A_ADDR", "b:91"), ("B_ADDR", "b:91")), contract("web"))
    assert [one.label for one in found.related] == ["and here: B_ADDR=b:91", "the ports of the Service"]


@pytest.mark.parametrize(("name", "found"), [("nosuch", 0), ("no", 1), ("nosuch-bootstrap", 1)])
def test_an_operator_may_make_services_that_begin_with_the_name_of_its_resource(name: str, found: int) -> None:
    custom = f"---\napiVersion: kafka.example/v1\nkind: Kafka\nmetadata: {{name: {name}, namespace: shop}}\n"
    assert len(check(web(("U_ADDR", "nosuch:91")), contract("web"), custom)) == found
    assert check(web(("U_ADDR", "nosuch-bootstrap:91")), contract("web"), custom) == [] or name == "no"


def test_platforms_that_run_have_none_of_it() -> None:
    folders = [SHOP, *(shared("corpus", name) for name in ("bookinfo", "emojivoto", "aks-store"))]
    assert [found_in(folder) for folder in folders] == [[]] * len(folders)


def found_in(folder: Path) -> list[Diagnostic]:
    """As if each workload had a contract."""
    loaded = load([str(folder)], Setting(settings(None)), lambda _: None, keep=True)
    agreements = agree(loaded.contracts, loaded.cluster, datetime(2026, 11, 21, tzinfo=UTC))
    everybody = frozenset(workload.key for workload in loaded.cluster.workloads)
    held = msgspec.structs.replace(agreements, isolated=everybody)
    return unanswered(evidence(loaded.objects(), loaded.cluster), held, loaded.cluster, loaded.objects())
