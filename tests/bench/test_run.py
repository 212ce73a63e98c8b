"""The benchmark runs from end to end on its smallest cases, and says what it measured."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import peers
from bench.process import run
from bench.report import BEGIN, END, insert, table
from licet.model.ports import ALL_PORTS, PortRange, PortSet, Protocol

ROOT = Path(__file__).parents[2]


def test_a_quick_run_measures_every_stage(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--quick", "--variants", "plain", "notin"]
    command += ["--no-identities", "--out", str(results)]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert "| plain-100 " in outcome.stdout
    assert "From contracts to proved policies" in outcome.stdout
    found: dict[str, Any] = json.loads(results.read_text())
    cases = found["cases"]
    assert [case["case"] for case in cases] == ["plain-100", "notin-100"]
    for case in cases:
        assert not case["failure"]
        assert case["counts"]["workloads"] == 102
        assert case["counts"]["policies"] == 104
        assert case["counts"]["documents"] == case["documents"]
        assert case["findings"] == {}
        assert min(case["baseline"], case["whole"], case["peak"], *case["stages"].values()) > 0
    assert [(chain["workloads"], chain["failure"]) for chain in found["chains"]] == [(100, "")]
    assert [change["checked"] for change in found["latencies"]] == [2] * 5
    assert found["latencies"][-1]["rows"] > 50, "a policy of the whole cluster changes most rows"


def test_a_child_is_ended_at_its_timeout_and_its_limit() -> None:
    slow = run([sys.executable, "-c", "import time; time.sleep(30)"], timeout=0.2)
    assert (slow.timed_out, slow.wall < 10) == (True, True)
    greedy = run([sys.executable, "-c", "bytearray(1 << 30)"], memory=1 << 28)
    assert (greedy.timed_out, greedy.failure) == (False, "MemoryError")


def test_a_child_s_peak_is_its_own() -> None:
    # Measured from a process that is small itself: no peak is below that of who measures.
    program = (
        "import sys; from bench.process import run; print(run([sys.executable, '-c', 'bytearray(200 << 20)']).peak)"
    )
    peak = int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
    assert 200 << 20 <= peak < 240 << 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("All connections", ALL_PORTS),
        ("{protocols:TCP,dst_ports:3000}", PortSet.of(PortRange(Protocol.TCP, 3000, 3000))),
        (
            "{protocols:TCP,UDP,dst_ports:53,90-95},{protocols:SCTP}",
            PortSet.of(
                *(PortRange(p, *ports) for p in (Protocol.TCP, Protocol.UDP) for ports in ((53, 53), (90, 95))),
                PortRange(Protocol.SCTP),
            ),
        ),
    ],
)
def test_the_connections_of_nca_are_read(text: str, expected: PortSet) -> None:
    assert peers.nca_connections(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("All Connections", ALL_PORTS),
        (
            "TCP 80,90-95,UDP 53",
            PortSet.of(
                PortRange(Protocol.TCP, 80, 80), PortRange(Protocol.TCP, 90, 95), PortRange(Protocol.UDP, 53, 53)
            ),
        ),
    ],
)
def test_the_connections_of_netpolicy_are_read(text: str, expected: PortSet) -> None:
    assert peers.netpolicy_connections(text) == expected


def test_a_table_lines_up() -> None:
    assert table(("a", "long"), [("bbb", "c")]) == "| a   | long |\n|-----|-----:|\n| bbb |    c |"


def test_numbers_replace_the_ones_before_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(page, "new\n")
    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    page.write_text("no place")
    with pytest.raises(ValueError, match="has no lines"):
        insert(page, "new")
