"""The contracts of the example platform say what its picture shows, and its policies permit that and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from licet.contracts.agreement import Agreement
from licet.model.key import Key
from licet.model.profiles import PROFILES
from licet.proof.prove import prove
from tests.answers import Pairs, listed
from tests.cli.command import licet
from tests.examples.test_shop import EDGES
from tests.proof.estate import estate

SHOP = Path(__file__).parents[2] / "examples" / "shop"
KUBERNETES = PROFILES["kubernetes"]
CONTRACTS = sorted(SHOP.glob("contracts/*/*.yaml"))
MANIFESTS = sorted(file for folder in ("bank", "data", "shop") for file in SHOP.glob(f"{folder}/*.yaml"))
PLATFORM = SHOP / "contracts" / "platform.yaml"


def together(*texts: str) -> str:
    return "\n---\n".join(texts)


def shop() -> str:
    """Everything as one text."""
    return together(*(file.read_text() for file in (*MANIFESTS, *CONTRACTS, PLATFORM)))


def without(file: Path, lines: str) -> str:
    """Everything, but for these lines of one contract; what a list then lacks altogether goes too."""
    text = file.read_text()
    assert text.count(lines) == 1
    left = re.sub(r"^  calls:\n(?!  - )", "", text.replace(lines, ""), flags=re.MULTILINE)
    left = re.sub(r"from: Selected\n      peers:\n(?!      - )", "from: None\n", left)
    return together(*(left if other == file else other.read_text() for other in (*MANIFESTS, *CONTRACTS, PLATFORM)))


def between(agreements: tuple[Agreement, ...]) -> Pairs:
    """The agreements of one workload with another."""
    return {
        (str(one.src), str(one.dst)): one.ports
        for one in agreements
        if isinstance(one.src, Key) and isinstance(one.dst, Key) and one.src != one.dst
    }


ADMITTED = [
    (file, peer)
    for file in CONTRACTS
    for peer in re.findall(r"^ {6}- \{name: .*(?:workload|gateway): .*\n", file.read_text(), re.MULTILINE)
]
CALLS = [
    (file, call)
    for file in CONTRACTS
    for call in re.findall(r"^  - name: \S+\n    to: .*\n(?:    .*\n)*", file.read_text(), re.MULTILINE)
]


def test_every_call_and_every_caller_is_found_by_the_tests_below() -> None:
    assert (len(ADMITTED), len(CALLS)) == (16, 18)


def test_what_is_agreed_among_workloads_is_what_the_picture_shows() -> None:
    pictured = {pair: ports for pair, ports in listed(EDGES).items() if len({*pair}) == 2 and pair[1].endswith("]")}
    assert between(estate(shop()).agreements.agreements) == pictured


@pytest.mark.parametrize("profile", ["kubernetes", "calico", "cilium"])
def test_its_hand_written_policies_are_proved(profile: str) -> None:
    whole = estate(shop())
    assert prove(whole.agreements, whole.cluster, PROFILES[profile]).holds


def test_contracts_manifests_and_policies_pass_the_gate(tmp_path: Path) -> None:
    """In a folder that is no repository, so that nobody asks for CODEOWNERS."""
    shutil.copytree(SHOP, tmp_path / "shop")
    ran = licet("check", "shop", "-o", "json", cwd=tmp_path)
    answer = json.loads(ran.out)
    assert (ran.code, answer["findings"], answer["contracts"], answer["proved"]) == (0, [], 10, True)
    assert answer["suppressed"] == 1


@pytest.mark.parametrize(("file", "peer"), ADMITTED, ids=lambda value: getattr(value, "stem", None))
def test_no_caller_can_be_taken_out_unnoticed(file: Path, peer: str) -> None:
    left = estate(without(file, peer))
    assert not prove(left.agreements, left.cluster, KUBERNETES).holds


@pytest.mark.parametrize(("file", "call"), CALLS, ids=lambda value: getattr(value, "stem", None))
def test_no_call_can_be_taken_out_unnoticed(file: Path, call: str) -> None:
    left = estate(without(file, call))
    assert not prove(left.agreements, left.cluster, KUBERNETES).holds
