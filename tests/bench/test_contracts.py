"""The platforms with contracts are in agreement, so that what is measured is the way to a proof."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bench import chain, report
from bench.contracts import estate, files, write
from bench.result import Chain, Cost
from licet.app.gate import Gate, gate
from licet.app.load import Setting, load
from licet.checks.codeowners import CodeOwners
from licet.contracts.agreement import EdgeKind
from licet.model.profiles import DEFAULT, PROFILES
from licet.sources.settings import Settings

SIZE = 40
CALLS = (EdgeKind.WORKLOAD, EdgeKind.SERVICE)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    folder = tmp_path_factory.mktemp("platforms") / "platform"
    write(SIZE, folder)
    loaded = load([str(folder)], Setting(Settings()), lambda _: None)
    return gate(loaded, PROFILES[DEFAULT], datetime(2027, 1, 1, tzinfo=UTC), namespace="default")


def test_every_workload_has_a_contract_and_calls_what_it_names(judged: Gate) -> None:
    graph = estate(SIZE)
    calls = sum(one.caller is not None for one in judged.agreements.agreements if one.kind in CALLS)
    assert len(judged.agreements.contracts) == SIZE
    assert calls == sum(map(len, graph.callees)) == 3 * SIZE


def test_nothing_is_found_in_it_and_its_proof_holds(judged: Gate) -> None:
    assert [(one.code, one.message) for one in judged.report.findings] == []
    assert judged.proof is not None
    assert judged.proof.holds


def test_every_contract_is_guarded_by_its_owner() -> None:
    texts = dict(files(SIZE))
    rules = CodeOwners("CODEOWNERS", texts["CODEOWNERS"])
    contracts = [path for path, text in texts.items() if "kind: Contract\n" in text]
    assert len(contracts) == SIZE
    for path in contracts:
        owner = next(line for line in texts[path].splitlines() if line.startswith("  owner: ")).removeprefix(
            "  owner: "
        )
        assert rules.asks(path, f"@{owner}")


def test_what_is_written_is_what_is_said(tmp_path: Path) -> None:
    count, documents, size = write(SIZE, tmp_path / "platform")
    found = [path.read_bytes() for path in (tmp_path / "platform").rglob("*.yaml")]
    assert (count, size) == (len(found), sum(map(len, found)))
    assert documents == sum(len(list(yaml.load_all(data, yaml.CSafeLoader))) for data in found)


def test_the_commands_are_measured_from_end_to_end() -> None:
    done = chain.measure(SIZE, 1)
    assert done.failure == ""
    assert set(done.commands) == set(report.COMMANDS)
    assert min(cost.wall for cost in done.commands.values()) > 0


def test_growth_is_told_against_linear() -> None:
    def platform(workloads: int, seconds: float) -> Chain:
        cost = Cost(seconds, seconds, 1 << 20)
        return Chain(workloads, 1, 1, 1, 1, cost, dict.fromkeys(report.COMMANDS, cost))

    small, large = platform(1_000, 1.0), platform(10_000, 12.0)
    assert large.growth(small) == pytest.approx(1.2)
    assert [row[5] for row in report.chain_rows([small, large])] == ["-", "1.20"]
