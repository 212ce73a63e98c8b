"""What cannot be built for want of tools is skipped; what is wrong fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import built


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module, and a cache with nothing in it."""
    monkeypatch.setattr(built, "_CACHE", tmp_path / "cache")
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.org/tiny\n\ngo 1.22\n")
    (folder / "main.go").write_text('package main\n\nfunc main() { println("one") }\n')
    return folder


def test_a_program_is_built_again_when_its_sources_change_and_not_before(source: Path) -> None:
    first = built.go_program(source, "tiny")
    written = first.stat().st_mtime_ns
    assert built.go_program(source, "tiny") == first
    assert first.stat().st_mtime_ns == written
    (source / "main.go").write_text('package main\n\nfunc main() { println("two") }\n')
    assert built.go_program(source, "tiny") != first


def test_without_the_toolchain_the_test_is_skipped(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(source))
    with pytest.raises(pytest.skip.Exception, match="`go`, which is not installed"):
        built.go_program(source, "tiny")
    with pytest.raises(pytest.skip.Exception, match="`cargo`, which is not installed"):
        built.rust_program(source, "tiny")


def test_without_the_modules_the_test_is_skipped(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built.go_program(source, "tiny")  # so that it is skipped where there is no Go
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    (source / "go.mod").write_text("module example.org/tiny\n\ngo 1.22\n\nrequire example.org/absent v1.0.0\n")
    (source / "go.sum").write_text("example.org/absent v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    (source / "main.go").write_text('package main\n\nimport _ "example.org/absent"\n\nfunc main() {}\n')
    with pytest.raises(pytest.skip.Exception, match="did not get"):
        built.go_program(source, "tiny")


def test_a_program_that_is_wrong_fails_the_test(source: Path) -> None:
    (source / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(AssertionError, match="undefined: nothing"):
        built.go_program(source, "tiny")
