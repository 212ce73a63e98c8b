"""The shipped profiles answer every question with a source, and the page says what the code says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from licet.model.profile import Profile
from licet.model.profiles import DEFAULT, PROFILES
from licet.model.ternary import Ternary

PAGE = Path(__file__).parents[2] / "docs" / "profiles.md"
ANSWERS = tuple(name for name in (f.name for f in msgspec.structs.fields(Profile)) if name not in {"name", "sources"})


def test_the_shipped_names() -> None:
    assert tuple(PROFILES) == ("kubernetes", "calico", "cilium", "antrea", "ovn-kubernetes", "kube-network-policies")
    assert all(profile.name == name for name, profile in PROFILES.items())


def test_the_default_decides_nothing_that_the_api_leaves_open() -> None:
    assert msgspec.structs.replace(PROFILES[DEFAULT], sources=()) == Profile(
        name="kubernetes",
        block_matches_pods=Ternary.UNKNOWN,
        block_matches_nodes=Ternary.UNKNOWN,
        selects_host_network=Ternary.UNKNOWN,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.UNKNOWN,
        experimental=False,
    )


@pytest.mark.parametrize("name", PROFILES)
def test_every_answer_names_its_source(name: str) -> None:
    sources = PROFILES[name].sources
    assert tuple(field for field, _ in sources) == ANSWERS
    assert all(url.startswith("https://") for _, url in sources)


def test_the_page_says_what_the_code_says() -> None:
    def word(value: Ternary | bool) -> str:
        return ("yes" if value else "no") if isinstance(value, bool) else value.name.lower()

    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name}` | " + " | ".join(word(getattr(profile, field)) for field in ANSWERS) + " |"
        for name, profile in PROFILES.items()
    ]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        PROFILES["kubernetes"] = PROFILES["cilium"]  # type: ignore[index]
