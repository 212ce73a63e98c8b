"""What an Envoy was told and did not take is a finding, from its own counters."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from licet.diag.diagnostic import Severity
from licet.mesh.errors import SidecarError
from licet.mesh.telemetry import stats
from tests.identity.workload.sources import Authority
from tests.mesh.telemetry import proxy
from tests.mesh.telemetry.proxy import CALLER, until


def test_a_garbage_secret_and_a_garbage_policy_are_found(tmp_path: Path) -> None:
    authority = Authority("example.org")
    listener = proxy.from_files(tmp_path, authority.svid("/ns/shop/sa/api"), authority, {CALLER: "checkout"})
    with proxy.envoy(tmp_path / "api", "api-1", tmp_path / "logs", [listener], [proxy.cluster("app", 1)]) as running:
        before = asyncio.run(stats.fetch(running.admin))
        assert list(stats.judge("api-1", {}, before)) == []
        garbage = {"inline_string": "garbage"}
        proxy.write_secret(tmp_path, {"certificate_chain": garbage, "private_key": garbage})
        proxy.write_policy(
            tmp_path, {"matcher": {"on_no_match": {"action": {"name": "none", "typed_config": proxy.NOTHING}}}}
        )

        def both() -> list[tuple[str, Severity, str]] | None:
            found = list(stats.judge("api-1", before, asyncio.run(stats.fetch(running.admin))))
            return [(each.code, each.severity, each.message) for each in found] if len(found) > 1 else None

        told = "the sidecar `api-1` does not take"
        assert sorted(until(both)) == [
            ("L0547", Severity.ERROR, f"{told} the secret `default`, and keeps the one it has"),
            ("L0561", Severity.ERROR, f"{told} the policy `policy/8080`, and keeps the one it has"),
        ]


def test_counters_are_judged_by_what_they_rose() -> None:
    name = "access_logs.grpc_access_log.logs_dropped"
    [found] = stats.judge("api-1", {name: 3}, {name: 5})
    assert (found.code, "2 entries" in found.message) == ("L0562", True)
    [anew] = stats.judge("api-1", {name: 3}, {name: 1})
    assert "1 entries" in anew.message
    assert list(stats.judge("api-1", {name: 3}, {name: 3})) == []


def test_callers_that_fail_in_tls_are_told_by_listener() -> None:
    [found] = stats.judge("api-1", {}, {"listener.0.0.0.0_8080.ssl.fail_verify_no_cert": 4, "other": 7})
    assert found.code == "L0563"
    assert found.message == "4 callers of `0.0.0.0_8080` at the sidecar `api-1` showed no certificate"


@pytest.mark.parametrize("data", [b"", b"[]", b'{"stats":[{"name":1}]}', b'{"stats":[{"value":1.5}]}', b"\xff"])
def test_what_is_no_envoy_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(SidecarError):
        stats.read(data)


def test_histograms_and_other_members_are_passed_over() -> None:
    assert stats.read(b'{"stats":[{"name":"a","value":2},{"histograms":{}}],"more":1}') == {"a": 2}


def test_a_sidecar_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    for address in (str(tmp_path / "gone"), "127.0.0.1:1"):
        with pytest.raises(SidecarError, match="cannot be had"):
            asyncio.run(stats.fetch(address))
