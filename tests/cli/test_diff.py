"""`licet diff`, as a user meets it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import DENY_ALL, allow, deployment, licet

_BASE = deployment("web") + deployment("cart") + deployment("mail") + DENY_ALL


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """One connection goes and another one comes."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(_BASE + allow("web", "cart"))
    new.write_text(_BASE + allow("web", "mail"))
    return old, new


def test_what_is_newly_allowed_comes_first_and_apart(sides: tuple[Path, Path]) -> None:
    ran = licet("diff", *sides)
    assert ran.code == 1
    assert ran.out == (
        "Newly allowed\nFROM      TO         PORTS\nshop/web  shop/mail  TCP 8080\n\n"
        "Newly denied\nFROM      TO         PORTS\nshop/web  shop/cart  TCP 8080\n\n"
        "1 edge newly allowed, 1 newly denied\n"
    )


def test_the_same_on_both_sides_is_no_difference(sides: tuple[Path, Path]) -> None:
    ran = licet("diff", sides[0], sides[0])
    assert (ran.code, ran.out) == (0, "no difference: the same can reach the same\n")


def test_json_markdown_and_annotations_say_the_same(sides: tuple[Path, Path]) -> None:
    document = json.loads(licet("diff", *sides, "-o", "json").out)
    ports = [{"protocol": "TCP", "from": 8080, "to": 8080}]
    web, cart, mail = (f"shop/{name}[Deployment]" for name in ("web", "cart", "mail"))
    assert document["allowed"] == [{"src": [web], "dst": [mail], "ports": ports}]
    assert document["denied"] == [{"src": [web], "dst": [cart], "ports": ports}]
    assert document["undetermined"] == []
    assert "| `shop/web` | `shop/mail` | `TCP 8080` |" in licet("diff", *sides, "-o", "markdown").out
    assert licet("diff", *sides, "-o", "github").out.splitlines() == [
        "::warning title=Licet%3A newly allowed::shop/web -> shop/mail on TCP 8080",
        "::notice title=Licet%3A newly denied::shop/web -> shop/cart on TCP 8080",
    ]


def test_a_git_revision_is_a_side(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    file = tmp_path / "k8s.yaml"
    file.write_text(_BASE)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "closed")
    file.write_text(_BASE + allow("web", "cart"))
    ran = licet("diff", "main", "k8s.yaml", cwd=tmp_path)
    assert ran.code == 1
    assert ran.out.splitlines()[2] == "shop/web  shop/cart  TCP 8080"
    assert licet("diff", "main:k8s.yaml", "main", cwd=tmp_path).code == 0


def test_findings_of_both_sides_are_told(sides: tuple[Path, Path]) -> None:
    sides[0].write_text(sides[0].read_text() + "---\na: [\n")
    ran = licet("diff", *sides)
    assert ran.code == 1
    assert "old.yaml:" in ran.err
